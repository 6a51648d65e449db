/**
 * Every language of clients against every kind of provider, through the official clients: what is asked arrives, what comes back is parsed, and
 * provider, history, usage and ledger agree to the nano. What cannot be said between two of them stands in REFUSED.
 */
import type Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Behaviour } from '../harness/mock-provider/index.ts';
import {
  createGatewayWorld,
  differenceOf,
  type GatewayWorld,
  KINDS,
  type Kind,
  PER_REQUEST,
  providerAsks,
  reportedIn,
  type Used,
  up,
  withMarkup,
} from './models-fixture.ts';

let world: GatewayWorld;
beforeAll(async () => {
  world = await createGatewayWorld();
  // Each cell asks the provider.
  const settings = { embeddingsCache: { enabled: false } };
  expect((await world.platform.call('PUT', '/v1/model-settings', settings)).status).toBe(200);
}, 60_000);
afterAll(() => world.close());

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const PARAMETERS = { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] };
const SHAPE = {
  type: 'object' as const,
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name', 'age'],
  additionalProperties: false,
};
const CALL = { name: 'weather', arguments: { city: 'Köln' } };

/** What a client of any wire made of an answer. */
interface Seen {
  readonly text: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: unknown }[];
  /** `stop`, `length` or `tools`, in the words of no wire. */
  readonly finish: string;
  readonly usage: Used;
  readonly answers: number;
  /** What the client sends back to go on. */
  readonly turn: readonly unknown[];
}

type Feature =
  | 'plain'
  | 'tools'
  | 'parallel tools'
  | 'structured output'
  | 'images'
  | 'reasoning'
  | 'cached tokens'
  | 'stop'
  | 'n=2'
  | 'maximum reached';

const BEHAVIOURS: Readonly<Record<Feature, Behaviour>> = {
  plain: {},
  tools: { toolCalls: [CALL] },
  'parallel tools': { toolCalls: [CALL, { name: 'weather', arguments: { city: 'Oslo' } }] },
  'structured output': {},
  images: {},
  reasoning: { reasoningTokens: 7 },
  'cached tokens': { inputTokens: 300, cachedTokens: 100, cacheWriteTokens: 50, cacheWriteLongTokens: 20 },
  stop: {},
  'n=2': {},
  'maximum reached': { outputTokens: 40 },
};

interface ClientWire {
  readonly path: string;
  /** Members of the body for a feature; undefined where the wire has no words for it. */
  readonly asks: Readonly<Record<Feature, object | undefined>>;
  body(feature: Feature, model: string, isStream: boolean): Record<string, unknown>;
  call(body: Record<string, unknown>, isStream: boolean): Promise<Seen>;
  /** The next turn of a conversation with the results of all calls. */
  next(body: Record<string, unknown>, seen: Seen): Record<string, unknown>;
}

const asked = (feature: Feature): string =>
  feature === 'tools' || feature === 'parallel tools' ? 'How is the weather?' : 'Say something.';
const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const chatTools = [{ type: 'function' as const, function: { name: 'weather', parameters: PARAMETERS } }];
const chat: ClientWire = {
  path: '/v1/chat/completions',
  asks: {
    plain: {},
    tools: { tools: chatTools, tool_choice: 'auto' },
    'parallel tools': { tools: chatTools, parallel_tool_calls: true },
    'structured output': {
      response_format: { type: 'json_schema', json_schema: { name: 'person', strict: true, schema: SHAPE } },
    },
    images: {},
    reasoning: { reasoning_effort: 'low' },
    'cached tokens': {},
    stop: { stop: ['END'] },
    'n=2': { n: 2 },
    'maximum reached': { max_tokens: 5 },
  },
  body(feature, model, isStream) {
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } };
    const content = feature === 'images' ? [{ type: 'text', text: asked(feature) }, image] : asked(feature);
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content },
    ];
    const stream = isStream ? { stream: true, stream_options: { include_usage: true } } : {};
    return { model, messages, max_tokens: feature === 'reasoning' ? 3_000 : 64, ...chat.asks[feature], ...stream };
  },
  async call(body, isStream) {
    // The body was made for this client; its type is that of no one feature.
    const params = body as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    const { completions } = world.openai.chat;
    const answer = isStream
      ? await completions.stream(params as never).finalChatCompletion()
      : await completions.create(params);
    const [first] = answer.choices;
    const message = first?.message;
    const calls = (message?.tool_calls ?? []).flatMap((call) => (call.type === 'function' ? [call] : []));
    return {
      text: message?.content ?? '',
      calls: calls.map(({ id, function: made }) => ({ id, name: made.name, arguments: JSON.parse(made.arguments) })),
      finish: { stop: 'stop', length: 'length', tool_calls: 'tools' }[String(first?.finish_reason)] ?? '',
      usage: reportedIn(JSON.stringify({ usage: answer.usage })) as Used,
      answers: answer.choices.length,
      turn: [message],
    };
  },
  next: (body, { turn, calls }) => ({
    ...body,
    messages: [
      ...(body.messages as unknown[]),
      ...turn,
      ...calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: '12 degrees' })),
    ],
  }),
};

const responsesTools = [{ type: 'function', name: 'weather', parameters: PARAMETERS, strict: true }];
const responses: ClientWire = {
  path: '/v1/responses',
  asks: {
    plain: {},
    tools: { tools: responsesTools, tool_choice: 'auto' },
    'parallel tools': { tools: responsesTools, parallel_tool_calls: true },
    'structured output': { text: { format: { type: 'json_schema', name: 'person', strict: true, schema: SHAPE } } },
    images: {},
    reasoning: { reasoning: { effort: 'low' } },
    'cached tokens': {},
    stop: undefined,
    'n=2': undefined,
    'maximum reached': { max_output_tokens: 5 },
  },
  body(feature, model, isStream) {
    const image = { type: 'input_image', image_url: `data:image/png;base64,${PIXEL}`, detail: 'auto' };
    const content = [{ type: 'input_text', text: asked(feature) }, ...(feature === 'images' ? [image] : [])];
    const stream = isStream ? { stream: true } : {};
    const max_output_tokens = feature === 'reasoning' ? 3_000 : 64;
    const input = [{ role: 'user', content }];
    return {
      model,
      instructions: 'Be brief.',
      input,
      store: false,
      max_output_tokens,
      ...responses.asks[feature],
      ...stream,
    };
  },
  async call(body, isStream) {
    // As above.
    const params = body as unknown as OpenAI.Responses.ResponseCreateParamsNonStreaming;
    const answer = isStream
      ? await world.openai.responses.stream(params as never).finalResponse()
      : await world.openai.responses.create(params);
    const calls = answer.output.flatMap((item) => (item.type === 'function_call' ? [item] : []));
    const isCut = answer.status === 'incomplete' && answer.incomplete_details?.reason === 'max_output_tokens';
    return {
      text: answer.output_text,
      calls: calls.map((call) => ({ id: call.call_id, name: call.name, arguments: JSON.parse(call.arguments) })),
      finish: isCut ? 'length' : calls.length > 0 ? 'tools' : answer.status === 'completed' ? 'stop' : '',
      usage: reportedIn(JSON.stringify({ usage: answer.usage })) as Used,
      answers: 1,
      turn: answer.output,
    };
  },
  next: (body, { turn, calls }) => ({
    ...body,
    input: [
      ...(body.input as unknown[]),
      ...turn,
      ...calls.map(({ id }) => ({ type: 'function_call_output', call_id: id, output: '12 degrees' })),
    ],
  }),
};

const messagesTools = [{ name: 'weather', input_schema: PARAMETERS }];
const messages: ClientWire = {
  path: '/v1/messages',
  asks: {
    plain: {},
    tools: { tools: messagesTools, tool_choice: { type: 'auto' } },
    'parallel tools': { tools: messagesTools },
    'structured output': { output_config: { format: { type: 'json_schema', schema: SHAPE } } },
    images: {},
    reasoning: { thinking: { type: 'enabled', budget_tokens: 1_024 }, max_tokens: 3_000 },
    'cached tokens': {},
    stop: { stop_sequences: ['END'] },
    'n=2': undefined,
    'maximum reached': { max_tokens: 5 },
  },
  body(feature, model, isStream) {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } };
    const content = [{ type: 'text', text: asked(feature) }, ...(feature === 'images' ? [image] : [])];
    const stream = isStream ? { stream: true } : {};
    const told = [{ role: 'user', content }];
    return { model, system: 'Be brief.', messages: told, max_tokens: 64, ...messages.asks[feature], ...stream };
  },
  async call(body, isStream) {
    // As above.
    const params = body as unknown as Anthropic.MessageCreateParamsNonStreaming;
    const api = world.anthropic.messages;
    const answer = isStream ? await api.stream(params as never).finalMessage() : await api.create(params);
    const blocks = answer.content;
    return {
      text: blocks.map((block) => (block.type === 'text' ? block.text : '')).join(''),
      calls: blocks.flatMap((block) =>
        block.type === 'tool_use' ? [{ id: block.id, name: block.name, arguments: block.input }] : [],
      ),
      finish: { end_turn: 'stop', max_tokens: 'length', tool_use: 'tools' }[String(answer.stop_reason)] ?? '',
      usage: reportedIn(JSON.stringify({ usage: answer.usage })) as Used,
      answers: 1,
      turn: [{ role: 'assistant', content: answer.content }],
    };
  },
  next: (body, { turn, calls }) => ({
    ...body,
    messages: [
      ...(body.messages as unknown[]),
      ...turn,
      {
        role: 'user',
        content: calls.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: '12 degrees' })),
      },
    ],
  }),
};

const CLIENTS = { chat, responses, messages };
type Client = keyof typeof CLIENTS;
const FEATURES = Object.keys(BEHAVIOURS) as Feature[];

/** What the two languages cannot say to each other; everything else works. */
const REFUSED: Readonly<Partial<Record<`${Client} → ${Kind}: ${Feature}`, string>>> = {
  'chat → anthropic: n=2': '422 models.not-translatable /n',
};

const providerWire = (kind: Kind, client: Client): Client =>
  kind === 'anthropic' ? 'messages' : kind === 'openai' && client !== 'messages' ? client : 'chat';

interface Cell {
  readonly client: Client;
  readonly kind: Kind;
  readonly feature: Feature;
  readonly isStream: boolean;
}

/** Sends a body, and holds the answer against what the provider, the headers and the books say. */
async function exchange({ client, kind, feature, isStream }: Cell, body: Record<string, unknown>): Promise<Seen> {
  const before = await world.spent();
  const seen = await CLIENTS[client].call(body, isStream);
  const { headers } = world.last;
  const text = await world.last.text;
  const sent = world.lastRequest();
  const call = await world.history(headers.get('x-guildhall-call') ?? '');
  const isSame = providerWire(kind, client) === client;
  if (isSame) expect(differenceOf(text, sent.sent)).toBe('');
  if (isSame && feature === 'plain') {
    const { stream_options, ...others } = body;
    const asked = kind === 'mistral' || stream_options === undefined ? {} : { stream_options };
    expect(sent.body).toEqual({ ...others, ...asked, model: 'matrix' });
  }

  const used = reportedIn(sent.sent) as Used;
  const long = kind === 'anthropic' && client !== 'messages' ? 0 : used.cacheWriteLong;
  expect(seen.usage).toEqual({ ...used, cacheWriteLong: long });
  const images = feature === 'images' ? 1 : 0;
  const cost = withMarkup(providerAsks(used, images));
  expect(call).toMatchObject({
    status: 'succeeded',
    model: `${kind}/matrix`,
    input_tokens: String(used.input),
    cached_tokens: String(used.cached),
    cache_write_tokens: String(used.cacheWrite),
    cache_write_long_tokens: String(used.cacheWriteLong),
    output_tokens: String(used.output),
    reasoning_tokens: String(used.reasoning),
    images: String(images),
    counted: false,
    cost_nanos: cost.toString(),
    provider_cost_nanos: providerAsks(used, images).toString(),
    loss_nanos: '0',
  });
  expect((await world.spent()) - before).toBe(cost);
  const [usage] = await world.rows<{ cost: string }>(
    `select cost_nanos as cost from metering.usage where source = 'gateway' and id = $1`,
    [call.id],
  );
  expect(usage?.cost).toBe(cost.toString());
  const told = ['model', 'attempts', 'cache', 'hold-nanos', 'cost-nanos'].map((name) =>
    headers.get(`x-guildhall-${name}`),
  );
  expect(told).toEqual([`${kind}/matrix`, '1', 'off', call.hold_nanos, isStream ? null : cost.toString()]);
  expect(BigInt(call.hold_nanos)).toBeGreaterThanOrEqual(cost);
  return seen;
}

function assertFeature({ feature }: Cell, seen: Seen): void {
  const { text, calls, finish, answers } = seen;
  if (feature === 'tools') expect(calls).toMatchObject([{ name: 'weather', arguments: { city: 'Köln' } }]);
  else if (feature === 'parallel tools')
    expect(calls.map((call) => call.arguments)).toEqual([{ city: 'Köln' }, { city: 'Oslo' }]);
  else if (feature === 'structured output') expect(JSON.parse(text)).toEqual({ name: 'mock', age: 1 });
  else expect(text.trim().split(' ')).toHaveLength(feature === 'maximum reached' ? 5 : 16);
  const isCalling = feature === 'tools' || feature === 'parallel tools';
  expect(finish).toBe(isCalling ? 'tools' : feature === 'maximum reached' ? 'length' : 'stop');
  if (feature === 'reasoning') expect(seen.usage.reasoning).toBe(7);
  if (feature === 'cached tokens') expect(seen.usage).toMatchObject({ input: 300, cached: 100, cacheWrite: 50 });
  expect(answers).toBe(feature === 'n=2' ? 2 : 1);
}

/** What the provider was told in its own words. */
function assertAsked({ feature }: Cell, raw: string): void {
  if (feature === 'stop') expect(raw).toContain('"END"');
  if (feature === 'images') expect(raw).toContain(PIXEL);
  if (feature === 'reasoning') expect(raw).toMatch(/"effort":"low"|"reasoning_effort":"low"|"thinking"/);
  expect(raw).toContain('Be brief.');
}

/** `ok`, or the refusal. */
async function tryCell(cell: Cell): Promise<string> {
  const { client, kind, feature, isStream } = cell;
  const wire = CLIENTS[client];
  const body = wire.body(feature, `${kind}/matrix`, isStream);
  const behaviour = BEHAVIOURS[feature];
  const before = world.mock.stats().requests;
  // Mistral tells the usage of a stream unasked, and refuses to be asked.
  const told = kind === 'mistral' ? ({ usage: 'unasked' } as const) : {};
  const isLoop = behaviour.toolCalls !== undefined;
  if (REFUSED[`${client} → ${kind}: ${feature}`] === undefined)
    world.mock.behave({ ...behaviour, ...told }, ...(isLoop ? [told] : []));
  try {
    const seen = await exchange(cell, body);
    assertFeature(cell, seen);
    assertAsked(cell, world.lastRequest().raw);
    if (seen.calls.length === 0) return 'ok';
    const last = await exchange(cell, wire.next(body, seen));
    expect(last.text.trim().split(' ')).toHaveLength(16);
    for (const { id } of seen.calls) expect(world.lastRequest().raw).toContain(id);
    return 'ok';
  } catch (error) {
    const problem = error as { status?: number; code?: string; error?: { code?: string; errors?: { path: string }[] } };
    if (problem.status === undefined || world.mock.stats().requests !== before) throw error;
    return `${problem.status} ${problem.code ?? problem.error?.code} ${problem.error?.errors?.[0]?.path ?? asText(problem.error)}`;
  }
}

describe.each(Object.keys(CLIENTS) as Client[])('a client of %s', (client) => {
  const features = FEATURES.filter((feature) => CLIENTS[client].asks[feature] !== undefined);
  it.each(KINDS)(
    'is served by %s, or told why not',
    async (kind) => {
      const cells = features.flatMap((feature) =>
        [false, true].map((isStream) => ({ client, kind, feature, isStream })),
      );
      const outcomes: Record<string, string> = {};
      for (const cell of cells)
        outcomes[`${cell.feature}${cell.isStream ? ', streamed' : ''}`] = await tryCell(cell).catch((error: Error) => {
          throw new Error(`${client} → ${kind}: ${cell.feature}${cell.isStream ? ', streamed' : ''}`, { cause: error });
        });
      const expected = cells.map(({ feature, isStream }) => [
        `${feature}${isStream ? ', streamed' : ''}`,
        REFUSED[`${client} → ${kind}: ${feature}`] ?? 'ok',
      ]);
      expect(outcomes).toEqual(Object.fromEntries(expected));
      expect(await world.findings()).toEqual([]);
    },
    60_000,
  );
});

describe('embeddings', () => {
  const kinds = KINDS.filter((kind) => kind !== 'anthropic');
  it.each(kinds)('of %s come for one text, several and tokens, byte for byte', async (kind) => {
    for (const input of ['one', ['two', 'three'], [1, 2, 3], [[1, 2], [3]]]) {
      const before = await world.spent();
      const made = await world.openai.embeddings.create({ model: `${kind}/embed`, input, encoding_format: 'float' });
      expect(made.data).toHaveLength(typeof input === 'string' || typeof input[0] === 'number' ? 1 : 2);
      expect(differenceOf(await world.last.text, world.lastRequest().sent)).toBe('');
      const cost = withMarkup(up(BigInt(made.usage.prompt_tokens) * 1_000_000_007n, 1_000_000n) + PER_REQUEST);
      expect((await world.spent()) - before).toBe(cost);
    }
    expect(await world.findings()).toEqual([]);
  });

  it('are not made by anthropic', async () => {
    const refused = world.openai.embeddings.create({ model: 'anthropic/matrix', input: 'one' });
    await expect(refused).rejects.toMatchObject({ status: 422, code: 'models.no-embeddings' });
  });
});
