/** Tells a Sentry, or what speaks its language, of faults: each once, without secrets, never in anybody's way. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock/index.ts';
import { randomName, type Secret } from '../crypto/index.ts';
import type { Egress } from '../egress/index.ts';
import type { LogFields } from './logger.ts';
import { plainMember, plainText, plainValue } from './plain.ts';

export interface ErrorTracker {
  /** Hands a fault over and returns at once. Never throws. The same error object is sent once, the same fault once a minute. */
  report(error: unknown, context?: LogFields): void;
  /** Sends what is left, for a few seconds at most. */
  close(): Promise<void>;
}

export interface ErrorTrackerOptions {
  /** Undefined turns reporting off. The tracker is the operator's own, so it may be private. */
  readonly dsn: Secret | undefined;
  readonly environment: string;
  readonly version: string;
  readonly clock: Clock;
  readonly egress: Pick<Egress, 'request'>;
  /** Values that must not leave, whatever they look like. */
  readonly scrub: (text: string) => string;
  /** Told when a report was lost. */
  readonly onLost: (reason: unknown) => void;
}

/** Reporting that is off. */
export const noErrorTracker: ErrorTracker = Object.freeze({ report: () => {}, close: async () => {} });

// A storm of faults must neither fill the memory nor the tracker's quota; the rest is in the log.
const WAITING_MAX = 50;
const AGAIN_MS = 60_000;
const KINDS_MAX = 500;
const SEND_MS = 5_000;
const CLOSE_MS = 2_000;
const QUIET_MS = 60_000;
const TOO_MANY = 429;
const FRAMES_MAX = 50;
const CAUSES_MAX = 5;
const FRAME = /^\s*at (?:(.*?) \()?(?:file:\/\/)?([^()]+?):(\d+):(\d+)\)?$/;

interface Target {
  readonly url: string;
  readonly origin: string;
  readonly key: string;
}

/** `https://KEY@host/path/PROJECT`; its shape is checked where the settings are. */
function targetOf(dsn: Secret): Target {
  const url = new URL(dsn.reveal());
  const cut = url.pathname.lastIndexOf('/');
  const place = `${url.pathname.slice(0, cut)}/api/${url.pathname.slice(cut + 1)}/envelope/`;
  return { url: `${url.origin}${place}`, origin: url.origin, key: url.username };
}

type Asked = Pick<ErrorTrackerOptions, 'egress' | 'version'>;

async function deliver({ egress, version }: Asked, dsn: Secret, body: string): Promise<number> {
  const { url, origin, key } = targetOf(dsn);
  const answer = await egress.request(url, {
    method: 'POST',
    trustedOrigin: origin,
    headers: {
      'content-type': 'application/x-sentry-envelope',
      'x-sentry-auth': `Sentry sentry_version=7, sentry_client=guildhall/${version}, sentry_key=${key}`,
    },
    body,
    totalMs: SEND_MS,
  });
  answer.body.destroy();
  return answer.status;
}

const KEY_REFUSED = new Set([401, 403]);

/** Sends an envelope with nothing in it. @throws when the tracker refuses the key or does not answer. */
export async function askErrorTracker(asked: Asked, dsn: Secret): Promise<string> {
  const status = await deliver(asked, dsn, '{}\n');
  if (KEY_REFUSED.has(status)) throw new Error(`the error tracker refuses the key (${status})`);
  return `answers with ${status}`;
}

/** The innermost call last, as the format has it. */
function framesOf(stack: string | undefined) {
  const lines = (stack ?? '').split('\n').slice(0, FRAMES_MAX);
  return lines
    .flatMap((line) => {
      const [, name, file, row, column] = FRAME.exec(line) ?? [];
      if (file === undefined) return [];
      const isOurs = !file.includes('node_modules') && !file.startsWith('node:');
      return {
        function: plainText(name ?? '?'),
        filename: plainText(file),
        lineno: Number(row),
        colno: Number(column),
        in_app: isOurs,
      };
    })
    .reverse();
}

/** The error and what caused it; the first cause first, as the format has it. */
function exceptionsOf(error: unknown) {
  const values: object[] = [];
  for (let at: unknown = error; at !== undefined && values.length < CAUSES_MAX; ) {
    if (!(at instanceof Error)) {
      values.unshift({ type: 'Error', value: plainText(String(JSON.stringify(plainValue(at)))) });
      break;
    }
    const frames = framesOf(at.stack);
    const shown = { type: plainText(at.name), value: plainText(at.message) };
    values.unshift(frames.length > 0 ? { ...shown, stacktrace: { frames } } : shown);
    at = at.cause;
  }
  return { values };
}

const TAGS = ['requestId', 'runId', 'orgId', 'agentId', 'job', 'code'];

/** What makes it possible to search for it, apart from everything else that is known. */
function contextOf(fields: LogFields) {
  const shown = Object.entries(fields).map(([name, value]) => [plainText(name), plainMember(name, value, 0)] as const);
  const tags = shown.filter(([name, value]) => TAGS.includes(name) && typeof value === 'string');
  const { traceId, spanId } = fields;
  const trace = { trace_id: traceId, span_id: spanId };
  return {
    tags: Object.fromEntries(tags),
    extra: Object.fromEntries(shown),
    ...(traceId === undefined ? {} : { contexts: { trace } }),
  };
}

const kindOf = (error: unknown): string =>
  error instanceof Error
    ? `${error.name} ${error.message.slice(0, 200)} ${error.stack?.split('\n')[1] ?? ''}`
    : String(error);

class SentryTracker implements ErrorTracker {
  readonly #options: ErrorTrackerOptions;
  readonly #dsn: Secret;
  readonly #reported = new WeakSet<object>();
  readonly #recent = new LRUCache<string, { readonly untilMs: number }>({ max: KINDS_MAX });
  readonly #waiting: string[] = [];
  #sending: Promise<void> | undefined;
  #quietUntilMs = 0;

  constructor(options: ErrorTrackerOptions, dsn: Secret) {
    this.#options = options;
    this.#dsn = dsn;
  }

  report(error: unknown, context: LogFields = {}): void {
    try {
      if (!this.#isNew(error)) return;
      if (this.#waiting.length >= WAITING_MAX) throw new Error('too many wait to be reported');
      this.#waiting.push(this.#envelope(error, context));
      this.#wake();
    } catch (fault) {
      this.#options.onLost(fault);
    }
  }

  #wake(): void {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
      if (this.#waiting.length > 0) this.#wake();
    });
  }

  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([this.#sending, late]);
    clearTimeout(timer);
  }

  #isNew(error: unknown): boolean {
    const isObject = typeof error === 'object' && error !== null;
    if (isObject && this.#reported.has(error)) return false;
    if (isObject) this.#reported.add(error);
    const nowMs = this.#options.clock.monotonicMs();
    const kind = kindOf(error);
    if ((this.#recent.get(kind)?.untilMs ?? 0) > nowMs) return false;
    this.#recent.set(kind, { untilMs: nowMs + AGAIN_MS });
    return nowMs >= this.#quietUntilMs;
  }

  #envelope(error: unknown, context: LogFields): string {
    const { clock, version, environment, scrub } = this.#options;
    const at = clock.now();
    const id = randomName();
    const event = {
      event_id: id,
      timestamp: at.getTime() / 1_000,
      platform: 'node',
      level: 'error',
      release: `guildhall@${version}`,
      environment,
      exception: exceptionsOf(error),
      ...contextOf(context),
    };
    const lines = [{ event_id: id, sent_at: at.toISOString() }, { type: 'event' }, event];
    return scrub(lines.map((line) => JSON.stringify(line)).join('\n'));
  }

  /** The owner of every report that waits; never rejects. */
  async #sendAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        await this.#send(next);
      } catch (error) {
        this.#options.onLost(error);
      }
    }
  }

  async #send(body: string): Promise<void> {
    const status = await deliver(this.#options, this.#dsn, body);
    if (status === TOO_MANY) this.#quietUntilMs = this.#options.clock.monotonicMs() + QUIET_MS;
    if (status >= 300) this.#options.onLost(`the error tracker answers ${status}`);
  }
}

export function createErrorTracker(options: ErrorTrackerOptions): ErrorTracker {
  return options.dsn === undefined ? noErrorTracker : new SentryTracker(options, options.dsn);
}
