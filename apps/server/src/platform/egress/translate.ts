/** What the HTTP client and the decoders throw, in words of this part. */
import { errors } from 'undici';
import { GuildhallError } from '../errors/index.ts';
import { egressErrors } from './errors.ts';
import { denied } from './target.ts';

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

export function errorFor(error: unknown): unknown {
  if (error instanceof GuildhallError) return error;
  const code = codeOf(error);
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT')
    return new GuildhallError(egressErrors.connectTimeout, { cause: error });
  if (code.includes('TIMEOUT')) return new GuildhallError(egressErrors.timeout, { cause: error });
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return new GuildhallError(egressErrors.tooLarge, { cause: error });
  if (code === 'UND_ERR_INVALID_ARG') return denied('A header of the request cannot be sent.');
  if (
    error instanceof errors.HTTPParserError ||
    /^(?:Z_|HPE_|ERR__ERROR_FORMAT|ERR_BROTLI|ERR_ZLIB|UND_ERR_RES)/.test(code)
  )
    return new GuildhallError(egressErrors.badResponse, { cause: error });
  return new GuildhallError(egressErrors.unreachable, { cause: error });
}

export const tooLarge = (maxBytes: number): GuildhallError =>
  new GuildhallError(egressErrors.tooLarge, { detail: `The limit is ${maxBytes} bytes.` });
