/** The audit trail: one row for every mutation, chained by hashes for each organisation. See README.md. */
import type { Db, Tx } from '../../platform/db/index.ts';
import { GuildhallError } from '../../platform/errors/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import { auditErrors } from './errors.ts';
import { findUnfit } from './rules.ts';
import { findFault, findHead, insertEvent, listBrokenChains } from './store.ts';
import type { AuditEvent, BrokenChain, ChainFault } from './types.ts';

export { auditErrors } from './errors.ts';
export type { ActorType, AuditEvent, BrokenChain, ChainFault, ChainFaultKind } from './types.ts';

export interface Audit {
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
  /** Where the chain ends, for keeping outside of the database; undefined before the first row. */
  head(tx: Tx, orgId: string): Promise<{ readonly seq: bigint; readonly hash: string } | undefined>;
}

export function createAudit(deps: { readonly ids: Ids }): Audit {
  return {
    async append(tx, event) {
      const unfit = findUnfit(event);
      if (unfit !== undefined)
        throw new GuildhallError(auditErrors.unfit, {
          internal: `audit row ${event.action}: ${unfit} is not fit to be kept`,
        });
      await insertEvent(tx, deps.ids.make('aud'), event);
    },
    verify: findFault,
    verifyAll: (db) => db.system(listBrokenChains),
    head: findHead,
  };
}
