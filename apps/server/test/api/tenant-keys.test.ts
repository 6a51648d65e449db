/** TEN-05: two organisations do the same thing under the same names, and neither feels the other: keys of whatever is kept or counted carry the organisation. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGatewayWorld, type GatewayWorld } from './models-fixture.ts';
import { form } from './world.ts';

let world: GatewayWorld;
let owner: pg.Client;
let keys: readonly [string, string];

beforeAll(async () => {
  world = await createGatewayWorld({ environment: { LIMITS_SCALE: '1' } });
  owner = new pg.Client({ connectionString: world.platform.database.ownerUrl });
  await owner.connect();
  keys = [world.platform.key, (await world.platform.organisation('Other')).key];
}, 60_000);
afterAll(async () => {
  await owner.end();
  await world.close();
});

const call = (key: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  world.platform.call(method, path, body, { key, headers });

describe('the same name in two organisations', () => {
  it('of a request that may be repeated: each has its own answer, also when they come together', async () => {
    const body = { name: 'K', scopes: ['runs:read'], mode: 'live' };
    const post = (key: string) => call(key, 'POST', '/v1/keys', body, { 'idempotency-key': 'poison' });
    const answers = await Promise.all([...keys, ...keys].map(post));
    const again = await Promise.all(keys.map(post));
    expect(answers.map(({ status }) => status).filter((status) => status !== 201 && status !== 409)).toEqual([]);
    const [one, two] = again.map((answer) => answer.body.id);
    expect(one).not.toBe(two);
    expect(answers.filter(({ body: { id } }) => id === one || id === two).length).toBeGreaterThanOrEqual(2);
  });

  it('of a question whose answer is kept: the provider is asked for each of them, and each then hears its own', async () => {
    await world.mock.reset();
    const settings = { responseCache: { enabled: true, ttlSeconds: 600 }, embeddingsCache: { enabled: true } };
    for (const key of keys) expect((await call(key, 'PUT', '/v1/model-settings', settings)).status).toBe(200);
    const question = { model: 'openai/matrix', messages: [{ role: 'user', content: 'the same poison' }] };
    const ask = async (key: string) => {
      const { headers } = await call(key, 'POST', '/v1/chat/completions', question);
      return headers.get('x-guildhall-cache');
    };
    const [a, b] = keys;
    expect([await ask(a), await ask(b), await ask(a), await ask(b)]).toEqual(['miss', 'miss', 'hit', 'hit']);
    expect(world.mock.requests().filter(({ method }) => method === 'POST')).toHaveLength(2);
  });

  it('of a file with the same content: what one deletes stays for the other', async () => {
    const ids = await Promise.all(
      keys.map(async (key) => {
        const response = await fetch(`${world.platform.url}/v1/files`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}` },
          body: form('the same poison'),
        });
        return String(((await response.json()) as { id: string }).id);
      }),
    );
    const [a, b] = keys;
    const content = (key: string, id = '') =>
      fetch(`${world.platform.url}/v1/files/${id}/content`, { headers: { authorization: `Bearer ${key}` } });
    expect((await call(a, 'DELETE', `/v1/files/${ids[0]}`)).status).toBe(204);
    expect((await content(a, ids[0])).status).toBe(404);
    expect((await content(a, ids[1])).status).toBe(404);
    const kept = await content(b, ids[1]);
    expect([kept.status, await kept.text()]).toEqual([200, 'the same poison']);
  });

  it('of a limit: what one uses up is there for the other', async () => {
    const limits = async (key: string) => {
      const { headers } = await call(key, 'GET', '/v1/agents');
      return Number(headers.get('ratelimit-remaining'));
    };
    const [a, b] = keys;
    const before = await limits(b);
    for (let i = 0; i < 25; i += 1) await limits(a);
    expect(before - (await limits(b))).toBeLessThan(10);
  });
});

describe('every table of what is kept, counted or handed on', () => {
  /** One row for the whole installation, or named by a hash in which the organisation stands, or by an id that is unique in all of it. */
  const WITHOUT = ['platform.rate_window'];

  it('whose key is not an id of ours has the organisation or the person in it', async () => {
    const { rows } = await owner.query<{ name: string; columns: string[] }>(`
      select n.nspname || '.' || c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
        from pg_index i
        join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
       where i.indisprimary and (c.relname ~ 'cache|entry|outgoing|idempotency|window|stream|content|embedding|egress|rate')
         and n.nspname not in ('pg_catalog', 'information_schema') and not c.relispartition
         and exists (select from pg_attribute o where o.attrelid = c.oid and o.attname in ('org_id', 'person_id') and not o.attisdropped)
       group by 1 order by 1`);
    expect(rows.length).toBeGreaterThanOrEqual(5);
    const bare = rows.filter(
      ({ columns }) => !columns.some((column) => ['org_id', 'person_id'].includes(column)) && columns.join() !== 'id',
    );
    expect(bare.map(({ name }) => name).filter((name) => !WITHOUT.includes(name))).toEqual([]);
  });
});
