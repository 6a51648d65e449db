/** Windows in Redis or Valkey: one script per question, one hash per subject, forgotten by itself at the end of its window. */
import { Redis } from 'ioredis';
import type { Secret } from '../crypto/index.ts';
import type { RateGrant, RedisRateStore } from './types.ts';

const PREFIX = 'guildhall:rate:';
// Made when a process connects for the first time. When it is gone, so are the counts.
const MARKER = `${PREFIX}counts-are-whole`;
const CONNECT_MS = 1_000;
// A neighbour answers in under a millisecond. This long a call may wait for permission before its process counts for itself.
const ANSWERS_WITHIN_MS = 100;
// A connection that says nothing for this long after a question is replaced by a new one.
const SILENT_MS = 2_000;
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 1_000;

/**
 * The same windows as those in PostgreSQL, by the clock of Redis. Scripts run one after another, so each taker is granted at most what the one
 * before left. Errors say that counts were lost or made useless by others; the script has by then made room for new ones, so the next
 * question is answered, and whoever asked counts for itself meanwhile and raises the alarm.
 */
const TAKE = `
  local kind = redis.call('TYPE', KEYS[1]).ok
  if kind ~= 'none' and kind ~= 'hash' then
    redis.call('DEL', KEYS[1])
    return redis.error_reply('GUILDHALL a count was overwritten by another program')
  end
  if redis.call('EXISTS', KEYS[2]) == 0 then
    redis.call('SET', KEYS[2], '1')
    return redis.error_reply('GUILDHALL the counts were lost')
  end
  local limit, window, wanted, lease = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
  local time = redis.call('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  local row = redis.call('HMGET', KEYS[1], 'ends', 'used')
  local ends, used = tonumber(row[1] or ''), tonumber(row[2] or '')
  if not ends or not used or ends <= now then ends, used = now + window, 0 end
  ends = math.min(ends, now + window)
  local left = limit - used
  local granted = math.max(0, math.min(left, math.max(wanted, math.min(lease, math.floor(left / 64)))))
  redis.call('HSET', KEYS[1], 'ends', string.format('%.3f', ends), 'used', used + granted)
  redis.call('PEXPIRE', KEYS[1], math.ceil(ends - now))
  return { granted, math.max(0, left - granted), string.format('%.3f', ends - now) }`;

// The shape that TAKE returns: whole numbers as numbers, the fraction as text.
const grantOf = ([granted, remaining, endsInMs]: readonly [number, number, string]): RateGrant => ({
  granted,
  remaining,
  endsInMs: Number(endsInMs),
});

function connect(url: string, onRetry: () => void): Redis {
  const redis = new Redis(url, {
    connectionName: 'guildhall',
    connectTimeout: CONNECT_MS,
    socketTimeout: SILENT_MS,
    // Whoever asks has no time to wait for a connection, and a question must not be counted twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => {
      onRetry();
      return Math.min(RECONNECT_MIN_MS * 2 ** Math.min(times, 10), RECONNECT_MAX_MS);
    },
  });
  // Every failure reaches whoever asks next.
  redis.on('error', () => {});
  return redis;
}

/**
 * The connection, and its way to another login. Once the setting holds a new one, a second connection is made beside the first, takes its
 * place when it is ready, and the first ends after its last answer.
 */
class Line {
  readonly #url: Secret;
  #text: string;
  #redis: Redis;
  #next: { readonly text: string; readonly redis: Redis } | undefined;

  constructor(url: Secret) {
    this.#url = url;
    this.#text = url.reveal();
    this.#redis = connect(this.#text, this.#follow);
  }

  /** What to ask now. */
  get redis(): Redis {
    this.#follow();
    return this.#redis;
  }

  readonly #follow = (): void => {
    const text = this.#url.reveal();
    if (text === (this.#next?.text ?? this.#text)) return;
    this.#next?.redis.disconnect();
    this.#next = undefined;
    // Changed back before the other was ready.
    if (text === this.#text) return;
    const redis = connect(text, this.#follow);
    this.#next = { text, redis };
    redis.once('ready', () => {
      if (this.#next?.redis !== redis) return;
      const former = this.#redis;
      [this.#redis, this.#text, this.#next] = [redis, text, undefined];
      // Rejects where the former connection is broken: then nothing waits on it.
      former.quit().catch(() => former.disconnect());
    });
  };

  close(): void {
    this.#redis.disconnect();
    this.#next?.redis.disconnect();
  }
}

/** Connects by itself, again and again. Never a source of truth: whatever happens to it, calls are counted and nothing durable is lost. */
export function connectRedisRateStore(url: Secret): RedisRateStore {
  const line = new Line(url);
  let isMarked = false;
  const mark = async (redis: Redis): Promise<void> => {
    if (isMarked) return;
    await redis.set(MARKER, '1');
    isMarked = true;
  };
  return {
    answersWithinMs: ANSWERS_WITHIN_MS,
    async take({ key, limit, windowMs, wanted, leaseMax }) {
      const { redis } = line;
      await mark(redis);
      const name = `${PREFIX}${key.toString('base64url')}`;
      const answer = await redis.eval(TAKE, 2, name, MARKER, limit, windowMs, wanted, leaseMax);
      return grantOf(answer as [number, number, string]);
    },
    sweep: async () => 0,
    ping: async () => {
      const { redis } = line;
      if (redis.status !== 'ready') await firstOf(redis);
      await redis.ping();
    },
    close: () => line.close(),
  };
}

/** The outcome of the connection that is being made. */
function firstOf(redis: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    const onReady = (): void => settle(resolve);
    const onError = (error: Error): void => settle(() => reject(error));
    const settle = (then: () => void): void => {
      redis.off('ready', onReady);
      redis.off('error', onError);
      then();
    };
    redis.on('ready', onReady);
    redis.on('error', onError);
  });
}
