/** Chooses channels and models for a call until one has answered. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../../platform/clock/index.ts';
import { noTracer, type Tracer } from '../../../platform/telemetry/index.ts';
import type { Attempt, Channel } from '../types.ts';
import { type Arrived, AttemptFailed, type Try } from './attempt.ts';
import { UpstreamError, upstreamErrors } from './errors.ts';
import type { Closed, Health, Visit } from './health.ts';
import { type Failure, failure } from './outcome.ts';
import type { CallLimits, Target, UpstreamCall } from './types.ts';

const BACKOFF_MS = 250;
const BACKOFF_MAX_MS = 8_000;

export interface RouteDeps {
  readonly clock: Clock;
  /** From 0 to 1, without 1. */
  readonly random: () => number;
  readonly health: Health;
  /** One span for each attempt; none when left out. */
  readonly tracer?: Tracer;
  /** Rejects when the signal aborts; a real pause when left out. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface Reached<T, R> extends Arrived<R> {
  readonly target: T;
  readonly channel: Channel;
  readonly attempts: readonly Attempt[];
  readonly visit: Visit;
}

type Once<T extends Target, R> = (tried: Try<T>) => Promise<Arrived<R>>;

/** One of the best by its share; a weight of 0 is only chosen where all have it. */
export function pick(channels: readonly Channel[], random: number): Channel | undefined {
  const best = Math.min(...channels.map(({ priority }) => priority));
  const candidates = channels.filter(({ priority }) => priority === best);
  const total = candidates.reduce((sum, { weight }) => sum + Math.max(0, weight), 0);
  if (total === 0) return candidates[Math.floor(random * candidates.length)];
  let left = random * total;
  for (const channel of candidates) {
    left -= Math.max(0, channel.weight);
    if (left < 0) return channel;
  }
  return candidates.findLast(({ weight }) => weight > 0);
}

/** Full jitter: anything between nothing and a bound that doubles. */
export const backoffMs = (retries: number, random: number): number =>
  random * Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** retries);

const CLOSED: Readonly<Record<Closed['why'], Pick<Failure, 'spec' | 'next' | 'blame'>>> = {
  failing: { spec: upstreamErrors.providerUnavailable, next: 'again', blame: 'unknown' },
  resting: { spec: upstreamErrors.providerRateLimited, next: 'again', blame: 'unknown' },
  full: { spec: upstreamErrors.providerBusy, next: 'again', blame: 'unknown' },
};

/** What the caller of one call learns when it is over. */
class Journey<T extends Target, R> {
  readonly #deps: RouteDeps;
  readonly #call: UpstreamCall<T>;
  readonly #limits: CallLimits;
  readonly #once: Once<T, R>;
  readonly #startedMs: number;
  readonly #attempts: Attempt[] = [];
  /** What the last provider that was asked said, or else why none could be. */
  #failure: Failure = failure({ spec: upstreamErrors.providerUnavailable, next: 'again', blame: 'unknown' });

  constructor(deps: RouteDeps, call: UpstreamCall<T>, limits: CallLimits, once: Once<T, R>) {
    this.#deps = deps;
    this.#call = call;
    this.#limits = limits;
    this.#once = once;
    this.#startedMs = deps.clock.monotonicMs();
  }

  /** Whole ones: a timer may fire within the last, in which nobody can answer. */
  get #leftMs(): number {
    return Math.floor(this.#limits.totalMs - (this.#deps.clock.monotonicMs() - this.#startedMs));
  }

  /** @throws UpstreamError */
  async run(): Promise<Reached<T, R>> {
    const { targets, mayFallBack } = this.#call;
    for (const target of mayFallBack ? targets : targets.slice(0, 1)) {
      const reached = await this.#ask(target);
      if (reached) return reached;
      if (this.#attempts.length >= this.#limits.attemptsMax || this.#leftMs <= 0) break;
      if (this.#failure.next === 'funded' && !this.#call.mayLeaveSpendLimit) break;
    }
    throw this.#error(this.#failure);
  }

  /** Undefined when the next target is to be asked. */
  async #ask(target: T): Promise<Reached<T, R> | undefined> {
    const { random } = this.#deps;
    const body = this.#call.body(target);
    const out = new Set<Channel>();
    const asked = new Set<Channel>();
    let tries = 0;
    while (this.#mayTry(tries)) {
      const choice = this.#choose(target, out, asked);
      if (!choice) return undefined;
      if ('waitMs' in choice) {
        if (!(await this.#wait(choice.waitMs + backoffMs(0, random())))) return undefined;
        continue;
      }
      const { channel } = choice;
      if (asked.has(channel) && !(await this.#wait(backoffMs(tries - 1, random())))) return undefined;
      // It may have closed meanwhile.
      if (this.#closed(target, channel)) continue;
      tries += 1;
      const reached = await this.#try(target, channel, body);
      if (reached) return reached;
      asked.add(channel);
      if (this.#failure.next === 'nobody') throw this.#error(this.#failure);
      if (this.#failure.next !== 'again') out.add(channel);
      if (this.#failure.next === 'funded' && !this.#call.mayLeaveSpendLimit) return undefined;
    }
    return undefined;
  }

  #mayTry(triesOfTarget: number): boolean {
    const { attemptsPerTargetMax, attemptsMax } = this.#limits;
    return triesOfTarget < attemptsPerTargetMax && this.#attempts.length < attemptsMax && this.#leftMs > 0;
  }

  #closed(target: T, channel: Channel): Closed | undefined {
    return this.#deps.health.closed(channel, target.model, this.#call.tokens);
  }

  /** A channel that may go now, those not yet asked first; or a pause after which one may; or nothing. */
  #choose(
    target: T,
    out: ReadonlySet<Channel>,
    asked: ReadonlySet<Channel>,
  ): { channel: Channel } | Closed | undefined {
    const open: Channel[] = [];
    let soonest: Closed | undefined;
    for (const channel of target.channels) {
      if (out.has(channel)) continue;
      const closed = this.#closed(target, channel);
      if (!closed) open.push(channel);
      else if (!soonest || closed.waitMs < soonest.waitMs) soonest = closed;
    }
    const fresh = open.filter((channel) => !asked.has(channel));
    const channel = pick(fresh.length > 0 ? fresh : open, this.#deps.random());
    if (channel) return { channel };
    if (!soonest) return undefined;
    if (this.#attempts.length === 0)
      this.#failure = failure({ ...CLOSED[soonest.why], retryAfterMs: Math.ceil(soonest.waitMs) });
    // Only a provider's own word is waited for: what fails or is full is better left alone.
    return soonest.why === 'resting' ? soonest : undefined;
  }

  /** False, at once, when there is not so much time. @throws UpstreamError when the caller leaves. */
  async #wait(ms: number): Promise<boolean> {
    if (ms >= Math.min(this.#leftMs, this.#limits.waitMsMax)) return false;
    const { sleep = (howLong, signal) => pause(howLong, undefined, { signal }) } = this.#deps;
    try {
      await sleep(ms, this.#call.signal);
      return true;
    } catch (error) {
      throw this.#callerLeft(error);
    }
  }

  async #try(target: T, channel: Channel, body: Buffer | string): Promise<Reached<T, R> | undefined> {
    const { call, limits, attempts } = { call: this.#call, limits: this.#limits, attempts: this.#attempts };
    if (call.signal.aborted) throw this.#callerLeft(call.signal.reason);
    const totalMs = Math.max(1, this.#leftMs);
    const visit = this.#deps.health.enter(channel, target.model, call.tokens);
    const begunMs = this.#deps.clock.monotonicMs();
    const note = (outcome: string, status: number | undefined): void => {
      const ms = this.#deps.clock.monotonicMs() - begunMs;
      attempts.push({ channelId: channel.id, kind: channel.kind, model: target.model, outcome, status, ms });
    };
    try {
      const tried = { call, target, channel, body, limits: { ...limits, totalMs }, visit, attempts };
      const named = {
        'guildhall.model': target.model,
        'guildhall.provider': channel.kind,
        'guildhall.channel_id': channel.id,
      };
      const { tracer = noTracer } = this.#deps;
      const arrived = await tracer.span('model.attempt', named, () => this.#once(tried));
      visit.succeed();
      note('ok', arrived.status);
      return { ...arrived, target, channel, attempts, visit };
    } catch (error) {
      if (!(error instanceof AttemptFailed) || call.signal.aborted) {
        visit.abandon();
        visit.leave();
        note(upstreamErrors.callerLeft.code, undefined);
        throw call.signal.aborted ? this.#callerLeft(call.signal.reason) : error;
      }
      visit.fail(error.failure);
      visit.leave();
      note(error.failure.spec.code, error.failure.status);
      this.#failure = error.failure;
      return undefined;
    }
  }

  #error({ spec, detail, retryAfterMs, next, cause }: Failure): UpstreamError {
    const seconds = retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(retryAfterMs / 1_000));
    return new UpstreamError(spec, {
      attempts: this.#attempts,
      isWorthRepeating: next === 'again',
      ...(detail === undefined ? {} : { detail }),
      ...(seconds === undefined ? {} : { members: { retryAfterSeconds: seconds } }),
      ...(cause === undefined ? {} : { cause }),
    });
  }

  #callerLeft(cause: unknown): UpstreamError {
    return new UpstreamError(upstreamErrors.callerLeft, { attempts: this.#attempts, isWorthRepeating: false, cause });
  }
}

/** @throws UpstreamError when nobody answered. */
export function route<T extends Target, R>(
  deps: RouteDeps,
  call: UpstreamCall<T>,
  limits: CallLimits,
  once: Once<T, R>,
): Promise<Reached<T, R>> {
  return new Journey(deps, call, limits, once).run();
}
