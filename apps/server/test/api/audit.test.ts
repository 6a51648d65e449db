/** The audit trail through the interface: what is in it, who may read it, how it leaves. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AuditEventView } from '@guildhall/contract';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, signUpPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { keeper } from './agents.ts';

let platform: TestPlatform;
let receiver: Server;
const received: { type: string; data: AuditEventView }[] = [];
beforeAll(async () => {
  receiver = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      received.push(JSON.parse(text));
      response.end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  platform = await testPlatform({
    agents: asAgents(keeper),
    environment: { EGRESS_ALLOW_PRIVATE: '127.0.0.1/32' },
  });
}, 60_000);
afterAll(async () => {
  await platform.close();
  receiver.closeAllConnections();
  receiver.close();
});

interface Page {
  readonly data: readonly AuditEventView[];
  readonly nextCursor: string | null;
}
const read = (query = '', key?: string) =>
  platform.call<Page>('GET', `/v1/audit${query}`, undefined, key ? { key } : {});
const actionsOf = ({ body }: { body: Page }) => body.data.map(({ action }) => action);
const makeKey = async (more: object = {}) => {
  const body = { name: 'K', scopes: ['runs:read'], mode: 'live', ...more };
  return (await platform.call<{ id: string; secret: string }>('POST', '/v1/keys', body)).body;
};
const text = async (path: string, key = platform.key) => {
  const response = await fetch(`${platform.url}${path}`, { headers: { authorization: `Bearer ${key}` } });
  return { status: response.status, headers: response.headers, text: await response.text() };
};

describe('AUD-03: reading', () => {
  it('shows the newest first, page by page, each row once, and every filter narrows it', async () => {
    const key = await makeKey();
    await platform.call('POST', `/v1/keys/${key.id}/rotate`, { overlapSeconds: 0 });
    await platform.call('DELETE', `/v1/keys/${key.id}`);
    const all: AuditEventView[] = [];
    let cursor = '';
    do {
      const page = await read(`?limit=2${cursor}`);
      expect(page.status).toBe(200);
      all.push(...page.body.data);
      cursor = page.body.nextCursor === null ? '' : `&cursor=${page.body.nextCursor}`;
    } while (cursor !== '');
    const seqs = all.map(({ seq }) => Number(seq));
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, index) => seqs.length - index));
    for (const [index, row] of all.slice(0, -1).entries()) expect(row.prevHash).toBe(all[index + 1]?.hash);

    expect(actionsOf(await read(`?target=${key.id}`))).toEqual(['key.revoke', 'key.rotate', 'key.create']);
    expect(actionsOf(await read(`?target=${key.id}&action=key.rotate`))).toEqual(['key.rotate']);
    expect(new Set(actionsOf(await read('?action=key.*')))).toEqual(
      new Set(['key.revoke', 'key.rotate', 'key.create']),
    );
    expect(actionsOf(await read(`?q=${key.id.toUpperCase()}&action=key.create`))).toEqual(['key.create']);
    expect(actionsOf(await read('?actor=nobody'))).toEqual([]);
    const at = all[1]?.createdAt ?? '';
    expect((await read(`?from=${at}&limit=200`)).body.data.length).toBeGreaterThanOrEqual(2);
    expect((await read(`?to=${at}&limit=200`)).body.data.some(({ createdAt }) => createdAt >= at)).toBe(false);
    // What stands for any text elsewhere is a character like others here.
    for (const query of ['?q=%25', '?q=k_y', '?q=%5C']) expect(actionsOf(await read(query))).toEqual([]);
  });

  it.each(['?cursor=-1', '?cursor=abc', '?action=%27', '?from=yesterday', '?limit=0', '?x=1', '?q='])(
    'refuses %s',
    async (query) => expect((await read(query)).status).toBe(422),
  );

  it('is for live keys with audit:read alone, and for each organisation its own', async () => {
    const without = await makeKey({ scopes: ['keys:read'] });
    const test = await makeKey({ scopes: ['audit:read'], mode: 'test' });
    const other = await platform.organisation('Other');
    for (const path of ['/v1/audit', '/v1/audit/export', '/v1/audit/stream']) {
      expect([path, (await text(path, without.secret)).status]).toEqual([path, 403]);
      expect([path, (await text(path, test.secret)).status]).toEqual([path, 403]);
    }
    const foreign = await text('/v1/audit?limit=200', other.key);
    expect([foreign.status, foreign.text.includes(platform.orgId), foreign.text.includes(without.id)]).toEqual([
      200,
      false,
      false,
    ]);
  });
});

describe('AUD-03: export', () => {
  it('gives every row, oldest first, as lines of JSON and as a table', async () => {
    for (let i = 0; i < 5; i += 1) await makeKey();
    const ndjson = await text('/v1/audit/export');
    expect(ndjson.headers.get('content-type')).toBe('application/x-ndjson');
    expect(ndjson.headers.get('content-disposition')).toContain('attachment');
    const rows = ndjson.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditEventView);
    expect(rows.map(({ seq }) => Number(seq))).toEqual(rows.map((_, index) => index + 1));
    const csv = await text('/v1/audit/export?format=csv');
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect(csv.text.split('\r\n')[0]).toMatch(/^seq,id,createdAt,/);
    expect(csv.text.trimEnd().split('\r\n').length).toBe(rows.length + 1);
    const some = await text('/v1/audit/export?action=organisation.create');
    expect(some.text.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('AUD-03: the stream', () => {
  it('sends each row to an endpoint that named it, and to none that said “all”', async () => {
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    await platform.call('POST', '/v1/webhook-endpoints', { url: `${url}all`, events: ['*'] });
    expect((await platform.call('POST', '/v1/webhook-endpoints', { url, events: ['audit.recorded.v1'] })).status).toBe(
      201,
    );
    expect((await platform.call('GET', '/v1/audit/stream')).body).toEqual({ enabled: false });
    expect((await platform.call('PUT', '/v1/audit/stream', { enabled: true })).body).toEqual({ enabled: true });
    const key = await makeKey();
    await expect
      .poll(() => received.filter(({ data }) => data.targetId === key.id).length, { timeout: 30_000 })
      .toBe(1);
    const row = received.find(({ data }) => data.targetId === key.id)?.data;
    expect((await read(`?target=${key.id}`)).body.data).toEqual([row]);
    expect(new Set(received.map(({ type }) => type))).toEqual(new Set(['audit.recorded.v1']));
    await platform.call('PUT', '/v1/audit/stream', { enabled: false });
  });

  it('goes nowhere by the hand of somebody who may not read the trail', async () => {
    const { secret } = await makeKey({ scopes: ['webhooks:read', 'webhooks:write'] });
    const call = (method: string, path: string, body: object) => platform.call(method, path, body, { key: secret });
    const body = { url: 'https://example.com/hook', events: ['audit.recorded.v1'] };
    for (const events of [['audit.recorded.v1'], ['audit.*'], ['run.*', 'audit.*']])
      expect((await call('POST', '/v1/webhook-endpoints', { ...body, events })).body.code).toBe(
        'webhooks.audit-refused',
      );
    const mine = await platform.call('POST', '/v1/webhook-endpoints', body);
    const theirs = await call('POST', '/v1/webhook-endpoints', { ...body, events: ['*'] });
    expect(theirs.status).toBe(201);
    for (const [id, change] of [
      [mine.body.id, { url: 'https://evil.example/hook' }],
      [theirs.body.id, { events: ['audit.*'] }],
    ] as const)
      expect((await call('PUT', `/v1/webhook-endpoints/${id}`, change)).body.code).toBe('webhooks.audit-refused');
  });
});

describe('AUD-01: sign-ins and refusals', () => {
  it('of a person stand in their own activity, which nobody else reads', async () => {
    const [ada, eve] = [await signUpPerson(platform, { name: 'Ada' }), await signUpPerson(platform, { name: 'Eve' })];
    const guesser = createClient(platform);
    await guesser.call('POST', '/v1/auth/sign-in', { email: ada.email, password: 'not the password at all' });
    const activity = (await ada.call<Page>('GET', '/v1/me/activity')).body.data;
    expect(activity.map(({ action }) => action)).toEqual(expect.arrayContaining(['session.begin', 'session.refuse']));
    expect(JSON.stringify(activity)).not.toContain(ada.email);
    expect(JSON.stringify((await eve.call<Page>('GET', '/v1/me/activity')).body)).not.toContain(ada.personId);
    expect((await platform.call('GET', '/v1/me/activity')).status).toBe(403);
    expect((await fetch(`${platform.url}/v1/me/activity`)).status).toBe(401);
  });

  it('of a key become one row for each kind when its minute is over', async () => {
    const { id, secret } = await makeKey();
    for (let i = 0; i < 30; i += 1) await platform.call('GET', '/v1/balance', undefined, { key: secret });
    for (let i = 0; i < 20; i += 1)
      await platform.call('GET', `/v1/runs/run_${'0'.repeat(26)}`, undefined, { key: secret });
    const other = await platform.another('api');
    await fetch(`${other.url}/v1/balance`, { headers: { authorization: `Bearer ${secret}` } });
    await other.stop();
    expect((await read(`?actor=${id}`)).body.data).toMatchObject([
      {
        action: 'request.refuse',
        targetId: 'GET /v1/balance',
        data: { status: 403, code: 'auth.missing-scope', count: 1, firstRequest: expect.stringMatching(/^req_/) },
      },
    ]);
  });
});

describe('AUD-04: what steers a screen or a log', () => {
  const CORPUS = [
    'a\r\n2026-01-01 admin signed in',
    'a\nb',
    'a\rb',
    '\u001b[2J\u001b[31mred',
    '\u009b31m',
    '\u202Egnp.exe',
    '\u2066x\u2069',
    'a\u2028b\u2029c',
    '\u0007bell',
    '\u0008\u0008\u0008',
    '\u200Bzero\uFEFF',
    '${jndi:ldap://x}',
    '%0d%0aSet-Cookie: a=b',
    '{"level":"error"}',
  ];

  it.each(CORPUS)('%j reaches neither the trail nor its exports as it is', async (bad) => {
    await makeKey({ name: bad });
    for (const target of [bad, `run_${bad}`]) {
      await platform.call('GET', `/v1/runs/${encodeURIComponent(target)}`);
      await platform.call('GET', '/v1/balance', undefined, { headers: { 'user-agent': encodeURIComponent(bad) } });
    }
    const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
    await owner.connect();
    const { rows } = await owner.query('select to_jsonb(e) - array[$1] as row from audit.event e', ['hash']);
    await owner.end();
    // Written by PostgreSQL's JSON, so a line break inside of a value would be escaped and is looked for as such.
    expect(JSON.stringify(rows)).not.toMatch(/\\[rnbf]|\\u00[01]|[\u009b\u200b\u202e\u2028\u2029\u2066\ufeff]/);
    const { text: csv } = await text('/v1/audit/export?format=csv');
    expect(csv.replaceAll('\r\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });
});
