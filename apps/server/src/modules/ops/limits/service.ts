/** The limits in force, in the memory of the process. */
import type { Bus } from '../../../platform/bus/index.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Db } from '../../../platform/db/index.ts';
import type { RouteDefinition, RouteLimit } from '../../../platform/http/index.ts';
import type { RateLimiter, RateStanding, RateVerdict } from '../../../platform/limits/index.ts';
import type { Logger } from '../../../platform/telemetry/index.ts';
import { type Caller, inForce, limitsOf, type Override, type Overrides, subjectOf, toRule } from './rules.ts';
import { listOverrides } from './store.ts';

export interface LimitsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>;
  readonly log: Pick<Logger, 'warn'>;
  readonly limiter: Pick<RateLimiter, 'take' | 'ask'>;
  /** All that are served. */
  routes(): readonly RouteDefinition[];
}

export interface Limits {
  /**
   * Reads what the operator set, and follows it until the function it returns is called. Without it, and until a database that is away
   * answers, the program's own limits hold.
   */
  start(): Promise<() => void>;
  /** Counts one request; undefined where the limit does not count such a caller. */
  take(limit: RouteLimit, caller: Caller): Promise<RateVerdict | undefined>;
  /** How each limit that counts this caller stands over all processes. */
  standings(
    caller: Caller,
  ): Promise<readonly (RateStanding & { readonly limitOf: RouteLimit; readonly isSet: boolean })[]>;
  /** By name, with what the program says of each. */
  known(): ReadonlyMap<string, RouteLimit>;
  /** What the operator set, as this process has read it. */
  overrides(): Overrides;
  /** To be called after the commit of a change: this process follows at once, others with the next message, or within 5 s where it is lost. */
  changed(): Promise<void>;
}

const FRESH_MS = 5_000;

export function createLimits({ db, clock, bus, log, limiter, routes }: LimitsDeps): Limits {
  let overrides: Overrides = new Map();
  let staleAtMs = Number.NEGATIVE_INFINITY;
  let known: ReadonlyMap<string, RouteLimit> | undefined;
  const load = async (): Promise<void> => {
    // From when the reading begins, because a change during it may not be seen. Also after a failure: what is known holds on.
    staleAtMs = clock.monotonicMs() + FRESH_MS;
    overrides = await db.open(listOverrides);
  };
  const loadQuietly = (): Promise<void> =>
    load().catch((error: unknown) => log.warn('the limits that the operator set cannot be read', { error }));
  /** No request waits for it. */
  const current = (): Overrides => {
    if (clock.monotonicMs() >= staleAtMs) void loadQuietly();
    return overrides;
  };
  const ruleFor = (limit: RouteLimit, { principal }: Caller): Override & { readonly isSet: boolean } =>
    inForce(limit, current(), principal?.orgId ?? '');
  const all = (): ReadonlyMap<string, RouteLimit> => {
    known ??= limitsOf(routes());
    return known;
  };
  return {
    start: async () => {
      // Two routes that mean different things by one name end the start, not the first question.
      all();
      await loadQuietly();
      return bus.subscribe('limits', () => void loadQuietly());
    },
    changed: async () => {
      await loadQuietly();
      bus.publish('limits', 'set');
    },
    known: all,
    overrides: current,
    async take(limit, caller) {
      const subject = subjectOf(limit, caller);
      return subject === undefined ? undefined : limiter.take(toRule(limit, ruleFor(limit, caller)), subject);
    },
    async standings(caller) {
      const found = [...all().values()].map(async (limit) => {
        const subject = subjectOf(limit, caller);
        if (subject === undefined) return undefined;
        const { isSet, ...force } = ruleFor(limit, caller);
        return { ...(await limiter.ask(toRule(limit, force), subject)), limitOf: limit, isSet };
      });
      return (await Promise.all(found)).filter((one) => one !== undefined);
    },
  };
}
