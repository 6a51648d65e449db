/** From an error to the answer a client gets: RFC 9457, public text alone. */
import { type Problem, toMoney } from '@guildhall/contract';
import { isConnectionError } from '../db/index.ts';
import { GuildhallError } from '../errors/index.ts';
import { httpErrors } from './errors.ts';

const TYPE_BASE = '/docs/reference/errors#';

/** Errors never charge: money moves only in transactions that were committed, and this one was not. */
const NOTHING_CHARGED = toMoney(0n);

export function toProblem(error: GuildhallError, requestId: string): Problem {
  const { spec, details } = error;
  return {
    type: `${TYPE_BASE}${spec.code}`,
    title: spec.title,
    status: spec.status,
    code: spec.code,
    detail: `${details.detail ?? spec.title} ${spec.advice}${spec.status < 500 && !spec.advice.includes('charged') ? ' Nothing was charged.' : ''}`,
    errors: [...(details.errors ?? [])],
    requestId,
    charged: NOTHING_CHARGED,
    ...details.members,
  };
}

const FRAMEWORK_CODES: Readonly<Record<string, keyof typeof httpErrors>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupportedMediaType',
  FST_ERR_CTP_BODY_TOO_LARGE: 'bodyTooLarge',
  FST_REQ_FILE_TOO_LARGE: 'bodyTooLarge',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformedJson',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformedJson',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformedJson',
  FST_ERR_NOT_FOUND: 'notFound',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'unsupportedMediaType',
  FST_FILES_LIMIT: 'malformedForm',
  FST_FIELDS_LIMIT: 'malformedForm',
  FST_PARTS_LIMIT: 'malformedForm',
  FST_PROTO_VIOLATION: 'malformedForm',
  FST_INVALID_JSON_FIELD_ERROR: 'malformedForm',
  FST_MP_PREMATURE_CLOSE: 'malformedForm',
  FST_ERR_BAD_URL: 'malformedRequest',
  // An id longer than any of ours names nothing.
  FST_ERR_MAX_PARAM_LENGTH: 'notFound',
  HPE_HEADER_OVERFLOW: 'headersTooLarge',
  ERR_HTTP_REQUEST_TIMEOUT: 'timeout',
};

// PostgreSQL's own words for an instant before or after all that it can hold.
const OUT_OF_RANGE = new Set(['22007', '22008']);

/** Whatever was thrown, as one of our errors: ours unchanged, the framework's and the database's translated, the rest internal. */
export function normalizeError(error: unknown): GuildhallError {
  if (error instanceof GuildhallError) return error;
  if (isConnectionError(error)) return new GuildhallError(httpErrors.unavailable, { cause: error });
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  // Text that PostgreSQL cannot hold: a NUL character, or half of a surrogate pair.
  if (code === '22P05' || code === '22021') {
    return new GuildhallError(httpErrors.invalidRequest, {
      detail: 'A text holds a character that cannot be stored (NUL or a broken surrogate).',
      cause: error,
    });
  }
  if (OUT_OF_RANGE.has(code))
    return new GuildhallError(httpErrors.invalidRequest, {
      detail: 'An instant lies outside of what can be stored.',
      cause: error,
    });
  const known = FRAMEWORK_CODES[code];
  if (known) return new GuildhallError(httpErrors[known], { cause: error });
  if (error instanceof SyntaxError && 'statusCode' in error)
    return new GuildhallError(httpErrors.malformedJson, { cause: error });
  return new GuildhallError(httpErrors.internal, {
    cause: error,
    internal: error instanceof Error ? error.message : String(error),
  });
}
