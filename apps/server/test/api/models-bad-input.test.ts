/** What people send to the model routes by mistake or by malice, in all four languages: a clear answer in the client's form, nothing charged, nobody asked. */
import type { Scope } from '@guildhall/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import { type TestPlatform, testPlatform } from '../harness/platform.ts';

type Wire = 'chat' | 'responses' | 'messages' | 'embeddings';
type Body = Readonly<Record<string, unknown>>;

const PATHS: Readonly<Record<Wire, string>> = {
  chat: '/v1/chat/completions',
  responses: '/v1/responses',
  messages: '/v1/messages',
  embeddings: '/v1/embeddings',
};
const hello = [{ role: 'user', content: 'Say something.' }];
const GOOD: Readonly<Record<Wire, Body>> = {
  chat: { model: 'gpt-4o-mini', max_tokens: 20, messages: hello },
  responses: { model: 'gpt-4o-mini', max_output_tokens: 20, input: 'Say something.' },
  messages: { model: 'claude-haiku-4-5', max_tokens: 20, messages: hello },
  embeddings: { model: 'text-embedding-3-small', input: 'something' },
};
const WIRES = Object.keys(PATHS) as Wire[];

let mock: MockProvider;
let platform: TestPlatform;
beforeAll(async () => {
  mock = await startMockProvider();
  platform = await testPlatform({
    agents: [],
    environment: {
      OPENAI_API_KEY: 'sk-operator-openai',
      OPENAI_BASE_URL: `${mock.url}/v1`,
      ANTHROPIC_API_KEY: 'sk-operator-anthropic',
      ANTHROPIC_BASE_URL: mock.url,
    },
  });
});
beforeEach(() => mock.reset());
afterAll(async () => {
  await platform.close();
  await mock.close();
});

interface Refusal {
  readonly type?: string;
  readonly request_id?: string;
  readonly error: { readonly message: string; readonly type: string; readonly code: string; readonly charged: object };
}
interface Sent {
  readonly body?: Body | string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly key?: string;
}

const send = (wire: Wire, { body = GOOD[wire], headers, key = platform.key }: Sent): Promise<Response> =>
  fetch(platform.url + PATHS[wire], {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
const books = async () => {
  const [balance, calls] = [await platform.call('GET', '/v1/balance'), await platform.call('GET', '/v1/calls?limit=1')];
  return { balance: balance.body, newest: (calls.body.data as readonly unknown[])[0] };
};

/** Refused with this status and code, as the clients of that language read it; nothing held, charged, written down or asked. */
async function assertRefused(wire: Wire, sent: Sent, status: number, code: string): Promise<string> {
  const before = await books();
  const asked = mock.requests().length;
  const answer = await send(wire, sent);
  const { error, ...rest } = (await answer.json()) as Refusal;
  expect([answer.status, error.code]).toEqual([status, code]);
  expect(answer.headers.get('content-type')).toContain('application/json');
  expect(error).toMatchObject({ type: expect.stringMatching(/^[a-z_]+$/), charged: { nanos: '0', currency: 'USD' } });
  expect(error.message).toMatch(/Nothing was charged/);
  expect(rest).toEqual(wire === 'messages' ? { type: 'error', request_id: expect.stringMatching(/^req_/) } : {});
  expect(mock.requests()).toHaveLength(asked);
  expect(await books()).toEqual(before);
  return error.message;
}

const tool = (wire: Wire, schema: unknown): Body =>
  ({
    chat: { tools: [{ type: 'function', function: { name: 'f', parameters: schema } }] },
    responses: { tools: [{ type: 'function', name: 'f', parameters: schema, strict: false }] },
    messages: { tools: [{ name: 'f', input_schema: schema }] },
    embeddings: {},
  })[wire];
const LIMIT: Readonly<Record<Wire, string>> = {
  chat: 'max_completion_tokens',
  responses: 'max_output_tokens',
  messages: 'max_tokens',
  embeddings: 'dimensions',
};
const EMPTY: Readonly<Record<Wire, Body>> = {
  chat: { messages: [] },
  responses: { input: [] },
  messages: { messages: [] },
  embeddings: { input: [] },
};
const prompt = (wire: Wire, text: string): Body =>
  wire === 'responses' || wire === 'embeddings' ? { input: text } : { messages: [{ role: 'user', content: text }] };

describe.each(WIRES)('%s', (wire) => {
  const good = GOOD[wire];
  const withThe = (more: Body): Sent => ({ body: { ...good, ...more } });
  const keyWith = async (scopes: readonly Scope[]) =>
    (await platform.call<{ secret: string }>('POST', '/v1/keys', { name: 'k', scopes, mode: 'live' })).body.secret;

  it('answers what is right', async () => {
    expect((await send(wire, {})).status).toBe(200);
  });

  const CASES: readonly (readonly [what: string, sent: Sent, status: number, code: string])[] = [
    ['a model that nobody offers', withThe({ model: 'no-such-model' }), 404, 'models.unknown-model'],
    [
      'a model of a provider that is not set up',
      withThe({ model: 'mistral/mistral-tiny' }),
      404,
      'models.unknown-model',
    ],
    ['a model without a price', withThe({ model: 'openai/gpt-99' }), 422, 'models.unpriced-model'],
    ['a model that is no text', withThe({ model: 7 }), 400, 'models.invalid-request'],
    ['no model', withThe({ model: undefined }), 400, 'models.invalid-request'],
    [
      'a model with a line end, as if it were a header',
      withThe({ model: 'gpt\r\nx-evil: 1' }),
      404,
      'models.unknown-model',
    ],
    ['nothing to answer', withThe(EMPTY[wire]), 400, 'models.invalid-request'],
    ['an absurd limit', withThe({ [LIMIT[wire]]: 1e12 }), 400, 'models.invalid-request'],
    ['a limit below 1', withThe({ [LIMIT[wire]]: -5 }), 400, 'models.invalid-request'],
    ['a limit that is no number', withThe({ [LIMIT[wire]]: 'lots' }), 400, 'models.invalid-request'],
    ['a prompt of 10 MB', withThe(prompt(wire, 'word '.repeat(2_000_000))), 413, 'models.context-exceeded'],
    ['a body of 17 MB', withThe(prompt(wire, 'a'.repeat(17_000_000))), 413, 'http.body-too-large'],
    [
      'half of a surrogate pair',
      { body: JSON.stringify(good).replace('omething', '\\ud800') },
      422,
      'http.invalid-request',
    ],
    [
      'bytes that are no UTF-8',
      { body: Buffer.from(JSON.stringify(good).replace('omething', '\xff'), 'latin1') },
      400,
      'http.malformed-json',
    ],
    [
      'a key that stands twice',
      { body: `{"model":"gpt-4o-mini",${JSON.stringify(good).slice(1)}` },
      400,
      'http.duplicate-key',
    ],
    ['half a body', { body: JSON.stringify(good).slice(0, -1) }, 400, 'http.malformed-json'],
    ['a list', { body: '[]' }, 422, 'http.invalid-request'],
    ['a text', { body: '"x"' }, 422, 'http.invalid-request'],
    ['null', { body: 'null' }, 422, 'http.invalid-request'],
    ['nothing', { body: '' }, 422, 'http.invalid-request'],
    ['a form', { headers: { 'content-type': 'multipart/form-data; boundary=x' } }, 415, 'http.unsupported-media-type'],
    ['a wrong key', { key: 'gld_live_wrong' }, 401, 'auth.invalid-key'],
    [
      "a key of one's own for a private address",
      { headers: { 'x-provider-key': 'sk-own-key-1', 'x-provider-base-url': 'http://169.254.169.254/v1' } },
      422,
      'providers.address-refused',
    ],
    [
      "a key of one's own that would begin a header",
      { headers: { 'x-provider-key': 'sk own\tkey' } },
      422,
      'providers.request-key-unfit',
    ],
  ];
  it.each(CASES)('refuses %s', async (_, sent, status, code) => {
    await assertRefused(wire, sent, status, code);
  });

  it('refuses a key without the scope, and names it', async () => {
    const message = await assertRefused(wire, { key: await keyWith(['billing:read']) }, 403, 'auth.missing-scope');
    expect(message).toContain('models:use');
  });

  it.each(WIRES.filter((other) => other !== wire))('refuses a body for %s', async (other) => {
    const same = (wire === 'chat' && other === 'messages') || (wire === 'messages' && other === 'chat');
    // These two have the same members for a plain text, so it is a good body for both.
    if (same) return expect((await send(wire, { body: GOOD[other] })).status).toBe(200);
    const before = mock.requests().length;
    const answer = await send(wire, { body: GOOD[other] });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(mock.requests()).toHaveLength(before);
  });

  it('makes a call once under an Idempotency-Key, and charges it once', async () => {
    const headers = { 'idempotency-key': `once-${wire}` };
    expect((await send(wire, { headers })).status).toBe(200);
    const message = await assertRefused(wire, { headers }, 409, 'models.call-repeated');
    expect(message).toMatch(/request req_\w+/);
    expect((await send(wire, { headers })).headers.get('x-should-retry')).toBe('false');
    await assertRefused(wire, { ...withThe({ user: 'other' }), headers }, 422, 'idempotency.conflict');
    await assertRefused(wire, { headers: { 'idempotency-key': 'x'.repeat(256) } }, 400, 'idempotency.invalid-key');
  });
});

describe.each(['chat', 'responses', 'messages'] as const)('a tool of %s', (wire) => {
  it.each([
    ['of an unknown type', { type: 'thing' }],
    ['whose properties are a list', { type: 'object', properties: ['a'] }],
    ['that is a text', 'object'],
    ['that requires a number', { type: 'object', required: [1] }],
    ['wrong far inside', { type: 'object', properties: { a: { type: 'array', items: { type: 7 } } } }],
  ])('with a schema %s is refused, and the place is named', async (_, schema) => {
    const body = { ...GOOD[wire], ...tool(wire, schema) };
    const message = await assertRefused(wire, { body }, 400, 'models.invalid-request');
    expect(message).toContain('/tools/0');
  });
});

describe('chat', () => {
  it.each([1e9, 0, -1, 1.5, 'two'])('refuses %s answers', async (n) => {
    await assertRefused('chat', { body: { ...GOOD.chat, n } }, 400, 'models.invalid-request');
  });
});
