/** The use cases of metering. */
import type { Clock } from '../../platform/clock/index.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import { GuildhallError } from '../../platform/errors/index.ts';
import { meteringErrors } from './errors.ts';
import type { ModelPrice, NewModelPrice } from './model-price.ts';
import { createModelPrices } from './model-prices.ts';
import * as store from './store.ts';
import type { Mode, NewPriceBook, NewUsage, PriceBook, UsageGroup, UsageRow } from './types.ts';

// How long a process may go on with the price book it knows after another one published a new one.
const BOOK_FRESH_MS = 5_000;
// Old versions wanted again by replays; each is a few kilobytes.
const BOOKS_KEPT_MAX = 50;
const DAY_MS = 86_400_000;
const PERIOD_DEFAULT_MS = 30 * DAY_MS;
// A year and its edges: bounds what one query may read.
const PERIOD_MAX_MS = 400 * DAY_MS;
const ROWS_MAX = 1_000;

export interface UsageQuery {
  readonly mode: Mode;
  readonly groupBy: UsageGroup;
  /** Inclusive. Default: 30 days before `to`. */
  readonly from?: Date | undefined;
  /** Exclusive. Default: now. */
  readonly to?: Date | undefined;
}

export interface Metering {
  /** Counts a use once, for ever: the same record again does nothing. @throws metering.usage-conflict when its content differs */
  record(tx: Tx, use: NewUsage): Promise<void>;
  /** Takes a record back by a negative one of its own id, in the same period. Idempotent. @throws metering.usage-not-found, metering.usage-conflict */
  reverse(tx: Tx, input: { readonly source: string; readonly id: string; readonly reversalId: string }): Promise<void>;
  /** Sums by group, in the order of the group's key; at most 1,000 rows. @throws metering.period */
  usage(tx: Tx, query: UsageQuery): Promise<UsageRow[]>;
  /** The price book in force (at most 5 s old), or one version of it. Costs no round trip while the known one is fresh; without `tx` it uses a connection of its own. */
  priceBook(tx?: Tx, version?: number): Promise<PriceBook>;
  /** Publishes the next version and returns its number. What older versions priced keeps its price. */
  publishPrices(book: NewPriceBook): Promise<number>;
  /**
   * What the provider asks for a model now (at most 5 s old), or at a time: by its name, else by an alias, else by the row for all models
   * of the kind. Undefined: it has no price. Costs no round trip while what is known is fresh.
   */
  modelPrice(kind: string, name: string, at?: Date): Promise<ModelPrice | undefined>;
  /** The row that a call was priced by, for ever. */
  modelPriceById(id: string): Promise<ModelPrice | undefined>;
  /** The prices in force now (at most 5 s old), by kind and name. */
  modelPrices(): Promise<readonly ModelPrice[]>;
  /** Just now, with those published for later after the ones in force. */
  announcedModelPrices(): Promise<readonly ModelPrice[]>;
  /** Publishes a row. Every process uses it within 5 s of its time. @throws metering.price-in-the-past, metering.alias-taken */
  publishModelPrice(tx: Tx, price: NewModelPrice): Promise<ModelPrice>;
  /** Makes the partitions of the coming months. Call at start and daily; returns how many were new. */
  ensurePartitions(): Promise<number>;
  /** For `ledger verify`. */
  usageByRun(orgId: string): Promise<{ runId: string; costNanos: bigint }[]>;
  /** For `ledger verify`. */
  differences(orgId: string): Promise<store.UsageDifference[]>;
}

function createPriceBooks(db: Db, clock: Clock) {
  const kept = new Map<number, PriceBook>();
  let current: PriceBook | undefined;
  let checkedMs = Number.NEGATIVE_INFINITY;
  const keep = (book: PriceBook): PriceBook => {
    const known = kept.get(book.version);
    if (known) return known;
    const oldest = kept.keys().next().value;
    if (kept.size >= BOOKS_KEPT_MAX && oldest !== undefined) kept.delete(oldest);
    kept.set(book.version, book);
    return book;
  };
  return {
    async read(tx: Tx | undefined, version: number | undefined): Promise<PriceBook> {
      const known = version === undefined ? current : kept.get(version);
      if (known && (version !== undefined || clock.monotonicMs() - checkedMs < BOOK_FRESH_MS)) return known;
      const startedMs = clock.monotonicMs();
      const found = await (tx
        ? store.findPriceBook(tx, version)
        : db.direct((own) => store.findPriceBook(own, version)));
      if (!found)
        throw new GuildhallError(meteringErrors.priceVersion, { internal: `price version ${version ?? 'now'}` });
      const book = keep(found);
      if (version === undefined) {
        current = book;
        checkedMs = startedMs;
      }
      return book;
    },
    forget() {
      checkedMs = Number.NEGATIVE_INFINITY;
    },
  };
}

async function sumUsage(tx: Tx, query: UsageQuery, clock: Clock): Promise<UsageRow[]> {
  // The end is exclusive, so "until now" has to reach past the record that was made this very instant.
  const to = query.to ?? new Date(clock.now().getTime() + DAY_MS);
  const from = query.from ?? new Date(to.getTime() - PERIOD_DEFAULT_MS);
  const lengthMs = to.getTime() - from.getTime();
  if (lengthMs <= 0 || lengthMs > PERIOD_MAX_MS) throw new GuildhallError(meteringErrors.period);
  return store.sumUsage(tx, { mode: query.mode, groupBy: query.groupBy, from, to }, ROWS_MAX);
}

async function publishModelPrice(tx: Tx, price: NewModelPrice): Promise<ModelPrice> {
  const { outcome, conflict, seq } = await store.insertModelPrice(tx, price);
  if (outcome === 'past') {
    throw new GuildhallError(meteringErrors.pricePast, {
      errors: [{ path: '/effectiveFrom', message: 'lies in the past' }],
    });
  }
  if (outcome === 'taken') {
    throw new GuildhallError(meteringErrors.aliasTaken, {
      errors: [{ path: '/aliases', message: `${conflict} is another model of ${price.kind}` }],
    });
  }
  const { rows } = await store.listModelPrices(tx, (seq ?? 0) - 1, 1);
  const row = rows[0];
  if (!row) throw new Error('a price that was just published is not there');
  return row;
}

export function createMetering(deps: { readonly db: Db; readonly clock: Clock }): Metering {
  const { db, clock } = deps;
  const books = createPriceBooks(db, clock);
  const models = createModelPrices(db, clock);
  return {
    async record(tx, use) {
      const outcome = await store.insertUsage(tx, use);
      if (outcome === 'conflict')
        throw new GuildhallError(meteringErrors.usageConflict, { internal: `usage ${use.source}/${use.id}` });
    },
    async reverse(tx, { source, id, reversalId }) {
      const outcome = await store.reverseUsage(tx, { source, id, reversalId });
      if (outcome === 'missing')
        throw new GuildhallError(meteringErrors.usageMissing, { internal: `usage ${source}/${id}` });
      if (outcome === 'conflict')
        throw new GuildhallError(meteringErrors.usageConflict, { internal: `usage ${source}/${reversalId}` });
    },
    usage: (tx, query) => sumUsage(tx, query, clock),
    priceBook: (tx, version) => books.read(tx, version),
    async publishPrices(book) {
      const version = await db.system((tx) => store.insertPriceBook(tx, book));
      books.forget();
      return version;
    },
    modelPrice: (kind, name, at) => models.find(kind, name, at),
    modelPriceById: (id) => models.findById(id),
    modelPrices: () => models.list(),
    announcedModelPrices: () => models.announced(),
    publishModelPrice,
    ensurePartitions: () => db.system(store.ensurePartitions),
    usageByRun: (orgId) => db.system((tx) => store.listCosts(tx, orgId)),
    differences: (orgId) => db.system((tx) => store.listDifferences(tx, orgId)),
  };
}
