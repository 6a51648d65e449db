/** What the path of a call stands on. */
import type { Clock } from '../../../platform/clock/index.ts';
import type { Ids } from '../../../platform/ids/index.ts';
import type { Metering } from '../../metering/index.ts';
import type { CallBook } from '../book/index.ts';
import type { Caches } from '../cache/index.ts';
import type { TokenCounter } from '../tokens/index.ts';
import type { Upstream } from '../upstream/index.ts';
import type { PlanDeps } from './plan.ts';
import type { CallObserver } from './types.ts';

export interface GatewayDeps extends PlanDeps {
  readonly ids: Ids;
  readonly clock: Clock;
  readonly book: CallBook;
  readonly tokens: TokenCounter;
  readonly upstream: Pick<Upstream, 'ask' | 'stream'>;
  readonly metering: Pick<Metering, 'modelPrice' | 'priceBook'>;
  readonly observer: CallObserver;
  readonly caches: Caches;
}
