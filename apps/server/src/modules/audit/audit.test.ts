import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { systemClock } from '../../platform/clock/index.ts';
import { sql } from '../../platform/db/index.ts';
import { createIds } from '../../platform/ids/index.ts';
import { type AuditEvent, createAudit } from './index.ts';

const ORG = 'org_a';
const audit = createAudit({ ids: createIds(systemClock) });
let database: TestDatabase;
let owner: pg.Client;

beforeEach(async () => {
  database = await testDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  for (let i = 1; i <= 5; i += 1) await append({ action: `thing.${i}` });
});
afterEach(async () => {
  await owner.end();
  await database.close();
});

const append = (more: Partial<AuditEvent> = {}) =>
  database.db.tenant(more.orgId ?? ORG, (tx) =>
    audit.append(tx, {
      orgId: ORG,
      actorType: 'key',
      actorId: 'key_1',
      action: 'thing.do',
      targetType: 'thing',
      targetId: 'thing_1',
      ...more,
    }),
  );
const verify = (orgId = ORG) => database.db.tenant(orgId, (tx) => audit.verify(tx, orgId));
/** As the superuser with triggers off: whoever can do this can do anything, and still be found out. */
async function tamper(...statements: string[]): Promise<void> {
  await owner.query('set session_replication_role = replica');
  for (const statement of statements) await owner.query(statement);
  await owner.query('set session_replication_role = origin');
}

test('rows stand in one unbroken order, each tied to the one before', async () => {
  const rows = await owner.query<{ seq: string; action: string }>('select seq, action from audit.event order by seq');
  expect(rows.rows.map((row) => `${row.seq} ${row.action}`)).toEqual([
    '1 thing.1',
    '2 thing.2',
    '3 thing.3',
    '4 thing.4',
    '5 thing.5',
  ]);
  expect(await verify()).toBeUndefined();
  const head = await database.db.tenant(ORG, (tx) => audit.head(tx, ORG));
  const last = await owner.query<{ hash: string }>(`select encode(hash, 'hex') as hash from audit.event where seq = 5`);
  expect(head).toEqual({ seq: 5n, hash: last.rows[0]?.hash });
});

test('a row vanishes together with the change it tells of', async () => {
  const failing = database.db.tenant(ORG, async (tx) => {
    await audit.append(tx, { orgId: ORG, actorType: 'system', action: 'never.was' });
    throw new Error('afterwards');
  });
  await expect(failing).rejects.toThrow('afterwards');
  await append();
  expect(await verify()).toBeUndefined();
});

test('fifty writers at once make one chain', async () => {
  await Promise.all(Array.from({ length: 50 }, () => append()));
  expect(await verify()).toBeUndefined();
  expect((await database.db.tenant(ORG, (tx) => audit.head(tx, ORG)))?.seq).toBe(55n);
});

test.each([
  "action = 'thing.else'",
  "actor_id = 'key_2'",
  'target_id = null',
  'data = \'{"a":1}\'',
  `created_at = created_at + interval '1 microsecond'`,
  `hash = sha256('x')`,
])('an edited row is named: %s', async (change) => {
  await tamper(`update audit.event set ${change} where seq = 3`);
  expect(await verify()).toMatchObject({ fault: 'edited', seq: 3n });
});

test('a row that was edited together with its hash is named all the same', async () => {
  await tamper(
    `update audit.event set action = 'thing.else' where seq = 3`,
    `update audit.event e set hash = audit.row_hash(e) where seq = 3`,
  );
  expect(await verify()).toMatchObject({ fault: 'edited', seq: 3n });
});

test('the last row edited together with its hash is named, because the head remembers', async () => {
  await tamper(
    `update audit.event set action = 'thing.else' where seq = 5`,
    `update audit.event e set hash = audit.row_hash(e) where seq = 5`,
  );
  expect(await verify()).toMatchObject({ fault: 'edited', seq: 5n });
});

test('a deleted row is named by its place, the first one too', async () => {
  await tamper('delete from audit.event where seq = 3');
  expect(await verify()).toEqual({ fault: 'deleted', seq: 3n, eventId: undefined });
  await tamper('delete from audit.event where seq = 1');
  expect(await verify()).toMatchObject({ fault: 'deleted', seq: 1n });
});

test('rows that changed places are named', async () => {
  await tamper(
    'update audit.event set seq = 99 where seq = 2',
    'update audit.event set seq = 2 where seq = 4',
    'update audit.event set seq = 4 where seq = 99',
  );
  expect(await verify()).toMatchObject({ fault: 'reordered', seq: 2n });
});

test('a chain that was cut off is named from its first missing row on', async () => {
  await tamper('delete from audit.event where seq > 3');
  expect(await verify()).toMatchObject({ fault: 'truncated', seq: 4n });
  await tamper('delete from audit.event');
  expect(await verify()).toMatchObject({ fault: 'truncated', seq: 1n });
});

test('all broken chains are listed with their organisations, and whole ones are not', async () => {
  await append({ orgId: 'org_b' });
  expect(await audit.verifyAll(database.db)).toEqual([]);
  await tamper(`update audit.event set action = 'x' where org_id = 'org_a' and seq = 2`);
  expect(await audit.verifyAll(database.db)).toMatchObject([{ orgId: ORG, fault: 'edited', seq: 2n }]);
});

test('a transaction that has left the organisation again still commits its row', async () => {
  await database.db.open(async (tx) => {
    await sql`select set_config('guildhall.org_id', 'org_new', true)`.execute(tx);
    await audit.append(tx, { orgId: 'org_new', actorType: 'system', action: 'organisation.create' });
    await sql`select set_config('guildhall.org_id', '', true)`.execute(tx);
  });
  expect((await database.db.tenant('org_new', (tx) => audit.head(tx, 'org_new')))?.seq).toBe(1n);
});

test('nothing is left outgoing, and the application role can write no chain itself', async () => {
  expect((await owner.query('select 1 from audit.outgoing')).rows).toEqual([]);
  for (const statement of [
    `insert into audit.head values ('org_a', 0, '')`,
    'insert into audit.event select * from audit.event',
  ]) {
    await expect(database.db.tenant(ORG, (tx) => sql.raw(statement).execute(tx))).rejects.toThrow('permission denied');
  }
});

test('another organisation reads no row, and writes none into this chain', async () => {
  const found = await database.db.tenant('org_b', (tx) =>
    sql`select 1 from audit.event union all select 1 from audit.head`.execute(tx),
  );
  expect(found.rows).toEqual([]);
  const foreign = database.db.tenant('org_b', (tx) =>
    audit.append(tx, { orgId: ORG, actorType: 'system', action: 'x.y' }),
  );
  await expect(foreign).rejects.toThrow('row-level security');
});

test('no role changes or removes a row', async () => {
  for (const statement of [`update audit.event set action = 'x'`, 'delete from audit.event']) {
    await expect(database.db.tenant(ORG, (tx) => sql.raw(statement).execute(tx))).rejects.toThrow('permission denied');
    await expect(owner.query(statement)).rejects.toThrow('append-only');
  }
  await expect(owner.query('truncate audit.event')).rejects.toThrow('append-only');
});

const unfit = expect.objectContaining({ spec: expect.objectContaining({ code: 'audit.unfit' }) });

test('ids that steer a screen, and payloads, are refused', async () => {
  await expect(append({ targetId: 'thing_1\r\nforged line' })).rejects.toEqual(unfit);
  await expect(append({ actorId: '\u001b[2Jkey' })).rejects.toEqual(unfit);
  await expect(append({ requestId: 'x'.repeat(257) })).rejects.toEqual(unfit);
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`field${i}`, 'x'.repeat(100)]));
  await expect(append({ data: many })).rejects.toEqual(unfit);
});

test('words in the data are kept, and what would steer a screen in them is not', async () => {
  await append({ data: { name: 'مفتاح\r\n\u001b[31m', count: 3 } });
  const rows = await owner.query<{ data: object }>('select data from audit.event order by seq desc limit 1');
  expect(rows.rows[0]?.data).toEqual({ name: 'مفتاح\uFFFD\uFFFD\uFFFD[31m', count: 3 });
});
