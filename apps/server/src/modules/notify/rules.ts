/** Decisions about webhooks: what goes where, what an answer means, when to try again. */
import { type Mode, WEBHOOK_EVENTS } from '@guildhall/contract';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Pauses between ten attempts, 75 h 35 min 5 s in all: the schedule that the Standard Webhooks specification proposes. */
export const RETRY_PAUSES_MS: readonly number[] = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];
export const ATTEMPTS_MAX = RETRY_PAUSES_MS.length + 1;
// Spreads the retries of an outage that hit many endpoints at once.
const JITTER = 0.1;
// A receiver may ask for patience, not for ever.
const RETRY_AFTER_MAX_MS = 24 * HOUR_MS;
const THROTTLE_FIRST_MS = 5 * SECOND_MS;
const THROTTLE_MAX_MS = 5 * MINUTE_MS;
// 502 and 504 come from a proxy whose server does not keep up.
const THROTTLING: ReadonlySet<number> = new Set([429, 502, 504]);

const isKnown = (type: string): boolean => WEBHOOK_EVENTS.some((event) => event === type);
const prefixOf = (pattern: string): string | undefined => (pattern.endsWith('.*') ? pattern.slice(0, -1) : undefined);

/** The mode an event is of: what does not say that it is a test is live. */
export const modeOf = (data: unknown): Mode =>
  typeof data === 'object' && data !== null && 'mode' in data && data.mode === 'test' ? 'test' : 'live';

/** What the audit trail says is sent only to who named it. */
const isOfAudit = (type: string): boolean => type.startsWith('audit.');

/** An endpoint that names these patterns wants events of this type. */
export function wants(patterns: readonly string[], type: string): boolean {
  if (!isKnown(type)) return false;
  return patterns.some((pattern) => {
    const prefix = prefixOf(pattern);
    return (
      (pattern === '*' && !isOfAudit(type)) || pattern === type || (prefix !== undefined && type.startsWith(prefix))
    );
  });
}

/** Whether one of these patterns asks for the audit trail. */
export const asksForAudit = (patterns: readonly string[]): boolean =>
  WEBHOOK_EVENTS.some((type) => isOfAudit(type) && wants(patterns, type));

/** Places of the patterns that no event can ever fit. */
export const unknownPatterns = (patterns: readonly string[]): number[] =>
  patterns.flatMap((pattern, index) => (WEBHOOK_EVENTS.some((type) => wants([pattern], type)) ? [] : [index]));

/** Milliseconds that a Retry-After header asks for: seconds or an HTTP date; undefined for anything else. */
export function retryAfterMs(header: string | undefined, now: Date): number | undefined {
  const text = header?.trim() ?? '';
  const wanted = /^\d{1,10}$/.test(text) ? Number(text) * SECOND_MS : Date.parse(text) - now.getTime();
  // A date without a zone or a bare year is no HTTP date.
  if (Number.isNaN(wanted) || !/^\d+$|GMT$/.test(text)) return undefined;
  return Math.min(Math.max(wanted, 0), RETRY_AFTER_MAX_MS);
}

/** What came of sending: an answer, or the code of what prevented one. */
export type Sent =
  | { readonly status: number; readonly retryAfterMs: number | undefined }
  | { readonly status: undefined; readonly fault: string };

export interface Verdict {
  readonly outcome: 'delivered' | 'retried' | 'exhausted' | 'gone';
  readonly responseStatus: number | undefined;
  readonly error: string | undefined;
  readonly throttles: boolean;
  /** Until the next attempt; undefined when there is none. */
  readonly retryMs: number | undefined;
  /** For which the whole endpoint is left alone. */
  readonly pauseMs: number | undefined;
}

const errorOf = (status: number): string => {
  if (status === 410) return 'gone';
  return status >= 300 && status < 400 ? 'redirect' : `status-${status}`;
};

/**
 * `step` counts the attempts made before this one, `throttled` the throttling answers before it, `random` is uniform in [0, 1).
 * Only 2xx is success: a redirect is not followed, because the URL that was checked and the one that gets the data must be the same.
 */
export function judge(sent: Sent, before: { step: number; throttled: number; random: number }): Verdict {
  const { status } = sent;
  const none = { throttles: false, retryMs: undefined, pauseMs: undefined };
  if (status !== undefined && status >= 200 && status < 300)
    return { outcome: 'delivered', responseStatus: status, error: undefined, ...none };
  if (status === 410) return { outcome: 'gone', responseStatus: status, error: 'gone', ...none };
  const asked = sent.status === undefined ? undefined : sent.retryAfterMs;
  const throttles = status !== undefined && THROTTLING.has(status);
  const backOffMs = throttles ? Math.min(THROTTLE_FIRST_MS * 2 ** before.throttled, THROTTLE_MAX_MS) : 0;
  const pauseMs = throttles || status === 503 ? Math.max(backOffMs, asked ?? 0) : 0;
  const planned = RETRY_PAUSES_MS[before.step];
  const spread = 1 - JITTER + 2 * JITTER * before.random;
  return {
    outcome: planned === undefined ? 'exhausted' : 'retried',
    responseStatus: status,
    error: sent.status === undefined ? sent.fault : errorOf(sent.status),
    throttles,
    retryMs: planned === undefined ? undefined : Math.max(Math.round(planned * spread), asked ?? 0),
    pauseMs: pauseMs > 0 ? pauseMs : undefined,
  };
}
