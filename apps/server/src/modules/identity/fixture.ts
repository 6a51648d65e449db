/** What the tests of identity share: processes on one database, and a clock that they own. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { createKeyring, type Keyring } from '../../platform/crypto/index.ts';
import { createIds } from '../../platform/ids/index.ts';
import { createMailQueue } from '../../platform/mail/index.ts';
import { type AuditEvent, createAudit } from '../audit/index.ts';
import { createIdentity, type Identity, type IdentityDeps, type OrganisationWithKey } from './index.ts';

export interface Fixture {
  readonly database: TestDatabase;
  readonly keyring: Keyring;
  /** One process; its caches are its own. */
  readonly identity: Identity;
  readonly audited: AuditEvent[];
  /** Ids of organisations in the order in which their accounts were asked for. */
  readonly opened: string[];
  /** Another process on the same database and clock. */
  another(): Identity;
  organisation(name?: string): Promise<OrganisationWithKey>;
  /** Moves the clocks of the database and of all processes. */
  advance(ms: number): Promise<void>;
  /** Runs one statement as the owner of the database. */
  asOwner<T extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<T[]>;
  /** A connection with the application's role, inside a transaction of this organisation. */
  asApplication(orgId: string): Promise<pg.Client>;
  close(): Promise<void>;
}

export const MASTER_KEY = Buffer.alloc(32, 7);

export async function identityFixture(
  keyring: Keyring = createKeyring({ masterKey: MASTER_KEY }),
  more: Pick<IdentityDeps, 'leakScannerKeys' | 'operatorEmail' | 'countryOf'> = {},
): Promise<Fixture> {
  const database = await testDatabase();
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  let shiftMs = 0;
  const clock: Clock = {
    now: () => new Date(Date.now() + shiftMs),
    monotonicMs: () => performance.now() + shiftMs,
  };
  const audited: AuditEvent[] = [];
  const opened: string[] = [];
  const audit = createAudit({ ids: createIds(clock) });
  const another = () =>
    createIdentity({
      ...more,
      db: database.db,
      ids: createIds(clock),
      clock,
      keyring,
      random: randomBytes,
      audit: {
        append: async (tx, event) => {
          await audit.append(tx, event);
          audited.push(event);
        },
      },
      mailQueue: createMailQueue({ keyring }),
      publicUrl: () => 'https://guildhall.test',
      onKeyRotated: async () => {},
      onOrganisationCreated: async (_tx, orgId) => {
        opened.push(orgId);
      },
      log: { warn: () => {} },
    });
  const identity = another();
  return {
    database,
    keyring,
    identity,
    audited,
    opened,
    another,
    organisation: (name = 'Ada & Co') => identity.createOrganisation({ name, actor: { type: 'system', id: 'test' } }),
    async advance(ms) {
      shiftMs += ms;
      await owner.query(
        `insert into platform.clock_shift (shift) values (make_interval(secs => $1))
         on conflict (single) do update set shift = excluded.shift`,
        [shiftMs / 1000],
      );
    },
    asOwner: async (text, values = []) => (await owner.query(text, [...values])).rows,
    async asApplication(orgId) {
      const client = new pg.Client({ connectionString: database.appUrl });
      await client.connect();
      await client.query('begin');
      await client.query("select set_config('guildhall.org_id', $1, true)", [orgId]);
      return client;
    },
    async close() {
      await owner.end();
      await database.close();
    },
  };
}

export const MINUTE_MS = 60_000;
