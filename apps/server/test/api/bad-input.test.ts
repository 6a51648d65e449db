/** What people really send by mistake, to the real agents over HTTP: each answer says what to do, and nothing was charged. */
import type { Problem, Run } from '@guildhall/contract';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zipOf } from '../../../../agents/data-processor/test/zip.ts';
import { builtInAgents } from '../../src/agents.ts';
import { type Reply, type TestPlatform, testPlatform } from '../harness/platform.ts';

let platform: TestPlatform;
let other: { orgId: string; key: string };
beforeAll(async () => {
  platform = await testPlatform({ agents: builtInAgents });
  other = await platform.organisation('Other');
}, 60_000);
afterAll(() => platform.close());

interface Balance {
  readonly available: { nanos: string };
  readonly held: { nanos: string };
  readonly spent: { nanos: string };
}
const balance = async (key?: string) =>
  (await platform.call<Balance>('GET', '/v1/balance', undefined, key ? { key } : {})).body;
const countRuns = async () => (await platform.call<{ data: Run[] }>('GET', '/v1/runs?limit=200')).body.data.length;

async function upload(
  content: string | Uint8Array<ArrayBuffer>,
  name = 'data.csv',
  key = platform.key,
): Promise<string> {
  const form = new FormData();
  form.set('file', new Blob([content]), name);
  const response = await fetch(`${platform.url}/v1/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: form,
  });
  return ((await response.json()) as { id: string }).id;
}

const post = <T = Problem>(
  agent: string,
  body: unknown,
  more: { key?: string; headers?: Record<string, string> } = {},
) => platform.call<T>('POST', `/v1/agents/${agent}/runs?wait=30`, body, more);

/** The answer is a refusal of this code, tells what to do, and leaves no run, no hold and no charge. */
async function assertRefused(
  expected: { status: number; code: string; path?: string; advice?: RegExp },
  send: () => Promise<Reply<Problem>>,
) {
  const [before, runs] = [await balance(), await countRuns()];
  const { status, body, headers } = await send();
  expect([status, body.code, body.detail]).toEqual([expected.status, expected.code, expect.any(String)]);
  expect(headers.get('content-type')).toContain('application/problem+json');
  expect(body.charged).toEqual({ nanos: '0', currency: 'USD' });
  expect(body.detail).toMatch(/Nothing was charged\.$/);
  expect(body.detail.length).toBeGreaterThan(body.title.length + 20);
  if (expected.path !== undefined) expect(body.errors.map(({ path }) => path)).toContain(expected.path);
  if (expected.advice) expect(JSON.stringify(body)).toMatch(expected.advice);
  expect(await balance()).toEqual(before);
  expect(await countRuns()).toBe(runs);
  return body;
}

/** The run began and ended as failed with the agent's own words, and cost nothing. */
async function assertFails(agent: string, input: unknown, code: string, words: RegExp): Promise<void> {
  const before = await balance();
  const { status, body } = await post<Run>(agent, { input });
  expect([status, body.status, body.error?.code, body.error?.detail]).toEqual([
    200,
    'failed',
    code,
    expect.any(String),
  ]);
  expect(body).toMatchObject({ output: null, cost: { nanos: '0' }, error: { charged: { nanos: '0' } } });
  expect(JSON.stringify(body.error)).toMatch(words);
  expect(body.artifacts.filter(({ name }) => name.startsWith('result'))).toEqual([]);
  expect(await balance()).toEqual(before);
}

const processed = (source: object, more: object = {}) => ({ sources: [source], outputs: ['ndjson'], ...more });
const transform = (id: string, needs: string[] = []) => ({ id, kind: 'transform', value: 1, needs });
const report = (body: string, more: object = {}) => ({
  title: 'R',
  data: [{ id: 'sales', records: [{ day: '2026-01-01', amount: 1 }] }],
  figures: [{ label: 'A', measure: { aggregation: 'sum', column: 'amount' } }],
  template: { sections: [{ kind: 'text', format: 'text', body }] },
  outputs: ['json'],
  ...more,
});

describe('before a run begins', () => {
  it.each<[string, string, string, number, string, string | undefined]>([
    ['malformed JSON', 'data-processor', '{"input":{', 400, 'http.malformed-json', undefined],
    ['a key that stands twice', 'data-processor', '{"input":{"a":1,"a":2}}', 400, 'http.duplicate-key', '/input/a'],
    ['an agent nobody knows', 'data-procesor', '{"input":{}}', 404, 'catalog.agent-not-found', undefined],
    ['a member nobody knows', 'data-processor', '{"input":{},"inputs":1}', 422, 'http.invalid-request', '/inputs'],
    ['no input', 'data-processor', '{}', 422, 'http.invalid-request', '/input'],
    ['an input of another kind', 'data-processor', '{"input":[1]}', 422, 'catalog.invalid-input', '/input'],
    [
      'a member of the input nobody knows',
      'data-processor',
      '{"input":{"sources":[{"data":"a\\n1"}],"output":["csv"]}}',
      422,
      'catalog.invalid-input',
      '/input/output',
    ],
    [
      'a format nobody writes',
      'data-processor',
      '{"input":{"sources":[{"data":"a\\n1"}],"outputs":["docx"]}}',
      422,
      'catalog.invalid-input',
      '/input/outputs/0',
    ],
    [
      'a tier that does not exist',
      'workflow-orchestrator',
      '{"input":{"steps":[{"id":"a","kind":"transform","value":1}]},"tier":"gold"}',
      422,
      'metering.tier-not-found',
      '/tier',
    ],
    [
      'a body over the limit',
      'data-processor',
      JSON.stringify({ input: 'x'.repeat(1_100_000) }),
      413,
      'http.body-too-large',
      undefined,
    ],
  ])('%s is refused', async (_, agent, body, status, code, path) => {
    await assertRefused({ status, code, ...(path === undefined ? {} : { path }) }, () => post(agent, body));
  });

  it('a file that is missing, and one of somebody else, are refused alike', async () => {
    const foreign = await upload('a,b\n1,2\n', 'a.csv', other.key);
    const missing = `file_${'0'.repeat(26)}`;
    const answers = [];
    for (const file of [foreign, missing])
      answers.push(
        await assertRefused(
          { status: 422, code: 'runs.input-file-not-found', path: '/input/sources/0/file', advice: /POST \/v1\/files/ },
          () => post('data-processor', { input: processed({ file }) }),
        ),
      );
    const strip = ({ requestId: _, ...rest }: Problem) => rest;
    expect(strip(answers[0] as Problem)).toEqual(strip(answers[1] as Problem));
  });

  it('a graph with a cycle is refused with the steps of the cycle', async () => {
    const steps = [transform('a', ['c']), transform('b', ['a']), transform('c', ['b'])];
    await assertRefused({ status: 422, code: 'catalog.invalid-input', advice: /a → .*→ .*a|b → .*b|c → .*c/ }, () =>
      post('workflow-orchestrator', { input: { steps } }),
    );
  });

  it.each([
    ['includes a file', "{% include '/etc/passwd' %}"],
    ['renders a file', "{% render '../../secrets' %}"],
    ['lays itself out by a file', "{% layout 'x' %}"],
    ['does not end', '{% for row in data.sales %}'],
    ['calls what does not exist', '{{ 1 | shell }}'],
  ])('a template that %s is refused where it stands', async (_, body) => {
    await assertRefused({ status: 422, code: 'catalog.invalid-input', path: '/input/template/sections/0/body' }, () =>
      post('report-generator', { input: report(body) }),
    );
  });
});

describe('keys', () => {
  const makeKey = async () =>
    (
      await platform.call<{ id: string; secret: string }>('POST', '/v1/keys', {
        name: 'K',
        scopes: ['runs:write'],
        mode: 'live',
      })
    ).body;
  const start = (key: string) => post('data-processor', { input: processed({ data: 'a\n1\n' }) }, { key });

  it('a revoked key is refused at once', async () => {
    const key = await makeKey();
    expect((await start(key.secret)).status).toBe(200);
    expect((await platform.call('DELETE', `/v1/keys/${key.id}`)).status).toBe(204);
    await assertRefused({ status: 401, code: 'auth.invalid-key' }, () => start(key.secret));
  });

  it('an expired key is refused', async () => {
    const key = await makeKey();
    const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
    await owner.connect();
    await owner.query(`update identity.api_key set expires_at = now() - interval '1 second' where id = $1`, [key.id]);
    await owner.end();
    await assertRefused({ status: 401, code: 'auth.invalid-key' }, () => start(key.secret));
  });

  it('a reused Idempotency-Key with another body is refused', async () => {
    const headers = { 'idempotency-key': 'bad input' };
    const send = (value: number) =>
      post('workflow-orchestrator', { input: { steps: [{ ...transform('a'), value }] } }, { headers });
    expect((await send(1)).status).toBe(200);
    await assertRefused({ status: 422, code: 'idempotency.conflict' }, () => send(2));
  });
});

describe('money that does not suffice', () => {
  const input = { steps: [transform('a')] };
  const USD = (nanos: string) => ({ nanos, currency: 'USD' });

  it('in the balance: says what is required and what there is', async () => {
    const poor = await platform.organisation('Poor', 1_000n);
    const answer = await post('workflow-orchestrator', { input }, { key: poor.key });
    expect(answer).toMatchObject({
      status: 402,
      body: { code: 'budget.insufficient-balance', available: USD('1000'), charged: USD('0') },
    });
    expect(BigInt(answer.body.required?.nanos ?? '0')).toBeGreaterThan(1_000n);
    expect(answer.body.budgetId).toBeUndefined();
    expect(await balance(poor.key)).toEqual({ available: USD('1000'), held: USD('0'), spent: USD('0') });
  });

  // What this agent has cost today counts, so nothing is left of the budget.
  it('in a hard budget: names the budget and when it starts over', async () => {
    const scope = { type: 'agent', id: 'workflow-orchestrator' };
    const put = (limit: object | null) =>
      platform.call<{ id: string; resetsAt: string }>('PUT', '/v1/budgets', {
        scope,
        period: 'day',
        limit,
        hard: true,
      });
    const budget = (await put(USD('5'))).body;
    const body = await assertRefused(
      { status: 402, code: 'budget.limit-exceeded', advice: /[Rr]aise the budget/ },
      () => post('workflow-orchestrator', { input }),
    );
    expect(body).toMatchObject({ budgetId: budget.id, resetsAt: budget.resetsAt, available: USD('0') });
    await put(null);
    expect((await post<Run>('workflow-orchestrator', { input })).body.status).toBe('succeeded');
  });

  it('in maxCost: says the least that would do', async () => {
    const send = (nanos: string) => post('workflow-orchestrator', { input, maxCost: USD(nanos) });
    const body = await assertRefused({ status: 402, code: 'budget.max-cost-below-base' }, () => send('1'));
    expect((await send(body.required?.nanos ?? '')).status).toBe(200);
    await assertRefused({ status: 402, code: 'budget.max-cost-below-base' }, () => send('-1'));
    await assertRefused({ status: 422, code: 'http.invalid-request', path: '/maxCost/nanos' }, () => send('0.5'));
  });
});

const arabic1256 = Buffer.from([0xc7, 0xe1, 0xd1, 0xed, 0xc7, 0xd6]);
const csv = (city: Buffer): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.concat([Buffer.from('id,city\n1,'), city, Buffer.from('\n')]));

describe('files as they come', () => {
  it.each<[string, () => Uint8Array<ArrayBuffer>, object]>([
    ['UTF-8 with its mark', () => Uint8Array.from(Buffer.from('\ufeffid,city\n1,الرياض\n')), {}],
    ['UTF-16', () => Uint8Array.from(Buffer.from('\ufeffid,city\n1,الرياض\n', 'utf16le')), {}],
    [
      'UTF-16 the other way round',
      () => Uint8Array.from(Buffer.from('\ufeffid,city\n1,الرياض\n', 'utf16le').swap16()),
      {},
    ],
    ['Windows-1256', () => csv(arabic1256), { encoding: 'windows-1256' }],
  ])('%s are read', async (_, content, more) => {
    const file = await upload(content());
    const { body } = await post<Run>('data-processor', { input: processed({ file, ...more }) });
    expect([body.status, body.error]).toEqual(['succeeded', null]);
    const artifact = body.artifacts.find(({ name }) => name.endsWith('.ndjson') && name.startsWith('result'));
    expect(await (await fetch(artifact?.url ?? '')).text()).toContain('الرياض');
  });

  it('rows with broken quotes are set aside and named, and the rest is delivered', async () => {
    const file = await upload('id,name\n1,ok\n2,"open\n3,fine\n');
    const { body } = await post<Run>('data-processor', { input: processed({ file }) });
    expect(body.status).toBe('succeeded');
    expect(JSON.stringify(body.output)).toMatch(/a quote is opened and not closed/);
  });

  it('broken quotes fail the run where it was asked to, for nothing', async () => {
    const file = await upload('id,name\n1,ok\n2,"open\n3,fine\n');
    await assertFails('data-processor', processed({ file }, { onError: 'fail' }), 'agent.bad-rows', /quote/);
  });

  const bomb = (): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(
      zipOf({ 'xl/workbook.xml': new Uint8Array(8), 'xl/worksheets/sheet1.xml': new Uint8Array(120 * 1024 * 1024) }),
    );
  const LAUGHS = `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "${'&a;'.repeat(50)}"><!ENTITY c "${'&b;'.repeat(50)}">]><l><r>&c;</r><r>&c;</r></l>`;
  it.each<[string, string, () => string | Uint8Array<ArrayBuffer>, string, RegExp]>([
    ['a zip bomb', 'a.xlsx', bomb, 'agent.xlsx-size', /unpacks to/],
    ['an XML bomb', 'a.xml', () => LAUGHS, 'agent.xml-doctype', /DOCTYPE/],
    ['a header with broken quotes', 'a.csv', () => '"a,b\n1,2\n', 'agent.broken-header', /quotes/],
    ['an empty file', 'a.csv', () => '', 'agent.empty-source', /empty/],
    ['nesting without end', 'a.json', () => `[{"a":${'['.repeat(100_000)}`, 'agent.too-deep', /nested deeper/],
  ])('%s ends its run as failed, for nothing', async (_, name, content, code, words) => {
    await assertFails('data-processor', processed({ file: await upload(content(), name) }), code, words);
  });
});

describe('templates that would never end', () => {
  it.each([
    ['loops in loops', '{% for a in (1..100000) %}{% for b in (1..100000) %}x{% endfor %}{% endfor %}'],
    [
      'a text that doubles',
      '{% assign s = "x" %}{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}{{ s }}',
    ],
  ])('%s end their run as failed, for nothing', async (_, body) => {
    await assertFails('report-generator', report(body), 'agent.template-limit', /template/i);
  });
});
