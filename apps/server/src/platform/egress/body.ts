/** The body of an answer: decoded, counted, and cut off at its limit. */
import { pipeline, Readable, type Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { GuildhallError } from '../errors/index.ts';
import { egressErrors } from './errors.ts';

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** What the client asks for; it must stay what `DECODERS` can read. */
export const ACCEPT_ENCODING = 'gzip, deflate, br';

/** Layers of encoding are refused: each one multiplies what a small answer can unfold to. */
function decoded(raw: Readable, encoding: string): Readable {
  if (encoding === '' || encoding === 'identity') return raw;
  const make = DECODERS[encoding];
  if (!make) {
    raw.destroy();
    throw new GuildhallError(egressErrors.badResponse, {
      detail: 'The answer is encoded in a way that is not supported.',
      internal: encoding.slice(0, 100),
    });
  }
  // The reader of the decoder sees every error; nothing is left to do here.
  return pipeline(raw, make(), () => {});
}

const tooLarge = (maxBytes: number): GuildhallError =>
  new GuildhallError(egressErrors.tooLarge, { detail: `The limit is ${maxBytes} bytes.` });

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

export interface BodyOptions {
  readonly encoding: string;
  readonly length: string | undefined;
  readonly maxBytes: number;
  readonly translate: (error: unknown) => unknown;
  /** Called once, when nothing more will be read. */
  readonly onClose: () => void;
}

/** @throws before reading anything when the announced length is over the limit or the encoding is unknown. */
export function boundedBody(raw: Readable, options: BodyOptions): Readable {
  // Its reader learns of the error; a body that nobody reads must not end the process.
  raw.on('error', () => {});
  if (Number(options.length) > options.maxBytes) {
    raw.destroy();
    throw tooLarge(options.maxBytes);
  }
  const body = Readable.from(counted(decoded(raw, options.encoding), options.maxBytes, options.translate), {
    objectMode: false,
  });
  body.once('close', () => {
    raw.destroy();
    options.onClose();
  });
  return body;
}

export const readAll = (body: Readable): Promise<Buffer> => buffer(body);
