/** Limits through the API: shown to whom they count, changed while it runs, refused in one form wherever they are met. */
import type { Problem } from '@guildhall/contract';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asAgents, type Reply, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { keeper } from './agents.ts';

interface Standing {
  readonly name: string;
  readonly limit: number;
  readonly remaining: number;
  readonly windowSeconds: number;
  readonly setByOperator: boolean;
}

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(keeper), environment: { LIMITS_SCALE: '1' } });
}, 60_000);
afterAll(() => platform.close());

const PATH = '/v1/operator/limits';
const ask = (key: string) => platform.call('GET', '/v1/agents', undefined, { key });
const set = (body: object, url = platform.url) =>
  fetch(`${url}${PATH}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${platform.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const shown = async (key: string, name: string): Promise<Standing | undefined> => {
  const { body } = await platform.call<{ data: Standing[] }>('GET', '/v1/limits', undefined, { key });
  return body.data.find((one) => one.name === name);
};
const statuses = async (key: string, calls: number): Promise<number[]> => {
  const all: number[] = [];
  for (let left = calls; left > 0; left -= 1) all.push((await ask(key)).status);
  return all;
};

function expectRefused({ status, body, headers }: Reply<Problem>, limit: number): void {
  expect([status, body.code]).toEqual([429, 'limits.exceeded']);
  expect(body.detail).toContain(`The limit is ${limit} requests per `);
  const wait = headers.get('retry-after');
  expect(Number(wait)).toBeGreaterThan(0);
  expect(body).toMatchObject({ retryAfterSeconds: Number(wait), charged: { nanos: '0' }, errors: [] });
  expect(headers.get('ratelimit-limit')).toBe(String(limit));
  expect(headers.get('ratelimit-remaining')).toBe('0');
  expect(headers.get('ratelimit-reset')).toBe(wait);
  expect(headers.get('ratelimit-policy')).toMatch(new RegExp(`^${limit};w=\\d+$`));
}

describe('whoever calls', () => {
  it('sees the limits that count them, and what is left of each over all processes', async () => {
    const { key } = await platform.organisation('Shown');
    const other = await platform.another('api');
    for (const url of [platform.url, other.url ?? ''])
      await fetch(`${url}/v1/agents`, { headers: { authorization: `Bearer ${key}` } });
    const own = await shown(key, 'key');
    expect(own).toMatchObject({ limit: 2_400, windowSeconds: 60, setByOperator: false });
    expect(own?.remaining).toBeLessThanOrEqual(2_397);
    expect(own?.remaining).toBeGreaterThan(2_000);
    expect((await shown(key, 'organisation'))?.limit).toBe(9_600);
    expect(await shown(key, 'person')).toBeUndefined();
  });

  it('gets the RateLimit headers with every answer, public or not, good or bad', async () => {
    for (const path of ['/v1/agents', '/v1/runs/run_0', '/openapi.json']) {
      const { headers } = await fetch(`${platform.url}${path}`, {
        headers: { authorization: `Bearer ${platform.key}` },
      });
      for (const name of ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'ratelimit-policy'])
        expect([path, name, headers.get(name)]).toEqual([path, name, expect.stringMatching(/^\d/)]);
    }
  });
});

describe('the operator', () => {
  it('changes a limit for one organisation while it runs: that one feels it with its next call, others do not', async () => {
    const [one, two] = [await platform.organisation('One'), await platform.organisation('Two')];
    await statuses(one.key, 3);
    const answer = await set({ name: 'key', organisationId: one.orgId, max: 4 });
    expect(await answer.json()).toEqual({
      ...{ name: 'key', per: 'key', organisationId: one.orgId, max: 4, windowSeconds: 60, setByOperator: true },
    });
    expect(await statuses(one.key, 6)).toEqual([200, 200, 200, 200, 429, 429]);
    expect(await statuses(two.key, 6)).toEqual(Array(6).fill(200));
    expectRefused((await ask(one.key)) as unknown as Reply<Problem>, 4);
    expect(await set({ name: 'key', organisationId: one.orgId, max: null })).toMatchObject({ status: 200 });
    expect(await statuses(one.key, 3)).toEqual([200, 200, 200]);
    expect(await shown(one.key, 'key')).toMatchObject({ limit: 2_400, setByOperator: false });
  });

  it('changes a limit for everybody, which other processes follow', async () => {
    const other = await platform.another('api');
    const { key } = await platform.organisation('Everywhere');
    const limitThere = async () => {
      const answer = await fetch(`${other.url}/v1/agents`, { headers: { authorization: `Bearer ${key}` } });
      return answer.headers.get('ratelimit-policy');
    };
    expect(await limitThere()).toBe('2400;w=60');
    await set({ name: 'key', max: 1_999, windowSeconds: 30 });
    await expect.poll(limitThere, { timeout: 20_000, interval: 200 }).toBe('1999;w=30');
    await set({ name: 'key', max: null });
    await expect.poll(limitThere, { timeout: 20_000, interval: 200 }).toBe('2400;w=60');
  });

  it('sees what holds for everybody and for whom it differs, and leaves a row in the audit trail for each change', async () => {
    const { orgId } = await platform.organisation('Listed');
    const answer = await set({ name: 'organisation', organisationId: orgId, max: 77 });
    const { body } = await platform.call<{ data: object[] }>('GET', PATH);
    expect(body.data).toContainEqual({
      ...{ name: 'organisation', per: 'organisation', organisationId: orgId, max: 77, windowSeconds: 60 },
      setByOperator: true,
    });
    expect(body.data).toContainEqual(
      expect.objectContaining({ name: 'failed-keys-ip', organisationId: null, max: 60 }),
    );
    const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
    await owner.connect();
    const found = await owner.query('select action, target_id, data from audit.event where request_id = $1', [
      answer.headers.get('x-request-id'),
    ]);
    await owner.end();
    const data = { max: 77, windowSeconds: 60, organisation: orgId };
    expect(found.rows).toEqual([{ action: 'limit.set', target_id: 'organisation', data }]);
  });

  it.each([
    [{ name: 'nothing', max: 5 }, '/name'],
    [{ name: 'failed-keys-ip', organisationId: 'org_x', max: 5 }, '/organisationId'],
    [{ name: 'key', max: 0 }, '/max'],
    [{ name: 'key', max: 1.5 }, '/max'],
    [{ name: 'key', max: 5, windowSeconds: 100_000 }, '/windowSeconds'],
    [{ name: 'key' }, '/max'],
  ])('is refused %j', async (body, path) => {
    const answer = await set(body);
    expect(answer.status).toBe(422);
    expect(((await answer.json()) as Problem).errors.map((error) => error.path)).toEqual([path]);
  });
});

describe('one call too many', () => {
  it('is refused at an address with bad credentials, of whatever kind: keys, access tokens and SCIM tokens count together', async () => {
    const bad = [
      [`gld_live_${'x'.repeat(36)}`, '/v1/agents'],
      [`e30.e30.${'x'.repeat(86)}`, '/v1/agents'],
      [`gls_${'x'.repeat(43)}`, '/scim/v2/Users'],
    ] as const;
    await set({ name: 'failed-keys-ip', max: bad.length });
    const all: Reply[] = [];
    for (const [key, path] of [...bad, ...bad]) all.push(await platform.call('GET', path, undefined, { key }));
    await set({ name: 'failed-keys-ip', max: null });
    expect(all.map(({ status }) => status)).toEqual([401, 401, 401, 429, 429, 429]);
    for (const { headers } of all.slice(bad.length)) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('is refused in the same form for a key, an organisation, an address with bad keys, and starts of runs', async () => {
    const { orgId, key } = await platform.organisation('Many', 1_000_000_000_000n);
    await set({ name: 'organisation', organisationId: orgId, max: 2 });
    await statuses(key, 3);
    expectRefused((await ask(key)) as unknown as Reply<Problem>, 2);
    await set({ name: 'organisation', organisationId: orgId, max: null });

    await set({ name: 'failed-keys-ip', max: 2 });
    const bad = () => platform.call<Problem>('GET', '/v1/agents', undefined, { key: `gld_live_${'x'.repeat(36)}` });
    expect([(await bad()).status, (await bad()).status]).toEqual([401, 401]);
    expectRefused(await bad(), 2);
    await set({ name: 'failed-keys-ip', max: null });

    const run = () => platform.call<Problem>('POST', '/v1/agents/keeper/runs', { input: {}, tier: 'solo' }, { key });
    let last = await run();
    for (let left = 20; left > 0 && last.status !== 429; left -= 1) last = await run();
    expectRefused(last, 20);
  });
});
