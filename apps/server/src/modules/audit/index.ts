/** The audit trail: one row for every mutation, chained by hashes for each organisation. See README.md. */
import type { Db, Tx } from '../../platform/db/index.ts';
import { type Erase, eraser } from '../../platform/erasure/index.ts';
import { GuildhallError } from '../../platform/errors/index.ts';
import type { RouteDefinition } from '../../platform/http/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import { auditErrors } from './errors.ts';
import { auditRoutes } from './routes.ts';
import { findUnfit } from './rules.ts';
import { findFault, findHead, insertEvent, listBrokenChains, listFaults, pruneEvents } from './store/chain.ts';
import { eraseStatement } from './store/streams.ts';
import type { AuditEvent, BrokenChain, ChainFault } from './types.ts';

export { auditErrors } from './errors.ts';
export { createRefusals, type Refusals } from './refusals.ts';
export { auditHeadsIn, type BrokenSeal, type SealReport, sealHeads, verifySeals } from './sealing.ts';
export { handOn, RECORDED } from './streaming.ts';
export type { ActorType, AuditEvent, BrokenChain, ChainFault, ChainFaultKind } from './types.ts';

// A statement of about a second; the rest waits for the next turn.
const PRUNED_ROWS_MAX = 10_000;
const PRUNED_CHAINS_MAX = 200;

export interface Audit {
  readonly routes: readonly RouteDefinition[];
  /**
   * Adds one row in the caller's transaction: it commits or vanishes together with what it tells of, and gets its place in the chain
   * when that transaction commits. Locks nothing before.
   * @throws audit.unfit when a field holds more than an id.
   */
  append(tx: Tx, event: AuditEvent): Promise<void>;
  /** The first fault of one organisation's chain; undefined when it is whole. `tx` must be that organisation's. */
  verify(tx: Tx, orgId: string): Promise<ChainFault | undefined>;
  /** Every organisation whose chain is broken, with its first fault. */
  verifyAll(db: Db): Promise<BrokenChain[]>;
  /** Every fault of every chain, in order, at most `each` of one chain. */
  listFaults(db: Db, each: number): Promise<BrokenChain[]>;
  /** Forgets rows older than this, from the beginnings of chains; the last row of a chain stays. Resolves with their number. */
  prune(db: Db, keepMs: number): Promise<number>;
  /** The stream of an organisation that is over; its trail stays. */
  erase(db: Db): Erase;
  /** Where the chain ends, for keeping outside of the database; undefined before the first row. */
  head(tx: Tx, orgId: string): Promise<{ readonly seq: bigint; readonly hash: string } | undefined>;
}

export function createAudit(deps: { readonly ids: Ids }): Audit {
  const append: Audit['append'] = async (tx, event) => {
    const unfit = findUnfit(event);
    if (unfit !== undefined)
      throw new GuildhallError(auditErrors.unfit, {
        internal: `audit row ${event.action}: ${unfit} is not fit to be kept`,
      });
    await insertEvent(tx, deps.ids.make('aud'), event);
  };
  return {
    append,
    verify: findFault,
    verifyAll: (db) => db.system(listBrokenChains),
    listFaults: (db, each) => db.system((tx) => listFaults(tx, each)),
    prune: (db, keepMs) => {
      const ids = Array.from({ length: PRUNED_CHAINS_MAX }, () => deps.ids.make('aud'));
      return db.system((tx) => pruneEvents(tx, { keepMs, limit: PRUNED_ROWS_MAX, ids }));
    },
    erase: (db) => eraser(db, eraseStatement),
    head: findHead,
    routes: auditRoutes(append),
  };
}
