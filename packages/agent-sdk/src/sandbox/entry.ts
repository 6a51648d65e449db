/** The child side of sandboxed work. */
import type { Json } from '../types.ts';

export interface SandboxIo {
  /** Absolute path of the only folder that may be written. */
  readonly writeDir: string;
  progress(done: number, total?: number, note?: string): void;
}

/** Marks a function as work for a child process: `export default sandboxEntry(async (input, io) => …)`. */
export function sandboxEntry<Input extends Json, Output extends Json>(
  work: (input: Input, io: SandboxIo) => Promise<Output>,
): (input: Input, io: SandboxIo) => Promise<Output> {
  return work;
}
