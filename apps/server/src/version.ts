/** The version of this program, from its own package. */
import { readFileSync } from 'node:fs';

// Written by us, one folder above the sources.
export const VERSION = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
