/** What the outcome of one attempt means: for this call, and for those that come after it. */
import { egressErrors } from '../../../platform/egress/index.ts';
import { type ErrorCode, GuildhallError } from '../../../platform/errors/index.ts';
import type { Channel, Wire } from '../types.ts';
import { readProviderError } from '../wire/index.ts';
import type { ProviderError } from '../wire/types.ts';
import { upstreamErrors } from './errors.ts';

/**
 * Who may be asked after this one. `nobody`: the request itself is at fault. `elsewhere`: another channel or model, never this channel.
 * `funded`: the same, where the policy lets a call leave an account without money. `again`: this channel too, after a pause.
 */
export type Next = 'nobody' | 'elsewhere' | 'funded' | 'again';

/**
 * Whose health it tells against. `channel` and `model` count as failures of the channel, or of this model on it; `account` closes the
 * channel at once; `rate` lets this model on it rest; `nobody` shows that the channel works, `unknown` shows nothing.
 */
export type Blame = 'channel' | 'model' | 'account' | 'rate' | 'nobody' | 'unknown';

export interface Failure {
  readonly spec: ErrorCode;
  readonly next: Next;
  readonly blame: Blame;
  readonly status: number | undefined;
  /** Public. */
  readonly detail: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly cause: unknown;
}

type Known = Pick<Failure, 'spec' | 'next' | 'blame'> & Partial<Failure>;

export const failure = (known: Known): Failure => ({
  status: undefined,
  detail: undefined,
  retryAfterMs: undefined,
  cause: undefined,
  ...known,
});

// A provider that asks for more than a day means something else.
const RETRY_AFTER_MAX_MS = 86_400_000;

/** Seconds or an HTTP date; undefined where it is neither. `retry-after-ms` is OpenAI's own and more exact. */
export function retryAfterMs(headers: Readonly<Record<string, string>>, now: Date): number | undefined {
  const exact = headers['retry-after-ms'];
  if (exact !== undefined && /^\d{1,9}(?:\.\d+)?$/.test(exact)) return Math.min(Number(exact), RETRY_AFTER_MAX_MS);
  const text = headers['retry-after']?.trim() ?? '';
  if (/^\d{1,9}(?:\.\d+)?$/.test(text)) return Math.min(Number(text) * 1_000, RETRY_AFTER_MAX_MS);
  // An HTTP date begins with the name of a day; the parser would take many other things for a date.
  const at = /^[A-Z][a-z]{2},/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - now.getTime()), RETRY_AFTER_MAX_MS);
}

const SPEND_CODE = /spend_limit|insufficient_(?:quota|balance|credits|funds)|billing_(?:error|hard_limit|not_active)/i;

const isOwn = (channel: Channel): boolean => channel.ownerOrgId !== undefined;

function ofError(error: ProviderError, channel: Channel): Known {
  const { status } = error;
  if (error.isSpendLimit || SPEND_CODE.test(error.code))
    return isOwn(channel)
      ? { spec: upstreamErrors.ownKeySpendLimit, next: 'funded', blame: 'nobody' }
      : { spec: upstreamErrors.providerSpendLimit, next: 'funded', blame: 'account' };
  if (error.isKeyRefused)
    return isOwn(channel)
      ? { spec: upstreamErrors.ownKeyRefused, next: 'elsewhere', blame: 'nobody' }
      : { spec: upstreamErrors.providerKeyRefused, next: 'elsewhere', blame: 'account' };
  if (error.isContextLength || status === 413)
    return { spec: upstreamErrors.providerTooLarge, next: 'nobody', blame: 'nobody', detail: error.message };
  if (error.isModelMissing || status === 404)
    return { spec: upstreamErrors.providerModelMissing, next: 'elsewhere', blame: 'model' };
  if (status === 429) return { spec: upstreamErrors.providerRateLimited, next: 'again', blame: 'rate' };
  if (status === 529) return { spec: upstreamErrors.providerUnavailable, next: 'again', blame: 'model' };
  if (error.isRetryable || status >= 500)
    return {
      spec: upstreamErrors.providerUnavailable,
      next: error.isRetryable ? 'again' : 'elsewhere',
      blame: 'channel',
    };
  const isRefusal = status >= 400 && status !== 405 && status !== 410;
  if (!isRefusal) return { spec: upstreamErrors.badAnswer, next: 'elsewhere', blame: 'channel' };
  // What one account may not do another may; what is wrong with the request is wrong everywhere.
  const next = status === 403 ? 'elsewhere' : 'nobody';
  return { spec: upstreamErrors.providerRefused, next, blame: 'nobody', detail: error.message };
}

export interface Refusal {
  readonly wire: Wire;
  readonly channel: Channel;
  /** 0 for an error inside an answer that began well. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly now: Date;
}

/** An answer that is no success. */
export function refusalFailure({ wire, channel, status, headers, body, now }: Refusal): Failure {
  const known = readProviderError(wire, status, body);
  // Anthropic names it among the details of what looks like any other limit.
  const isSpendLimit = known.isSpendLimit || (known.status === 429 && SPEND_CODE.test(JSON.stringify(body)));
  const error: ProviderError = { ...known, isSpendLimit };
  return failure({ status: error.status, retryAfterMs: retryAfterMs(headers, now), ...ofError(error, channel) });
}

/** An error that came as part of a stream before its first output. */
export function eventFailure(error: ProviderError, channel: Channel): Failure {
  return error.code === 'unreadable_event'
    ? unreadable(error.message)
    : failure({ status: error.status, ...ofError(error, channel) });
}

/** An answer that nobody can read; another may be better. */
export const unreadable = (cause: unknown): Failure =>
  failure({ spec: upstreamErrors.badAnswer, next: 'again', blame: 'channel', cause });

/** What the way there threw before there was any output. */
export function brokenFailure(cause: unknown): Failure {
  const spec = cause instanceof GuildhallError ? cause.spec : undefined;
  switch (spec?.code) {
    case egressErrors.timeout.code:
      return failure({ spec: upstreamErrors.providerTimeout, next: 'again', blame: 'channel', cause });
    case egressErrors.unreachable.code:
    case egressErrors.connectTimeout.code:
      return failure({ spec: upstreamErrors.providerUnavailable, next: 'again', blame: 'channel', cause });
    case egressErrors.badResponse.code:
      return unreadable(cause);
    case egressErrors.tooLarge.code:
      return failure({ spec: upstreamErrors.badAnswer, next: 'elsewhere', blame: 'channel', cause });
    case egressErrors.denied.code:
      return failure({ spec: egressErrors.denied, next: 'elsewhere', blame: 'unknown', cause });
    default:
      // Reading the key failed, or something of our own: the channel cannot be used, and its health says nothing about that.
      return failure({ spec: upstreamErrors.providerUnavailable, next: 'elsewhere', blame: 'unknown', cause });
  }
}
