/** Models: every provider behind one exact meter. See README.md. */
import type { Clock } from '../../platform/clock/index.ts';
import type { Db } from '../../platform/db/index.ts';
import { type Erase, eraser } from '../../platform/erasure/index.ts';
import type { Failpoint } from '../../platform/failpoints/index.ts';
import type { RouteDefinition } from '../../platform/http/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import type { Tracer } from '../../platform/telemetry/index.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Metering, PriceBook } from '../metering/index.ts';
import { createRunCalls, type PlannedPrice, plannedPrices, type RunCalls } from './agent/index.ts';
import { costsByCall, createCallBook, eraseStatement, sweepOne } from './book/index.ts';
import { type CachesDeps, createCaches } from './cache/index.ts';
import { type CallObserver, createGateway, type Gateway, tracedGateway } from './call/index.ts';
import { type Channels, type ChannelsDeps, createChannels } from './channels/index.ts';
import { choicesRoutes, createChoices, createPolicies } from './choices/index.ts';
import { historyRoutes } from './history/index.ts';
import { type CallLimits, type CallLimitsDeps, createCallLimits } from './limits/index.ts';
import { modelRoutes } from './routes.ts';
import { createTokenCounter } from './tokens/index.ts';
import { type ChannelHealth, createUpstream } from './upstream/index.ts';

export {
  type Begun,
  type CallingRun,
  languageModel,
  modelError,
  type PlannedPrice,
  type RunCalls,
  tierModel,
  wordsIn,
} from './agent/index.ts';
export type { CallBook, CallEnd, CallHold, NewCall } from './book/index.ts';
export type { CallAnswer, CallObserver, Gateway, Incoming, StreamedAnswer } from './call/index.ts';
export { isOperatorChannel } from './channels/index.ts';

export interface ModelsDeps extends Omit<ChannelsDeps, 'health' | 'keyring'>, Omit<CallLimitsDeps, 'metering'> {
  readonly keyring: ChannelsDeps['keyring'] & CachesDeps['keyring'];
  readonly db: Db;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly metering: Metering;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly observer: CallObserver;
  readonly tracer: Tracer;
  readonly failpoint?: Failpoint | undefined;
}

export interface Models {
  readonly routes: readonly RouteDefinition[];
  readonly gateway: Gateway;
  readonly channels: Channels;
  /** Counts requests, at the edge. */
  readonly limits: Pick<CallLimits, 'count'>;
  /** The money of calls that runs make. */
  readonly runCalls: RunCalls;
  /** What the models of a run may cost at most, by its tier and plan. */
  plannedPrices(orgId: string, book: PriceBook): Promise<PlannedPrice>;
  /** Every channel that this process asked lately. */
  health(): readonly ChannelHealth[];
  /** Loads what the first call would otherwise wait for, and begins to watch providers. The result stops. */
  start(): Promise<() => Promise<void>>;
  /** Takes back the holds of calls that nobody settled in time, and books the operator's loss. Returns how many it looked at. */
  sweepExpired(): Promise<number>;
  /** Deletes what the caches need keep no longer. Returns how many entries. */
  pruneCaches(): Promise<number>;
  /** Calls, caches, settings and provider keys of an organisation that is over. */
  readonly erase: Erase;
  /** For `ledger verify`. */
  history(orgId: string): Promise<{ runId: string; ended: boolean; costNanos: bigint }[]>;
}

// Bounds one turn of the sweeper; the next follows in seconds.
const SWEEP_MAX = 10_000;

async function sweepExpired(db: Db): Promise<number> {
  let swept = 0;
  while (swept < SWEEP_MAX && (await db.system(sweepOne))) swept += 1;
  return swept;
}

export function createModels(deps: ModelsDeps): Models {
  const { db, clock, metering } = deps;
  const upstream = createUpstream(deps);
  const channels = createChannels({ ...deps, health: upstream.health });
  const limits = createCallLimits(deps);
  const book = limits.limited(createCallBook(deps));
  const tokens = createTokenCounter({ clock });
  const choices = createChoices(deps);
  const policies = createPolicies(deps);
  const caches = createCaches({ ...deps, upstream });
  const untraced = createGateway({ ...deps, channels, choices, policies, book, tokens, upstream, caches });
  const gateway = tracedGateway(untraced, deps.tracer);
  return {
    routes: [
      ...modelRoutes({ gateway, channels, metering, policies, limits }),
      ...channels.routes,
      ...choicesRoutes({ ...deps, choices, policies }),
      ...historyRoutes(upstream),
      ...caches.routes,
    ],
    gateway,
    channels,
    limits,
    runCalls: createRunCalls(deps),
    plannedPrices: (orgId, prices) => plannedPrices({ ...deps, channels, choices }, orgId, prices),
    health: upstream.health,
    async start() {
      await tokens.warm();
      const stop = channels.start();
      return async () => {
        await stop();
        await book.close();
        await caches.close();
      };
    },
    sweepExpired: () => sweepExpired(db),
    pruneCaches: caches.prune,
    erase: eraser(db, eraseStatement),
    history: (orgId) => db.system((tx) => costsByCall(tx, orgId)),
  };
}
