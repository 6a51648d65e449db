/** What this process knows of each channel: whether it may be asked now, and how it has been lately. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Channel } from '../types.ts';
import { Breaker, type Pass } from './breaker.ts';
import { Meter } from './meter.ts';
import type { Failure } from './outcome.ts';
import type { ChannelHealth } from './types.ts';

// Keys of organisations come and go; a forgotten channel begins anew.
const CHANNELS_MAX = 10_000;
const MODELS_PER_CHANNEL_MAX = 500;
const SAMPLES = 101;
// A call that goes ends some time; when, nobody knows.
const BUSY_MS = 1_000;

/** Why a channel cannot be asked now. */
export interface Closed {
  /** `failing`: its breaker is open. `resting`: the provider asked for a pause. `full`: its own limits are reached. */
  readonly why: 'failing' | 'resting' | 'full';
  readonly waitMs: number;
}

/** One call on its way. Ends once. */
export interface Visit {
  /** From a call to its first byte. */
  firstByte(ms: number): void;
  succeed(): void;
  fail(failure: Failure): void;
  /** After its output had begun. */
  breakOff(code: string): void;
  /** Nothing was learnt. */
  abandon(): void;
  /** The connection is free again; always the last. */
  leave(): void;
}

interface Entry {
  readonly channel: Pick<Channel, 'id' | 'kind'>;
  readonly breaker: Breaker;
  readonly models: LRUCache<string, Breaker>;
  readonly requests: Meter;
  readonly tokens: Meter;
  readonly samples: number[];
  sampled: number;
  inFlight: number;
  lastError: string | undefined;
}

/** Ways that requests bring themselves share an id, so the id alone is not enough. */
const keyOf = ({ id, ownerOrgId, baseUrl }: Channel): string => `${id} ${ownerOrgId ?? ''} ${baseUrl}`;

function fullMs(entry: Entry, channel: Channel, tokens: number): number {
  const { concurrencyMax, requestsPerMinute, tokensPerMinute } = channel;
  return Math.max(
    concurrencyMax !== undefined && entry.inFlight >= concurrencyMax ? BUSY_MS : 0,
    requestsPerMinute === undefined ? 0 : entry.requests.waitMs(1, requestsPerMinute),
    tokensPerMinute === undefined ? 0 : entry.tokens.waitMs(tokens, tokensPerMinute),
  );
}

class ActiveVisit implements Visit {
  readonly #entry: Entry;
  readonly #model: Breaker;
  readonly #passes: { readonly channel: Pass; readonly model: Pass };
  constructor(entry: Entry, model: Breaker) {
    this.#entry = entry;
    this.#model = model;
    this.#passes = { channel: entry.breaker.begin(), model: model.begin() };
    entry.inFlight += 1;
  }
  firstByte(ms: number): void {
    this.#entry.samples[this.#entry.sampled % SAMPLES] = ms;
    this.#entry.sampled += 1;
  }
  succeed(): void {
    this.#entry.breaker.succeed(this.#passes.channel);
    this.#model.succeed(this.#passes.model);
  }
  fail({ blame, spec, retryAfterMs }: Failure): void {
    const { breaker } = this.#entry;
    const { channel, model } = this.#passes;
    if (blame === 'nobody' || blame === 'unknown') {
      if (blame === 'nobody') this.succeed();
      else this.abandon();
      return;
    }
    this.#entry.lastError = spec.code;
    if (blame === 'model') this.#model.fail(model);
    else this.#model.abandon(model);
    if (blame === 'channel') breaker.fail(channel);
    else if (blame === 'account') breaker.trip(channel);
    else breaker.succeed(channel);
    if (blame === 'rate' && retryAfterMs !== undefined) this.#model.rest(retryAfterMs);
  }
  breakOff(code: string): void {
    this.#entry.lastError = code;
    this.#entry.breaker.fail(this.#passes.channel);
  }
  abandon(): void {
    this.#entry.breaker.abandon(this.#passes.channel);
    this.#model.abandon(this.#passes.model);
  }
  leave(): void {
    this.#entry.inFlight -= 1;
  }
}

function median(samples: readonly number[]): number | undefined {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1];
}

export class Health {
  readonly #clock: Clock;
  readonly #entries = new LRUCache<string, Entry>({ max: CHANNELS_MAX });
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  #entryOf(channel: Channel): Entry {
    const key = keyOf(channel);
    const known = this.#entries.get(key);
    if (known) return known;
    const monotonicMs = (): number => this.#clock.monotonicMs();
    const entry: Entry = {
      channel: { id: channel.id, kind: channel.kind },
      breaker: new Breaker(monotonicMs),
      models: new LRUCache({ max: MODELS_PER_CHANNEL_MAX }),
      requests: new Meter(monotonicMs),
      tokens: new Meter(monotonicMs),
      samples: [],
      sampled: 0,
      inFlight: 0,
      lastError: undefined,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #modelOf(entry: Entry, model: string): Breaker {
    const known = entry.models.get(model);
    if (known) return known;
    const breaker = new Breaker(() => this.#clock.monotonicMs());
    entry.models.set(model, breaker);
    return breaker;
  }

  /** Undefined when the channel may be asked now. */
  closed(channel: Channel, model: string, tokens: number): Closed | undefined {
    const entry = this.#entryOf(channel);
    const ofModel = this.#modelOf(entry, model);
    const openMs = Math.max(entry.breaker.openMs, ofModel.openMs);
    if (openMs > 0) return { why: 'failing', waitMs: openMs };
    if (ofModel.restMs > 0) return { why: 'resting', waitMs: ofModel.restMs };
    const waitMs = fullMs(entry, channel, tokens);
    return waitMs > 0 ? { why: 'full', waitMs } : undefined;
  }

  /** Counts a call that goes now, which `closed` allowed in the same turn. */
  enter(channel: Channel, model: string, tokens: number): Visit {
    const entry = this.#entryOf(channel);
    entry.requests.take(1);
    entry.tokens.take(tokens);
    return new ActiveVisit(entry, this.#modelOf(entry, model));
  }

  snapshot(): ChannelHealth[] {
    const nowMs = this.#clock.monotonicMs();
    const now = this.#clock.now().getTime();
    return [...this.#entries.values()].map(({ channel, breaker, samples, lastError }) => {
      const { calls, failures } = breaker.window();
      return {
        channelId: channel.id,
        kind: channel.kind,
        state: breaker.state,
        since: new Date(now - (nowMs - breaker.sinceMs)),
        firstByteMs: median(samples),
        errorRate: calls === 0 ? 0 : failures / calls,
        calls,
        lastError,
      };
    });
  }
}
