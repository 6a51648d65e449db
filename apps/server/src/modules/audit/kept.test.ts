/** What becomes of the trail over time: sealed outside, cut off by retention, handed on, filled by refusals. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { systemClock } from '../../platform/clock/index.ts';
import { createKeyring } from '../../platform/crypto/index.ts';
import { sql } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/index.ts';
import { createIds } from '../../platform/ids/index.ts';
import { createOutbox } from '../../platform/outbox/index.ts';
import { type AuditEvent, createAudit, createRefusals, handOn, sealHeads, verifySeals } from './index.ts';
import { setStream } from './store/streams.ts';

const ORG = 'org_a';
const DAY_MS = 86_400_000;
const ids = createIds(systemClock);
const audit = createAudit({ ids });
const outbox = createOutbox(ids);
const keyring = createKeyring({ masterKey: randomBytes(32) });

let database: TestDatabase;
let owner: pg.Client;
let directory: string;
let shiftMs = 0;
const clock = { now: () => new Date(Date.now() + shiftMs), monotonicMs: () => performance.now() };
const seals = () => ({ db: database.db, clock, keyring, directory });

beforeEach(async () => {
  shiftMs = 0;
  database = await testDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  directory = path.join(await mkdtemp(path.join(tmpdir(), 'guildhall-heads-')), 'audit-heads');
});
afterEach(async () => {
  await owner.end();
  await database.close();
  await rm(path.dirname(directory), { recursive: true });
});

const append = (more: Partial<AuditEvent> = {}) =>
  database.db.tenant(more.orgId ?? ORG, (tx) =>
    audit.append(tx, {
      orgId: ORG,
      actorType: 'key',
      actorId: 'key_1',
      action: 'thing.do',
      targetId: 'thing_1',
      ...more,
    }),
  );
const appendMany = async (count: number, orgId = ORG) => {
  for (let i = 0; i < count; i += 1) await append({ orgId, action: `thing.${'abcdefghij'.charAt(i % 10)}` });
};
async function advance(ms: number): Promise<void> {
  shiftMs += ms;
  await owner.query(
    `insert into platform.clock_shift (shift) values (make_interval(secs => $1)) on conflict (single) do update set shift = excluded.shift`,
    [shiftMs / 1000],
  );
}
async function tamper(...statements: string[]): Promise<void> {
  await owner.query('set session_replication_role = replica');
  for (const statement of statements) await owner.query(statement);
  await owner.query('set session_replication_role = origin');
}
const rowsOf = async (orgId = ORG) =>
  (
    await owner.query<{
      seq: string;
      action: string;
      actor_type: string;
      actor_id: string;
      data: Record<string, unknown>;
    }>('select seq, action, actor_type, actor_id, data from audit.event where org_id = $1 order by seq', [orgId])
  ).rows;
const faults = () => audit.listFaults(database.db, 100);

describe('AUD-02: sealed heads', () => {
  test('are written once a day, for nobody to change, and agree with a trail that only grew', async () => {
    await appendMany(3);
    await append({ orgId: 'org_b' });
    expect(await sealHeads(seals())).toMatchObject({ chains: 2, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await sealHeads(seals())).toBeUndefined();
    await appendMany(3);
    await advance(DAY_MS);
    await sealHeads(seals());
    expect(await readdir(directory)).toHaveLength(2);
    expect(await verifySeals(seals())).toEqual({ days: 2, brokenSeals: [], brokenChains: [] });
  });

  test('name a chain that was cut off together with its head, which the chain itself cannot', async () => {
    await appendMany(5);
    await sealHeads(seals());
    await tamper(
      'delete from audit.event where seq > 3',
      `update audit.head h set seq = 3, hash = (select hash from audit.event e where e.seq = 3)`,
    );
    expect(await faults()).toEqual([]);
    expect((await verifySeals(seals())).brokenChains).toMatchObject([{ orgId: ORG, fault: 'truncated', seq: 5n }]);
  });

  test('name a chain that was made anew from a row on, every hash and the head included', async () => {
    await appendMany(4);
    await sealHeads(seals());
    const rehash = (seq: number) => [
      `update audit.event e set prev_hash = (select p.hash from audit.event p where p.seq = ${seq - 1}) where seq = ${seq}`,
      `update audit.event e set hash = audit.row_hash(e) where seq = ${seq}`,
    ];
    await tamper(
      `update audit.event set action = 'thing.else' where seq = 2`,
      ...[2, 3, 4].flatMap(rehash),
      'update audit.head set hash = (select hash from audit.event where seq = 4)',
    );
    expect(await faults()).toEqual([]);
    expect((await verifySeals(seals())).brokenChains).toMatchObject([{ orgId: ORG, fault: 'rewritten', seq: 4n }]);
  });

  test('that were changed, or signed by another installation, are named and not believed', async () => {
    await appendMany(2);
    const { file = '' } = (await sealHeads(seals())) ?? {};
    const text = await readFile(file, 'utf8');
    await chmod(file, 0o600);
    await writeFile(file, text.replace('"2"', '"1"'));
    expect((await verifySeals(seals())).brokenSeals).toEqual([{ file, fault: 'forged' }]);
    await writeFile(file, text);
    const stranger = createKeyring({ masterKey: randomBytes(32) });
    expect((await verifySeals({ ...seals(), keyring: stranger })).brokenSeals).toEqual([{ file, fault: 'forged' }]);
  });
});

describe('AUD-03: retention', () => {
  test('removes old rows from the beginning, says so in the chain, and leaves it whole', async () => {
    await appendMany(5);
    await sealHeads(seals());
    await advance(100 * DAY_MS);
    await appendMany(2);
    expect(await audit.prune(database.db, 50 * DAY_MS)).toBe(5);
    expect((await rowsOf()).map(({ seq, action }) => `${seq} ${action}`)).toEqual([
      '6 thing.a',
      '7 thing.b',
      '8 audit.prune',
    ]);
    expect((await rowsOf()).at(-1)?.data).toEqual({ through: 5, rows: 5 });
    expect(await faults()).toEqual([]);
    // What was sealed is older than the floor, and the floor itself is still known.
    expect((await verifySeals(seals())).brokenChains).toEqual([]);
    await appendMany(1);
    expect(await audit.prune(database.db, 50 * DAY_MS)).toBe(0);
    await advance(100 * DAY_MS);
    expect(await audit.prune(database.db, 50 * DAY_MS)).toBe(3);
    expect(await faults()).toEqual([]);
    expect((await verifySeals(seals())).brokenChains).toEqual([]);
  });

  test('finds faults behind the floor as ever, and a floor that nobody told of', async () => {
    await appendMany(6);
    await advance(100 * DAY_MS);
    await appendMany(4);
    await audit.prune(database.db, 50 * DAY_MS);
    await tamper(`update audit.event set action = 'x.y' where seq = 8`);
    expect(await faults()).toMatchObject([{ fault: 'edited', seq: 8n }]);
    await tamper('delete from audit.event where seq = 7');
    expect(await faults()).toMatchObject([
      { fault: 'deleted', seq: 7n },
      { fault: 'edited', seq: 8n },
    ]);
    const floor = `update audit.head set floor_seq = 8, floor_hash = (select hash from audit.event where seq = 8)`;
    await tamper(floor, 'delete from audit.event where seq <= 8');
    expect(await faults()).toMatchObject([{ fault: 'truncated', seq: 1n }]);
  });

  test('is the only way: neither role can delete, and the switch in its function is no use outside of it', async () => {
    await appendMany(2);
    await owner.query(`select set_config('guildhall.audit_prune', 'on', false)`);
    await expect(owner.query('delete from audit.event')).rejects.toThrow('append-only');
    const asApp = database.db.tenant(ORG, async (tx) => {
      await sql`select set_config('guildhall.audit_prune', 'on', true)`.execute(tx);
      await sql`delete from audit.event`.execute(tx);
    });
    await expect(asApp).rejects.toThrow('permission denied');
  });
});

describe('AUD-03: the stream', () => {
  const outgoing = async () =>
    (
      await owner.query<{ org_id: string; type: string; data: { seq: string } }>(
        'select org_id, type, data from platform.outbox order by position',
      )
    ).rows;
  const stream = (isEnabled: boolean, orgId = ORG) =>
    database.db.tenant(orgId, (tx) => setStream(tx, orgId, isEnabled));

  test('hands on every row once and in order, from when it was asked for until it is stopped', async () => {
    await appendMany(3);
    await append({ orgId: 'org_b' });
    await stream(true);
    await appendMany(450);
    await Promise.all([handOn({ db: database.db, outbox }), handOn({ db: database.db, outbox })]);
    while ((await handOn({ db: database.db, outbox })) > 0);
    await stream(true);
    expect(await handOn({ db: database.db, outbox })).toBe(0);
    const sent = await outgoing();
    expect(sent.map(({ data }) => Number(data.seq))).toEqual(Array.from({ length: 450 }, (_, index) => index + 4));
    expect(new Set(sent.map(({ org_id, type }) => `${org_id} ${type}`))).toEqual(new Set(['org_a audit.recorded.v1']));
    await stream(false);
    await appendMany(1);
    expect(await handOn({ db: database.db, outbox })).toBe(0);
  });
});

describe('AUD-01: refusals', () => {
  const of = (more: Partial<Principal> = {}): Principal => ({
    orgId: ORG,
    keyId: 'key_1',
    mode: 'live',
    scopes: [],
    ...more,
  });
  const refusal = (principal: Principal, code = 'auth.missing-scope', route = 'GET /v1/keys') => ({
    principal,
    code,
    route,
    status: 403,
    requestId: 'req_1',
  });
  const open = () => createRefusals({ db: database.db, audit, log: { warn: () => {} } });

  test('of one kind become one row with their number, whoever floods; other kinds and people have their own', async () => {
    const refusals = open();
    for (let i = 0; i < 10_000; i += 1) refusals.note(refusal(of(), 'auth.missing-scope', `GET /v1/keys/${i}`));
    refusals.note(refusal(of(), 'keys.not-found'));
    refusals.note(refusal(of({ keyId: 'key_2' })));
    refusals.note(refusal(of({ keyId: 'mbr_1', personId: 'usr_1' })));
    await refusals.flush();
    await refusals.flush();
    expect(
      (await rowsOf()).map(({ actor_type, actor_id, data }) => [actor_type, actor_id, data.code, data.count]),
    ).toEqual([
      ['key', 'key_1', 'auth.missing-scope', 10_000],
      ['key', 'key_1', 'keys.not-found', 1],
      ['key', 'key_2', 'auth.missing-scope', 1],
      ['member', 'mbr_1', 'auth.missing-scope', 1],
    ]);
    expect(await faults()).toEqual([]);
    await refusals.stop();
  });

  test('to a person without organisation stand in their own chain, and to nobody in none', async () => {
    const refusals = open();
    refusals.note(refusal(of({ orgId: '', keyId: '', personId: 'usr_1' })));
    refusals.note(refusal(of({ orgId: '', keyId: '' })));
    await refusals.stop();
    refusals.note(refusal(of()));
    await refusals.flush();
    expect((await rowsOf('usr_1')).map(({ actor_id, action }) => [actor_id, action])).toEqual([
      ['usr_1', 'request.refuse'],
    ]);
    expect(await rowsOf()).toEqual([]);
  });

  test('of more kinds than there is room for take no more room, and the log says so', async () => {
    const warned: object[] = [];
    const refusals = createRefusals({
      db: database.db,
      audit,
      log: { warn: (_, fields) => warned.push(fields ?? {}) },
    });
    for (let i = 0; i < 2_010; i += 1) refusals.note(refusal(of({ keyId: `key_${i}` })));
    await refusals.stop();
    expect([(await rowsOf()).length, warned]).toEqual([2_000, [{ refusals: 10 }]]);
  }, 60_000);
});
