import { afterEach, beforeEach, expect, test } from 'vitest';
import { authErrors, keyErrors } from './errors.ts';
import { type Fixture, identityFixture, MINUTE_MS } from './fixture.ts';
import type { Actor, Identity, Key, OrganisationWithKey } from './index.ts';

let fixture: Fixture;
let identity: Identity;
let home: OrganisationWithKey;

beforeEach(async () => {
  fixture = await identityFixture();
  identity = fixture.identity;
  home = await fixture.organisation();
});
afterEach(() => fixture.close());

const HOUR_MS = 60 * MINUTE_MS;
const RUNS = { name: 'runs', mode: 'live', scopes: ['runs:read'] } as const;
const refusal = (spec: object) => expect.objectContaining({ spec });
const invalid = refusal(authErrors.invalidKey);

const actor = (key: Key = home.key): Actor => ({
  type: 'key',
  principal: { orgId: key.orgId, keyId: key.id, mode: key.mode, scopes: key.scopes },
});
const inTx = <T>(by: Actor, work: (tx: Parameters<Identity['getKey']>[0]) => Promise<T>): Promise<T> =>
  fixture.database.db.tenant(by.type === 'key' ? by.principal.orgId : by.orgId, work);
const createKey = (input: Parameters<Identity['createKey']>[2], by = actor()) =>
  inTx(by, (tx) => identity.createKey(tx, by, input));
const getKey = (id: string, by = actor()) => inTx(by, (tx) => identity.getKey(tx, by, id));
const revokeKey = (id: string, by = actor()) => inTx(by, (tx) => identity.revokeKey(tx, by, id));
const rotateKey = (id: string, overlapSeconds: number, by = actor()) =>
  inTx(by, (tx) => identity.rotateKey(tx, by, { id, overlapSeconds }));

test('an organisation begins with its accounts, an audit row and one owner key that is not an operator', async () => {
  expect(fixture.opened).toEqual([home.organisation.id]);
  expect(fixture.audited).toMatchObject([{ action: 'organisation.create', orgId: home.organisation.id }]);
  expect(home.key).toMatchObject({ role: 'owner', mode: 'live', expiresAt: undefined, revokedAt: undefined });
  expect(home.key.scopes).toContain('keys:write');
  expect(home.key.scopes).not.toContain('operator');
});

test('an organisation whose accounts cannot be opened is not made', async () => {
  const failing = fixture.another();
  const { db } = fixture.database;
  await expect(
    db.open(async (tx) => {
      await failing.createOrganisationIn(tx, { name: 'Half', actor: { type: 'system', id: 'test' } });
      throw new Error('no account');
    }),
  ).rejects.toThrow('no account');
  const names = (await identity.listOrganisations({ limit: 10 })).map(({ name }) => name);
  expect(names).toEqual(['Ada & Co']);
});

test('making an organisation for an operator leaves the transaction in the operator’s own', async () => {
  const { db } = fixture.database;
  const seen = await db.tenant(home.organisation.id, async (tx) => {
    await identity.createOrganisationIn(tx, { name: 'Other', actor: { type: 'operator', id: home.key.id } });
    return identity.listKeys(tx, actor(), { limit: 10 });
  });
  expect(seen.keys.map(({ id }) => id)).toEqual([home.key.id]);
});

test('no secret stands in the database in any readable form', async () => {
  const { secret } = await createKey(RUNS);
  const { token } = await identity.createAdminToken({ orgId: home.organisation.id, ttlSeconds: 60 });
  const tables = await fixture.asOwner<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const rows: string[] = [];
  for (const { name } of tables) {
    const found = await fixture.asOwner<{ row: string }>(`select t::text as row from ${name} t`);
    rows.push(...found.map(({ row }) => row));
  }
  const dump = rows.join(' ');
  expect(dump).toContain(home.key.id);
  for (const canary of [home.secret, secret, token]) {
    const body = canary.slice(9, -6);
    for (const form of [body, Buffer.from(canary).toString('hex'), Buffer.from(canary).toString('base64')]) {
      expect(dump).not.toContain(form);
    }
  }
});

test.each([
  ['read a hash', 'select secret_hash from identity.api_key'],
  ['widen a key', `update identity.api_key set scopes = '{operator}'`],
  ['move a key to another organisation', `update identity.api_key set org_id = 'org_x'`],
  ['delete a key', 'delete from identity.api_key'],
])('the application role cannot %s', async (_what, statement) => {
  const client = await fixture.asApplication(home.organisation.id);
  await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
  await client.end();
});

test('a revoked key cannot be revived and an expiry cannot be pushed back, even by the owner of the database', async () => {
  const { key } = await createKey({ ...RUNS, expiresAt: new Date(Date.now() + HOUR_MS) });
  await revokeKey(key.id);
  await expect(
    fixture.asOwner('update identity.api_key set revoked_at = null where id = $1', [key.id]),
  ).rejects.toThrow('stays revoked');
  await expect(
    fixture.asOwner('update identity.api_key set expires_at = null where id = $1', [key.id]),
  ).rejects.toThrow('only moves closer');
});

test('a new key works with exactly its scopes and is audited once', async () => {
  const made = await createKey({ name: 'ci', mode: 'test', scopes: ['runs:read', 'files:read'] });
  expect(await identity.authenticate(made.secret)).toMatchObject({ mode: 'test', scopes: ['runs:read', 'files:read'] });
  expect(made.secret.startsWith(made.key.prefix) && made.secret.endsWith(made.key.last4)).toBe(true);
  expect(fixture.audited.filter(({ action }) => action === 'key.create')).toMatchObject([
    { targetId: made.key.id, actorType: 'key', actorId: home.key.id, orgId: home.organisation.id },
  ]);
});

test('a key that is refused by the rules leaves neither a row nor an audit entry', async () => {
  await expect(createKey({ ...RUNS, scopes: ['operator'] })).rejects.toEqual(refusal(keyErrors.scopeNotHeld));
  await expect(createKey({ ...RUNS, expiresAt: new Date(0) })).rejects.toEqual(refusal(keyErrors.expiryPast));
  const { keys } = await inTx(actor(), (tx) => identity.listKeys(tx, actor(), { limit: 10 }));
  expect(keys).toHaveLength(1);
  expect(fixture.audited).toHaveLength(1);
});

test('pages of keys are newest first and neither skip nor repeat', async () => {
  const made = [];
  for (let i = 0; i < 4; i += 1) {
    await fixture.advance(1);
    made.push((await createKey({ ...RUNS, name: `key ${i}` })).key.id);
  }
  const page = (afterId?: string) => inTx(actor(), (tx) => identity.listKeys(tx, actor(), { limit: 2, afterId }));
  const first = await page();
  const second = await page(first.nextAfterId);
  const third = await page(second.nextAfterId);
  const seen = [first, second, third].flatMap(({ keys }) => keys.map(({ id }) => id));
  expect(seen).toEqual([...made.reverse(), home.key.id]);
  expect(third.nextAfterId).toBeUndefined();
});

test('to a test key, live keys do not exist', async () => {
  const testKey = (await createKey({ name: 't', mode: 'test', scopes: [...home.key.scopes] })).key;
  const by = actor(testKey);
  const { keys } = await inTx(by, (tx) => identity.listKeys(tx, by, { limit: 10 }));
  expect(keys.map(({ id }) => id)).toEqual([testKey.id]);
  for (const attempt of [getKey, revokeKey, (id: string, who: Actor) => rotateKey(id, 0, who)]) {
    await expect(attempt(home.key.id, by)).rejects.toEqual(refusal(keyErrors.notFound));
  }
});

test('another organisation’s key answers exactly as a missing one, and nothing happens to it', async () => {
  const foreign = await fixture.organisation('Foreign');
  const outcome = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (error: unknown) => error,
    );
  for (const attempt of [getKey, revokeKey, (id: string) => rotateKey(id, 60)]) {
    const answers = [await outcome(attempt(foreign.key.id)), await outcome(attempt('key_missing'))];
    expect(answers[0]).toEqual(refusal(keyErrors.notFound));
    expect(answers[0]).toEqual(answers[1]);
  }
  expect((await identity.authenticate(foreign.secret)).keyId).toBe(foreign.key.id);
});

test('revoking ends a key at once; doing it again changes nothing', async () => {
  const { key, secret } = await createKey(RUNS);
  await revokeKey(key.id);
  const { revokedAt } = await getKey(key.id);
  await fixture.advance(MINUTE_MS);
  await revokeKey(key.id);
  expect((await getKey(key.id)).revokedAt).toEqual(revokedAt);
  expect(fixture.audited.filter(({ action }) => action === 'key.revoke')).toHaveLength(1);
  await expect(identity.authenticate(secret)).rejects.toEqual(invalid);
});

test('a rotated key works until its overlap ends, its successor from the first moment on', async () => {
  const old = await createKey(RUNS);
  const next = await rotateKey(old.key.id, 3600);
  expect(next.key).toMatchObject({ name: 'runs', mode: 'live', scopes: ['runs:read'], expiresAt: undefined });
  await fixture.advance(HOUR_MS - MINUTE_MS);
  expect((await identity.authenticate(old.secret)).keyId).toBe(old.key.id);
  expect((await identity.authenticate(next.secret)).keyId).toBe(next.key.id);
  await fixture.advance(MINUTE_MS);
  await expect(identity.authenticate(old.secret)).rejects.toEqual(invalid);
  expect((await identity.authenticate(next.secret)).keyId).toBe(next.key.id);
});

test('an overlap of nothing ends the old key at once, also where it was remembered', async () => {
  const old = await createKey(RUNS);
  const serving = fixture.another();
  const stop = await serving.start();
  await serving.authenticate(old.secret);
  await rotateKey(old.key.id, 0);
  await expect
    .poll(
      () =>
        serving.authenticate(old.secret).then(
          () => 'good',
          () => 'refused',
        ),
      { interval: 2 },
    )
    .toBe('refused');
  await stop();
});

test('rotation neither lengthens the life of a key nor reaches past its scopes', async () => {
  const expiresAt = new Date(Date.now() + HOUR_MS);
  const old = await createKey({ ...RUNS, expiresAt });
  const next = await rotateKey(old.key.id, 604_800);
  expect(next.key.expiresAt).toEqual(expiresAt);
  expect((await getKey(old.key.id)).expiresAt).toEqual(expiresAt);
  const weak = (await createKey({ name: 'weak', mode: 'live', scopes: ['keys:write'] })).key;
  await expect(rotateKey(home.key.id, 0, actor(weak))).rejects.toEqual(refusal(keyErrors.scopeNotHeld));
});

test('of two rotations of one key at the same time, one makes a successor', async () => {
  const old = await createKey(RUNS);
  const outcomes = await Promise.allSettled([rotateKey(old.key.id, 60), rotateKey(old.key.id, 60)]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { spec: keyErrors.notActive } });
});

test('an ended key cannot be rotated back to life', async () => {
  const old = await createKey(RUNS);
  await revokeKey(old.key.id);
  await expect(rotateKey(old.key.id, 60)).rejects.toEqual(refusal(keyErrors.notActive));
});

test('no request fails while its key is rotated with an overlap', async () => {
  const old = await createKey(RUNS);
  const serving = fixture.another();
  const stop = await serving.start();
  let secret = old.secret;
  let finished = false;
  let good = 0;
  const caller = async () => {
    while (!finished) {
      await serving.authenticate(secret);
      good += 1;
      await new Promise((resume) => setImmediate(resume));
    }
  };
  const callers = [caller(), caller(), caller()];
  let current = old.key.id;
  for (let i = 0; i < 10; i += 1) {
    const next = await rotateKey(current, 60);
    secret = next.secret;
    current = next.key.id;
    const before = good;
    await expect.poll(() => good, { timeout: 10_000, interval: 1 }).toBeGreaterThan(before + callers.length);
  }
  finished = true;
  await Promise.all(callers);
  await stop();
});

test('an admin link works for one of many who use it at once, and for nobody after', async () => {
  const { token } = await identity.createAdminToken({ orgId: home.organisation.id, ttlSeconds: 60 });
  const found = await identity.findAdminToken(token);
  expect(found.orgId).toBe(home.organisation.id);
  const use = () => fixture.database.db.tenant(found.orgId, (tx) => identity.useAdminTokenIn(tx, found));
  const uses = await Promise.allSettled(Array.from({ length: 20 }, use));
  expect(uses.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  await expect(use()).rejects.toEqual(refusal(authErrors.invalidAdminLink));
  await expect(identity.findAdminToken(token)).rejects.toEqual(refusal(authErrors.invalidAdminLink));
});

test('an admin link dies at its time', async () => {
  const { token } = await identity.createAdminToken({ orgId: home.organisation.id, ttlSeconds: 60 });
  await fixture.advance(MINUTE_MS);
  await expect(identity.findAdminToken(token)).rejects.toEqual(refusal(authErrors.invalidAdminLink));
});
