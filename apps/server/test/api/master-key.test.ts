/** The master key is changed again and again while two processes answer: no request fails, and nothing is lost with the old keys. */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  addMasterKey,
  countByKey,
  dropOlderMasterKeys,
  type Keyring,
  loadMasterKeys,
  openKeyring,
  rotateMasterKey,
} from '../../src/platform/crypto/index.ts';
import { type TestPlatform, testPlatform } from '../harness/platform.ts';

const SECRETS = 3_000;
const ROTATIONS = 3;
const EVERY_MS = 10;

let platform: TestPlatform;
let dataDir = '';
const keyringOf = async (ground: { ownerUrl: string; dataDir: string }): Promise<Keyring> => {
  dataDir = ground.dataDir;
  return openKeyring(ground.ownerUrl, await loadMasterKeys(ground.dataDir));
};
beforeAll(async () => {
  platform = await testPlatform({ agents: [], keyring: keyringOf });
});
afterAll(() => platform.close());

/** Keys that organisations brought, so that a sweep takes a while. */
async function fill(keyring: Keyring): Promise<void> {
  const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  const ids = Array.from({ length: SECRETS }, (_, i) => `pvk_${i}`);
  const place = (rowId: string) => ({ orgId: 'org_x', table: 'models.provider_key', column: 'sealed', rowId });
  await owner.query(
    `insert into models.provider_key (id, org_id, kind, name, base_url, sealed, weight, priority, last_check, created_by)
     select u.id, 'org_x', 'openai', 'x', 'https://a.example', u.sealed, 1, 1, '{}', 'x' from unnest($1::text[], $2::bytea[]) u(id, sealed)`,
    [ids, ids.map((id) => keyring.encrypt(place(id), 'secret'))],
  );
  await owner.end();
}

test('100 requests a second notice nothing, and without the old keys everything is still readable', async () => {
  const other = await platform.another('api');
  const ground = { ownerUrl: platform.database.ownerUrl, dataDir };
  await fill(await keyringOf(ground));
  const made = await platform.call<{ id: string }>('POST', '/v1/webhook-endpoints', {
    url: 'https://hooks.example.com/in',
    events: ['*'],
  });
  const keys = [platform.key, (await platform.organisation('Other')).key];
  const statuses = new Map<number, number>();
  const waits: Promise<void>[] = [];
  let n = 0;
  const ask = async (): Promise<void> => {
    n += 1;
    const url = n % 2 === 0 ? platform.url : (other.url ?? '');
    // Reads hash the key; the rotation opens one secret and seals two. The second organisation has no such endpoint.
    const [method, path] = n % 5 === 0 ? ['POST', `/v1/webhook-endpoints/${made.body.id}/rotate`] : ['GET', '/v1/keys'];
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${keys[n % 5 === 0 ? 0 : n % keys.length]}`,
        ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      },
      ...(method === 'POST' ? { body: JSON.stringify({ overlapSeconds: 60 }) } : {}),
    });
    await response.arrayBuffer();
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
  };
  const load = setInterval(() => waits.push(ask()), EVERY_MS);
  for (let i = 0; i < ROTATIONS; i += 1) {
    await addMasterKey(dataDir);
    const keyring = await keyringOf(ground);
    const [target = Buffer.alloc(0)] = keyring.keyIds();
    const before = waits.length;
    expect(await rotateMasterKey({ db: platform.db, keyring, target })).toBeGreaterThanOrEqual(SECRETS);
    // Enough requests on each key that some of them seal and open under it.
    while (waits.length < before + 100) await new Promise((resolve) => setImmediate(resolve));
  }
  clearInterval(load);
  await Promise.all(waits);
  expect([...statuses.keys()]).toEqual([200]);
  expect(statuses.get(200)).toBeGreaterThan(ROTATIONS * 100);

  const keyring = await keyringOf(ground);
  const [target = Buffer.alloc(0)] = keyring.keyIds();
  await rotateMasterKey({ db: platform.db, keyring, target });
  expect((await countByKey(platform.db)).map((use) => use.keyId)).toEqual([target.toString('hex')]);
  await dropOlderMasterKeys(dataDir);
  const fresh = await platform.another('api');
  const headers = { authorization: `Bearer ${platform.key}`, 'content-type': 'application/json' };
  const rotated = await fetch(`${fresh.url}/v1/webhook-endpoints/${made.body.id}/rotate`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ overlapSeconds: 60 }),
  });
  expect(rotated.status).toBe(200);
}, 60_000);
