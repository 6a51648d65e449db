/** The body of an answer that came encoded: decoded, counted, and cut off at its limit. */
import { pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { GuildhallError } from '../errors/index.ts';
import { egressErrors } from './errors.ts';
import { tooLarge } from './translate.ts';

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** What the client asks for; it must stay what `DECODERS` can read. */
export const ACCEPT_ENCODING = 'gzip, deflate, br';

async function* counted(
  source: Readable,
  maxBytes: number,
  translate: (error: unknown) => unknown,
): AsyncGenerator<Buffer> {
  let size = 0;
  try {
    for await (const chunk of source) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      yield chunk;
    }
  } catch (error) {
    throw translate(error);
  }
}

export interface DecodeOptions {
  readonly encoding: string;
  readonly maxBytes: number;
  readonly translate: (error: unknown) => unknown;
}

/** Layers of encoding are refused: each one multiplies what a small answer can unfold to. @throws when the encoding is unknown. */
export function decoded(raw: Readable, { encoding, maxBytes, translate }: DecodeOptions): Readable {
  const make = DECODERS[encoding];
  if (!make) {
    raw.destroy();
    throw new GuildhallError(egressErrors.badResponse, {
      detail: 'The answer is encoded in a way that is not supported.',
      internal: encoding.slice(0, 100),
    });
  }
  // The reader of the decoder sees every error; nothing is left to do here.
  const unfolded = pipeline(raw, make(), () => {});
  const body = Readable.from(counted(unfolded, maxBytes, translate), { objectMode: false });
  body.on('error', () => {}).once('close', () => raw.destroy());
  return body;
}

/** The whole of it. @throws what the body fails with. */
export function readAll(body: Readable): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  const givenUp = (): void => reject(body.errored ?? new Error('The answer was given up, or read before.'));
  body
    .on('data', (chunk: Buffer) => chunks.push(chunk))
    .once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    .once('close', () => body.readableEnded || givenUp());
  if (body.closed) givenUp();
  return promise;
}
