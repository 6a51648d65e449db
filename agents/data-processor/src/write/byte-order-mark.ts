/** Puts a byte order mark before a file. */
import { createReadStream, createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** Rewrites the file beside itself, chunk by chunk. */
export async function prependMark(path: string): Promise<void> {
  const marked = `${path}.marked`;
  const target = createWriteStream(marked);
  target.write('\uFEFF');
  await pipeline(createReadStream(path), target);
  await rename(marked, path);
}
