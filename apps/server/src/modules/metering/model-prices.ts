/** The prices of models as a process knows them: all rows ever published, because a row never changes and any may be asked for again. */
import type { Clock } from '../../platform/clock/index.ts';
import type { Db } from '../../platform/db/index.ts';
import { indexPrices, type ModelPrice, type PriceIndex } from './model-price.ts';
import * as store from './store.ts';

// How long a process may go on with the rows it knows after another one published a new one.
const FRESH_MS = 5_000;
// A page of rows is some 500 kB; a first load takes one or two.
const ROWS_MAX = 1_000;

export interface ModelPrices {
  /** The row for a model now (at most 5 s old), or at a time. Costs no round trip while what is known is fresh. Undefined: it has no price. */
  find(kind: string, name: string, at?: Date): Promise<ModelPrice | undefined>;
  /** The row of an id, as often as wanted. */
  findById(id: string): Promise<ModelPrice | undefined>;
  /** The rows in force now. */
  list(): Promise<readonly ModelPrice[]>;
  /** The rows in force, then those published for later. Reads again, however fresh what is known is. */
  announced(): Promise<readonly ModelPrice[]>;
}

export function createModelPrices(db: Db, clock: Clock): ModelPrices {
  const rows: ModelPrice[] = [];
  const byId = new Map<string, ModelPrice>();
  let seq = 0;
  let loadedAt = new Date(0);
  let index: PriceIndex = indexPrices(rows, loadedAt);
  let checkedMs = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> | undefined;

  const load = async (): Promise<void> => {
    const startedMs = clock.monotonicMs();
    for (;;) {
      const page = await db.direct((tx) => store.listModelPrices(tx, seq, ROWS_MAX));
      for (const row of page.rows) {
        rows.push(row);
        byId.set(row.id, row);
      }
      seq = page.seq;
      if (page.rows.length === ROWS_MAX) continue;
      loadedAt = page.now;
      index = indexPrices(rows, loadedAt);
      checkedMs = startedMs;
      return;
    }
  };
  // Everybody who asks meanwhile waits for the same answer.
  const loadOnce = (): Promise<void> => {
    loading ??= load().finally(() => {
      loading = undefined;
    });
    return loading;
  };
  // A load under way may have begun before what is looked for was there.
  const loadAfresh = async (): Promise<void> => {
    await loading;
    await loadOnce();
  };
  const refresh = async (): Promise<void> => {
    if (clock.monotonicMs() - checkedMs >= FRESH_MS) await loadOnce();
  };
  const refreshed = async (): Promise<PriceIndex> => {
    await refresh();
    return index;
  };
  return {
    async find(kind, name, at) {
      const now = await refreshed();
      return (at ? indexPrices(rows, at) : now).find(kind, name);
    },
    async findById(id) {
      if (!byId.has(id)) await loadAfresh();
      return byId.get(id);
    },
    list: async () => (await refreshed()).list(),
    async announced() {
      await loadAfresh();
      return [...index.list(), ...rows.filter((row) => row.effectiveFrom > loadedAt)];
    },
  };
}
