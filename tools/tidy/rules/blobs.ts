/** Large files are few and known. */
import type { Rule } from '../types.ts';

const BLOB_MAX_BYTES = 300_000;
/** Each with the reason why it is here. */
const KNOWN: Readonly<Record<string, string>> = { 'package-lock.json': 'pins every dependency by its hash' };

/** Files over 300 kB that are not on the list. */
export const blobs: Rule = (files) =>
  files
    .filter((file) => file.bytes > BLOB_MAX_BYTES && !Object.hasOwn(KNOWN, file.path))
    .map((file) => ({
      path: file.path,
      line: 0,
      message: `${file.bytes} bytes: make it in the test that needs it, or list it with a reason`,
    }));
