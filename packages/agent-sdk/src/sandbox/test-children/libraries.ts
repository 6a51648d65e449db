/** A child that loads a native module by name, to show that the walls leave room for it. */
import { sandboxEntry } from '../entry.ts';

export default sandboxEntry(async (input: { module: string }) => Object.keys(await import(input.module)).length);
