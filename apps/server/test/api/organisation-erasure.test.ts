/** An organisation that is over leaves nothing behind but its books: found from the catalogue of the database, so that a new table cannot be forgotten. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyBooks } from '../../src/cli/books.ts';
import type { Erase } from '../../src/platform/erasure/index.ts';
import { startFakeS3 } from '../../src/platform/files/test-support/fake-s3.ts';
import { createSide, type Side } from './access-objects.ts';
import { until } from './members-fixture.ts';
import { createWorld, form, MONEY, type World } from './world.ts';

/** What stays of an organisation, and why. Every other table with `org_id` is empty of it. */
const KEPT: Readonly<Record<string, string>> = {
  'audit.event': 'the trail: ids and figures, no names; it ages by RETENTION_AUDIT_DAYS',
  'audit.head': 'where the chain of the trail ends',
  'identity.organisation': 'the bare id, so that it is never given again',
  'ledger.account': 'the books, closed',
  'ledger.entry': 'the books',
  'ledger.hold': 'the books',
  'ledger.transfer': 'the books',
  'metering.identity': 'use is counted once for ever',
  'metering.usage': 'what the books were charged for',
};

/** Rows live for the length of a transaction, or until the next turn of a job that empties it. */
const PASSING = ['audit.outgoing', 'ledger.outgoing', 'platform.outbox'];

/** Where the test itself writes the mark into what does not belong to the organisation. */
const NOT_OF_IT: Readonly<Record<string, string>> = {
  'identity.beta_code': 'the note of a code of the operator',
  'identity.factor': 'the app of the person who founded it',
  'identity.person': 'the name of that person, who belongs to nobody',
  'models.provider': 'the name of a provider of the operator',
};

const MARK = 'canary-of-the-erased';
// More than one batch.
const ROWS_PLANTED = 250;
// Of each part: its work is done then, and nobody hears of it.
const DEATHS = 3;

let world: World;
let owner: pg.Client;
let gone: Side;
let stays: Side;
let closeBucket = async () => {};
let bucket: ReadonlyMap<string, Buffer>;

const rows = async <T>(text: string, values: unknown[] = []): Promise<T[]> =>
  (await owner.query(text, values)).rows as T[];

/** Every table of ours, or every one with a column; parts of a partitioned one are not counted apart. */
const tables = async (column?: string): Promise<string[]> =>
  (
    await rows<{ name: string }>(
      `select n.nspname || '.' || quote_ident(c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not in ('information_schema') and n.nspname not like 'pg_%'
         and ($1::text is null or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = $1 and not a.attisdropped))
       order by 1`,
      [column ?? null],
    )
  ).map(({ name }) => name);

async function filled(orgId: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await tables('org_id'))
    if ((await rows(`select 1 from ${name} where org_id = $1 limit 1`, [orgId])).length > 0) found.push(name);
  return found;
}

async function naming(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await tables())
    if ((await rows(`select 1 from ${name} t where strpos(t::text, $1) > 0 limit 1`, [text])).length > 0)
      found.push(name);
  return found;
}

/** All that is kept of an organisation, as one hash for each table. */
async function sums(orgId: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const name of await tables('org_id'))
    found[name] = await rows(
      `select count(*), md5(string_agg(t::text, chr(10) order by t::text)) from ${name} t where org_id = $1`,
      [orgId],
    );
  return found;
}

async function storedOf(orgId: string): Promise<string[]> {
  const { dataDir } = world.platform.server.foundation.settings;
  const entries = await readdir(path.join(dataDir, 'files'), { recursive: true, withFileTypes: true });
  const local = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  return [...bucket.keys(), ...local].filter((name) => name.includes(orgId));
}

/** What `createSide` leaves out, by use of the interface. */
async function useEverything(side: Side): Promise<void> {
  const { platform, send } = world;
  const { key, person, ids } = side;
  const expectOk = async (method: string, target: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await platform.call(method, target, body, { key, headers });
    if (answer.status >= 300) throw new Error(`${method} ${target}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const scope = { type: 'key', id: ids.key };
  await expectOk('PUT', '/v1/budgets', { scope, period: 'month', limit: MONEY, hard: false });
  const spare = await expectOk('POST', '/v1/keys', { name: MARK, scopes: ['runs:read'], mode: 'live' });
  await expectOk('POST', `/v1/keys/${String(spare.id)}/rotate`, { overlapSeconds: 60 });
  await expectOk('PUT', '/v1/model-policy', { refuseDataRetention: false, mayFallBack: true });
  await expectOk('PUT', '/v1/model-settings', { responseCache: { enabled: true, ttlSeconds: 3_600 } });
  const question = { model: 'openai/gpt-4o-mini', messages: [{ role: 'user', content: MARK }], temperature: 0 };
  await expectOk('POST', '/v1/chat/completions', question);
  await expectOk('PUT', '/v1/audit/stream', { enabled: true });
  const hook = { url: 'https://example.com/hook', events: ['run.succeeded.v1'], description: MARK };
  await expectOk('POST', '/v1/webhook-endpoints', hook);
  const once = { 'idempotency-key': 'once' };
  await expectOk('POST', '/v1/agents/keeper/runs?wait=10', { input: { say: `${MARK} again` } }, once);
  await expectOk('POST', '/v1/agents/asker/runs', { input: {} });
  const upload = { method: 'POST', path: '/v1/files', key, body: form(`${MARK} uploaded`) };
  if ((await send(upload)).status !== 201) throw new Error('upload');
  const group = { op: 'add', path: 'members', value: [{ value: ids.scimUser }] };
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
  const patched = await platform.call(
    'PATCH',
    `/scim/v2/Groups/${ids.scimGroup}`,
    { schemas, Operations: [group] },
    { key: side.directoryToken },
  );
  if (patched.status >= 300) throw new Error(`PATCH group: ${patched.status}`);
  const roles = { defaultRole: 'viewer', groupRoles: [{ group: MARK, role: 'developer' }] };
  const set = await person.call('PUT', '/v1/organisation/scim', roles);
  if (set.status >= 300) throw new Error(`PUT scim: ${set.status} ${JSON.stringify(set.body)}`);
  await expectOk('PUT', '/v1/egress-hosts', { hosts: ['example.com'] });
  const limit = { name: 'key', organisationId: side.orgId, max: 5_000_000 };
  if ((await platform.call('PUT', '/v1/operator/limits', limit)).status !== 200) throw new Error('limit');
}

/** What needs a party outside, a crash or a first start to come about; and more rows than one batch takes. */
async function plant(side: Side): Promise<void> {
  const { orgId, ids, person } = side;
  const { identity } = world.platform.server.platform;
  await identity.createAdminToken({ orgId, ttlSeconds: 60 });
  await owner.query(
    `insert into runs.dead_letter (run_id, org_id, reason, crashes) values ($1, $2, 'runs.dead-letter', 6)`,
    [ids.run, orgId],
  );
  await owner.query(
    `insert into identity.saml_request (id, org_id, connection_id, browser_hash, return_to, expires_at)
     values ($1 || '-r', $2, $1, sha256($1::bytea), '/', platform.now())`,
    [ids.saml, orgId],
  );
  await owner.query(
    `insert into identity.saml_assertion (org_id, connection_id, assertion_id, usable_until) values ($2, $1, 'a', platform.now())`,
    [ids.saml, orgId],
  );
  await owner.query(
    `insert into identity.saml_subject (org_id, connection_id, subject, person_id) values ($2, $1, $4, $3)`,
    [ids.saml, orgId, person.personId, MARK],
  );
  await owner.query(
    `insert into identity.identity_link (id, person_id, issuer, subject, provider) values ($1 || '-l', $2, 'https://idp.example', $3, $1)`,
    [ids.oidc, person.personId, MARK],
  );
  await owner.query(
    `with content as (
       insert into runs.content (org_id, sha256) select $1, encode(sha256(n::text::bytea), 'hex') from generate_series(1, $2::int) n returning *)
     select count(*) from content`,
    [orgId, ROWS_PLANTED],
  );
  await owner.query(
    `insert into runs.file (id, org_id, mode, name, media_type, size, sha256)
     select 'file_planted' || row_number() over (), org_id, 'live', 'x', 'text/plain', 1, sha256 from runs.content where org_id = $1`,
    [orgId],
  );
}

const erasures = () => world.platform.server.platform.erasures;
const erase = (parts = erasures()) => world.platform.server.platform.identity.members.erase(parts);

const dying = (parts: readonly Erase[]): Erase[] =>
  parts.map((part) => {
    let calls = 0;
    return async (orgId) => {
      const more = await part(orgId);
      calls += 1;
      if (calls <= DEATHS) throw new Error('killed');
      return more;
    };
  });

const settled = async (): Promise<boolean> =>
  (await rows(`select 1 from platform.mail where state = 'pending' union all select 1 from platform.outbox`)).length ===
  0;

beforeAll(async () => {
  const s3 = await startFakeS3();
  closeBucket = () => s3.close();
  bucket = s3.objects;
  world = await createWorld({ S3_URL: s3.url });
  owner = new pg.Client({ connectionString: world.platform.database.ownerUrl });
  await owner.connect();
  // The platform's own job does not come between.
  await owner.query(`select pg_advisory_lock(hashtextextended('job organisations.erase', 2))`);
  gone = await createSide(world, MARK);
  stays = await createSide(world, 'bystander');
  await useEverything(gone);
  await plant(gone);
}, 60_000);
afterAll(async () => {
  await owner?.end();
  await world?.close();
  await closeBucket();
});

describe('an organisation', () => {
  it('has a row in every table that knows organisations before it is deleted, so that the promises below say something', async () => {
    await world.platform.server.platform.identity.guard.keyNetworks.settle();
    const all = (await tables('org_id')).filter((name) => !PASSING.includes(name));
    expect(await filled(gone.orgId)).toEqual(expect.arrayContaining(all));
    expect(await storedOf(gone.orgId)).not.toEqual([]);
  });

  it('that is not over cannot be erased by any part', async () => {
    for (const part of erasures()) await expect(part(stays.orgId)).rejects.toThrow('is not over');
    expect((await gone.person.call('DELETE', `/v1/me/organisations/${gone.orgId}`)).status).toBe(200);
    for (const part of erasures()) await expect(part(gone.orgId)).rejects.toThrow('is not over');
    expect(await erase()).toBe(0);
  });

  it('leaves nothing but its books when its grace is over, wherever the job was killed; others keep everything', async () => {
    await owner.query(
      `update identity.organisation set deleted_at = deleted_at - interval '31 days', erase_at = erase_at - interval '31 days' where org_id = $1`,
      [gone.orgId],
    );
    await until(
      'quiet',
      async () =>
        (await rows(`select 1 from identity.organisation where org_id = $1 and quiet_at is not null`, [gone.orgId]))
          .length > 0,
    );
    await until('settled', settled);
    const before = await sums(stays.orgId);
    const parts = dying(erasures());
    let deaths = 0;
    const isOver = `select 1 from identity.organisation where org_id = $1 and erased_at is not null`;
    await until('over', async () => {
      await erase(parts).catch(() => {
        deaths += 1;
      });
      return (await rows(isOver, [gone.orgId])).length > 0;
    });
    expect(deaths).toBe(DEATHS * parts.length);
    expect(await erase()).toBe(0);
    expect(await filled(gone.orgId)).toEqual(Object.keys(KEPT));
    expect(await storedOf(gone.orgId)).toEqual([]);
    expect(await sums(stays.orgId)).toEqual(before);
    expect(await storedOf(stays.orgId)).not.toEqual([]);
  }, 60_000);

  it('is named by nothing else, and none of its words is anywhere', async () => {
    expect(await naming(gone.orgId)).toEqual(Object.keys(KEPT));
    expect((await naming(MARK)).filter((name) => !(name in NOT_OF_IT))).toEqual([]);
  });

  it('has closed books that agree, and a trail that holds and tells of the erasure', async () => {
    const { foundation, platform } = world.platform.server;
    expect(await verifyBooks({ foundation, platform })).toEqual([]);
    const credit = { organisationId: gone.orgId, amount: MONEY, reason: 'late' };
    const granted = await world.platform.call('POST', '/v1/operator/credits', credit);
    expect(granted.status).toBe(404);
    const last = await rows(`select action from audit.event where org_id = $1 order by seq desc limit 1`, [gone.orgId]);
    expect(last).toEqual([{ action: 'organisation.erase' }]);
  });
});
