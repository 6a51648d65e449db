import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { createBus } from '../bus/index.ts';
import type { Db } from '../db/index.ts';
import {
  assertKnownEverywhere,
  connectionName,
  countByKey,
  followMasterKey,
  listSealedColumns,
  openKeyring,
  type Place,
  rotateMasterKey,
} from './index.ts';
import type { Keyring } from './keyring.ts';

const OLD = randomBytes(32);
const NEW = randomBytes(32);
const SECRETS = 1_700;

let database: TestDatabase;
let owner: pg.Client;
beforeEach(async () => {
  database = await testDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  await owner.query(`create table platform.vault (id text primary key, org_id text not null, sealed bytea);
    call platform.seal_column('platform.vault', 'sealed')`);
});
afterEach(async () => {
  await owner.end();
  await database.close();
});

const ring = (...keys: Buffer[]): Promise<Keyring> => openKeyring(database.ownerUrl, { keys, reload: undefined });
const newest = (keyring: Keyring): Buffer => keyring.keyIds()[0] ?? Buffer.alloc(0);
const place = (id: string) => ({ orgId: 'org_a', table: 'platform.vault', column: 'sealed', rowId: id });

async function fill(keyring: Keyring, n = SECRETS): Promise<void> {
  const ids = Array.from({ length: n }, (_, i) => `row_${String(i).padStart(6, '0')}`);
  await owner.query(
    `insert into platform.vault select u.id, 'org_a', u.sealed from unnest($1::text[], $2::bytea[]) u(id, sealed)`,
    [ids, ids.map((id) => keyring.encrypt(place(id), `secret of ${id}`))],
  );
}

async function unreadable(keyring: Keyring): Promise<number> {
  const { rows } = await owner.query<{ id: string; sealed: Buffer }>('select id, sealed from platform.vault');
  return rows.filter(({ id, sealed }) => {
    try {
      return keyring.decrypt(place(id), sealed).toString() !== `secret of ${id}`;
    } catch {
      return true;
    }
  }).length;
}

// Nothing can be read out of a hash, and what is public or drawn for one hash alone is no secret.
const BY_NATURE = /(?:^|[._])(?:hash|fingerprint|public_key|salt|credential_id)$/;
const NOT_SEALED = [
  // Keyed hashes of addresses and accounts.
  'identity.challenge.source',
  'identity.guess.account',
  'identity.guess.lane',
  'identity.key_network.network',
  // An answer of a model, as readable as the steps and events of runs are; its key and its mac are keyed hashes.
  'models.cache_entry.content',
  'models.cache_entry.key',
  'models.cache_entry.mac',
  'platform.rate_window.key',
];

test('every column of bytes is registered as sealed, or stands here with the reason why it is not', async () => {
  const { rows } = await owner.query<{ name: string }>(
    `select n.nspname || '.' || c.relname || '.' || a.attname as name
       from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where a.atttypid = 'bytea'::regtype and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p') and not c.relispartition
        and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1`,
  );
  const sealed = (await listSealedColumns(database.db)).map((one) => `${one.table}.${one.column}`);
  const open = rows.map((row) => row.name).filter((name) => !sealed.includes(name) && !BY_NATURE.test(name));
  expect(open).toEqual(NOT_SEALED);
});

describe('a change of the master key', () => {
  test('moves every secret; both keys read while it lasts, and the new one alone afterwards', async () => {
    await fill(await ring(OLD));
    const both = await ring(NEW, OLD);
    expect(both.isCurrent(both.encrypt(place('x'), 'x'))).toBe(true);
    // Before the command nothing is sealed under the new key: processes that only know the old one go on reading everything.
    expect((await ring(OLD)).decrypt(place('x'), both.encrypt(place('x'), 'x')).toString()).toBe('x');
    const moved = await rotateMasterKey({ db: database.db, keyring: both, target: newest(both) });
    expect(moved).toBe(SECRETS + 1);
    expect(await unreadable(await ring(NEW))).toBe(0);
    expect(await countByKey(database.db)).toEqual([
      { keyId: newest(both).toString('hex'), envelopes: BigInt(SECRETS + 1) },
    ]);
    expect(await rotateMasterKey({ db: database.db, keyring: both, target: newest(both) })).toBe(0);
  });

  test('changes no hash, token or password that was made before', async () => {
    const before = await ring(OLD);
    const made = { mac: before.mac('api-keys', 'gld_live_x'), role: before.derive('db-role:guildhall_app') };
    const both = await ring(NEW, OLD);
    await rotateMasterKey({ db: database.db, keyring: both, target: newest(both) });
    const after = await ring(NEW);
    expect(after.mac('api-keys', 'gld_live_x')).toEqual(made.mac);
    expect(after.macs('api-keys', 'gld_live_x')).toEqual([made.mac]);
    expect(after.derive('db-role:guildhall_app')).toEqual(made.role);
  });

  test('a wrong master key is refused at the start, and changes nothing', async () => {
    await ring(OLD);
    await expect(ring(NEW)).rejects.toMatchObject({ spec: { code: 'crypto.wrong-master-key' } });
    await expect(ring(OLD)).resolves.toBeDefined();
  });

  test('a process that runs seals under the new key as soon as the root lies under it', async () => {
    await ring(OLD);
    const running = await ring(OLD, NEW);
    const bus = await createBus(database.db, 'one', () => {});
    const stop = followMasterKey({ db: database.db, bus, keyring: running, onUnknown: () => expect.unreachable() });
    const rotating = await ring(NEW, OLD);
    const heard = new Promise<void>((resolve) => bus.subscribe('master-key', () => resolve()));
    await rotateMasterKey({ db: database.db, keyring: rotating, target: newest(rotating) });
    await heard;
    expect(rotating.isCurrent(running.encrypt(place('x'), 'x'))).toBe(true);
    stop();
    await bus.close();
  });

  test('a process that reads its keys from a file finds the new one when it meets it', async () => {
    await ring(OLD);
    let inFile = [OLD];
    const running = await openKeyring(database.ownerUrl, { keys: inFile, reload: () => inFile });
    const both = await ring(NEW, OLD);
    both.sealUnder(newest(both));
    const sealed = both.encrypt(place('x'), 'x');
    expect(() => running.decrypt(place('x'), sealed)).toThrow();
    inFile = [NEW, OLD];
    expect(running.decrypt(place('x'), sealed).toString()).toBe('x');
  });

  test('a secret that changes between the read and the write of a batch keeps its change', async () => {
    await fill(await ring(OLD), 3);
    const both = await ring(NEW, OLD);
    let isRead = false;
    const late: Db = {
      ...database.db,
      system: async (work) => {
        if (isRead) {
          isRead = false;
          const writer = await ring(OLD, NEW);
          await owner.query(`update platform.vault set sealed = $1 where id = 'row_000001'`, [
            writer.encrypt(place('row_000001'), 'changed'),
          ]);
        }
        return database.db.system(work);
      },
    };
    const watching = {
      ...both,
      rewrap: (at: Place, sealed: Buffer) => {
        isRead ||= at.rowId === 'row_000001' && both.decrypt(at, sealed).toString() !== 'changed';
        return both.rewrap(at, sealed);
      },
    };
    await rotateMasterKey({ db: late, keyring: watching, target: newest(both) });
    const { rows } = await owner.query<{ sealed: Buffer }>(`select sealed from platform.vault where id = 'row_000001'`);
    const sealed = rows[0]?.sealed ?? Buffer.alloc(0);
    expect((await ring(NEW)).decrypt(place('row_000001'), sealed).toString()).toBe('changed');
  });

  test('is not begun while a connected process knows neither the new key nor a file to find it in', async () => {
    const [reads, behind, knows] = [await ring(OLD), await ring(OLD), await ring(NEW, OLD)];
    const target = newest(knows);
    const connect = async (name: string): Promise<pg.Client> => {
      const client = new pg.Client({ connectionString: database.appUrl, application_name: name });
      await client.connect();
      return client;
    };
    const open = [await connect(connectionName(knows, false)), await connect(connectionName(reads, true))];
    await expect(assertKnownEverywhere(database.db, target)).resolves.toBeUndefined();
    open.push(await connect(connectionName(behind, false)));
    await expect(assertKnownEverywhere(database.db, target)).rejects.toMatchObject({
      spec: { code: 'crypto.rotation-unknown' },
    });
    await Promise.all(open.map((client) => client.end()));
  });

  test('of two changes at once the one that was overtaken ends, and every secret is readable', async () => {
    await fill(await ring(OLD));
    const third = randomBytes(32);
    const first = await ring(NEW, OLD);
    const second = await ring(third, NEW, OLD);
    let begun = false;
    const overtaken = rotateMasterKey({
      db: database.db,
      keyring: first,
      target: newest(first),
      onProgress: async () => {
        if (begun) return;
        begun = true;
        await rotateMasterKey({ db: database.db, keyring: second, target: newest(second) });
      },
    });
    await expect(overtaken).rejects.toMatchObject({ spec: { code: 'crypto.rotation-overtaken' } });
    expect(await unreadable(second)).toBe(0);
  });
});

describe('killed half-way', () => {
  const killedAfter = async (batches: number): Promise<void> => {
    const keys = [NEW, OLD].map((key) => key.toString('base64')).join();
    const child = fork(
      new URL('./rotation.test-support.ts', import.meta.url),
      [database.appUrl, database.systemUrl, database.ownerUrl, keys, String(batches)],
      { execArgv: [] },
    );
    const signal = await new Promise((resolve) => child.once('exit', (_, by) => resolve(by)));
    expect(signal).toBe('SIGKILL');
  };

  test.each([0, 1, 2, 3, 4])('after batch %i every secret is readable, and the next call ends it', async (batches) => {
    await fill(await ring(OLD));
    await killedAfter(batches);
    const both = await ring(NEW, OLD);
    expect(await unreadable(both)).toBe(0);
    expect(await unreadable(await ring(OLD, NEW))).toBe(0);
    await rotateMasterKey({ db: database.db, keyring: both, target: newest(both) });
    expect(await unreadable(await ring(NEW))).toBe(0);
  });
});
