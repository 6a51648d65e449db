/** A ledger on a database of its own, for the tests of this module. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { systemClock } from '../../platform/clock/index.ts';
import type { Tx } from '../../platform/db/index.ts';
import { createIds } from '../../platform/ids/index.ts';
import { createLedger, type HoldAnswer, type Ledger } from './index.ts';
import type { NewHold } from './types.ts';

export interface Books {
  readonly database: TestDatabase;
  readonly ledger: Ledger;
  /** As the organisation `org_a`, which has its accounts open. */
  asA<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  grant(amountNanos: bigint, orgId?: string): Promise<void>;
  hold(holdId: string, amountNanos: bigint, more?: Partial<NewHold>): Promise<HoldAnswer>;
  settle(holdId: string, costNanos: bigint): Promise<bigint>;
  release(holdId: string): Promise<void>;
  /** Statements as the superuser, with all triggers off: the way a corruption is planted. */
  tamper(...statements: string[]): Promise<void>;
  /** Statements as the superuser, in order; the rows of the last one. */
  admin(...statements: string[]): Promise<readonly Record<string, unknown>[]>;
  close(): Promise<void>;
}

export const ORG_A = 'org_a';
export const runOf = (holdId: string) => holdId.replace('hold_', 'run_');
export const SCOPES = { keyId: 'key_1', agentId: 'alpha' };

export async function openBooks(): Promise<Books> {
  const database = await testDatabase();
  const { db } = database;
  const ledger = createLedger({ db, ids: createIds(systemClock) });
  const asA: Books['asA'] = (work) => db.tenant(ORG_A, work);
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  const admin = async (...statements: string[]) => {
    let rows: readonly Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await owner.query(statement)).rows;
    return rows;
  };
  await asA((tx) => ledger.openAccounts(tx, { orgId: ORG_A }));
  return {
    database,
    ledger,
    asA,
    admin,
    tamper: async (...statements) => {
      await admin('set session_replication_role = replica', ...statements, 'set session_replication_role = origin');
    },
    grant: (amountNanos, orgId = ORG_A) =>
      db.tenant(orgId, (tx) =>
        ledger.grant(tx, {
          transferId: `tr_${randomBytes(6).toString('hex')}`,
          orgId,
          amountNanos,
          reason: 'for a test',
        }),
      ),
    hold: (holdId, amountNanos, more = {}) =>
      db.tenant(more.orgId ?? ORG_A, (tx) =>
        ledger.hold(tx, {
          holdId,
          orgId: ORG_A,
          mode: 'live',
          runId: runOf(holdId),
          amountNanos,
          scopes: SCOPES,
          ...more,
        }),
      ),
    settle: async (holdId, costNanos) =>
      (await asA((tx) => ledger.settle(tx, { holdId, costNanos, runId: runOf(holdId) }))).chargedNanos,
    release: (holdId) => asA((tx) => ledger.release(tx, { holdId })),
    close: async () => {
      await owner.end();
      await database.close();
    },
  };
}
