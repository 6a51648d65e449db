/** Whatever comes in, what comes out is an answer or a GuildhallError. */
import { expect, test } from 'vitest';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { chatAnswer, chatStream, context, createRandom, cut, messagesAnswer, messagesStream } from './fixture.ts';
import {
  createStreamReader,
  createStreamTranslation,
  fromProvider,
  hasWay,
  readAnswer,
  readProviderError,
  readRequest,
  readUsage,
  toProvider,
} from './index.ts';
import type { JsonObject, Wire } from './types.ts';

const ROUNDS = 4000;
const WIRES: readonly Wire[] = ['chat', 'responses', 'messages', 'embeddings'];
type Random = ReturnType<typeof createRandom>;

const tool = {
  name: 'f',
  description: 'd',
  parameters: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
};
const BODIES: Readonly<Record<Wire, object>> = {
  chat: {
    model: 'm',
    messages: [
      { role: 'system', content: 'be' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
        reasoning_details: [{ type: 'reasoning.text', text: 'x', signature: 's' }],
      },
      { role: 'tool', tool_call_id: 'a', content: 'b' },
    ],
    tools: [{ type: 'function', function: tool }],
    tool_choice: { type: 'function', function: { name: 'f' } },
    response_format: { type: 'json_schema', json_schema: { name: 'a', schema: tool.parameters } },
    max_tokens: 2000,
    reasoning_effort: 'low',
    stream: true,
    stream_options: { include_usage: true },
  },
  responses: {
    model: 'm',
    instructions: 'be',
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'a' },
          { type: 'input_image', image_url: 'https://a.example/b' },
        ],
      },
      { type: 'reasoning', summary: [], encrypted_content: 'details:eyJkZXRhaWxzIjpbe31dfQ' },
      { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'a', output: [{ type: 'input_text', text: 'b' }] },
    ],
    tools: [{ type: 'function', ...tool }],
    text: { format: { type: 'json_schema', name: 'a', schema: tool.parameters } },
    reasoning: { effort: 'low' },
  },
  messages: {
    model: 'm',
    max_tokens: 2000,
    system: [{ type: 'text', text: 'be' }],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA' } },
          { type: 'document', source: { type: 'text', data: 'c' } },
        ],
      },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'b' }] }] },
    ],
    tools: [{ name: 'f', input_schema: tool.parameters }],
    tool_choice: { type: 'tool', name: 'f' },
    thinking: { type: 'enabled', budget_tokens: 1024 },
    output_config: { format: { type: 'json_schema', schema: {} } },
  },
  embeddings: { model: 'm', input: ['a', [1, 2]] },
};

const deep = (): unknown => JSON.parse(`${'{"a":['.repeat(1000)}1${']}'.repeat(1000)}`);
const HOSTILE: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => -1,
  () => 1e308,
  () => 0.5,
  () => '',
  () => '\0',
  () => '\ud800',
  () => '__proto__',
  () => 'constructor',
  () => 'data:image/png;base64,',
  () => [],
  () => [[]],
  () => [null],
  () => ({}),
  () => JSON.parse('{"toString":1,"valueOf":2,"toJSON":3,"length":4,"__proto__":{"x":1},"constructor":5,"then":6}'),
  () => ({ type: 'tool_result', content: { type: [] } }),
  deep,
];

const isNode = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** A copy with something hostile at a random place, or a member less. */
function broken(from: unknown, random: Random): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(from));
  for (let times = 1 + random(2); times > 0; times -= 1) {
    let node: unknown = copy;
    for (;;) {
      if (!isNode(node)) break;
      const keys = Object.keys(node);
      const key = keys[random(keys.length)];
      if (key === undefined) break;
      const child = node[key];
      if (isNode(child) && random(4) > 0) {
        node = child;
        continue;
      }
      if (random(5) === 0 && Array.isArray(node)) node.splice(Number(key), 1);
      else if (random(5) === 0 && !Array.isArray(node)) delete node[key];
      else node[key] = HOSTILE[random(HOSTILE.length)]?.();
      break;
    }
  }
  return copy;
}

/** What an attempt gave; undefined where it was refused as it should be. */
function attempt<T>(what: () => T): T | undefined {
  try {
    return what();
  } catch (error) {
    if (!(error instanceof GuildhallError)) throw error;
    return undefined;
  }
}

const ways = WIRES.flatMap((client) =>
  WIRES.filter((provider) => hasWay(client, provider)).map((provider) => ({ client, provider })),
);

test.each(WIRES)('no body of %s breaks anything', (wire) => {
  const random = createRandom(21);
  for (let round = 0; round < ROUNDS; round += 1) {
    const body = broken(BODIES[wire], random);
    if (attempt(() => readRequest(wire, body)) === undefined) continue;
    // A body that was read is an object.
    const accepted = body as JsonObject;
    for (const { client, provider } of ways) {
      if (client !== wire) continue;
      const sent = attempt(() => toProvider(client, provider, accepted, { model: 'claude-sonnet-4-5' }));
      if (sent) expect(JSON.stringify(sent)).toContain('claude-sonnet-4-5');
    }
  }
});

test.each(ways)('no answer of $provider breaks anything for $client', ({ client, provider }) => {
  const random = createRandom(22);
  const answer = provider === 'messages' ? messagesAnswer : chatAnswer;
  for (let round = 0; round < ROUNDS / 4; round += 1) {
    const body = broken(answer, random);
    attempt(() => readUsage(provider, body));
    // Every change is made inside an object.
    attempt(
      () => fromProvider(provider, provider, body as JsonObject, context) && readAnswer(provider, body as JsonObject),
    );
    // Every change is made inside an object.
    const told = attempt(() => fromProvider(client, provider, body as JsonObject, context));
    if (told) expect(JSON.stringify(told)).toBeTypeOf('string');
    expect(readProviderError(provider, random(600), body).message).toBeTypeOf('string');
  }
});

function brokenStream(text: string, random: Random): string {
  return text
    .split('\n\n')
    .map((event) => {
      const at = event.indexOf('data: {');
      if (at < 0 || random(6) > 0) return event;
      return `${event.slice(0, at)}data: ${JSON.stringify(broken(JSON.parse(event.slice(at + 6)), random))}`;
    })
    .join('\n\n');
}

test.each(ways)('no stream of $provider breaks anything for $client', ({ client, provider }) => {
  const random = createRandom(23);
  const text = provider === 'messages' ? messagesStream() : chatStream();
  for (let round = 0; round < ROUNDS / 40; round += 1) {
    const bytes = Buffer.from(brokenStream(text, random));
    for (let flips = random(4); flips > 0; flips -= 1) bytes[random(bytes.length)] = random(256);
    attempt(() => {
      const stream = createStreamTranslation(client, provider, context);
      const reader = createStreamReader(provider);
      for (const piece of cut(bytes.subarray(0, random(2) === 0 ? random(bytes.length) : bytes.length), random)) {
        stream.push(piece);
        reader.push(piece);
      }
      stream.end();
      reader.end();
      expect(stream.reading).toEqual(reader.reading);
    });
  }
});
