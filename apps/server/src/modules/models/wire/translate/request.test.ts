/** Requests in the provider's words: what is carried, what is harmless, what is refused. */
import type Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { GuildhallError } from '../../../../platform/errors/index.ts';
import { toProvider } from '../index.ts';
import type { ForProvider, JsonObject, Wire } from '../types.ts';

const png = 'data:image/png;base64,AAAA';
const pdf = 'data:application/pdf;base64,BBBB';
const schema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};
const at: ForProvider = { model: 'theirs' };
/** Types of the clients' bodies allow more than JSON does. */
const plain = (body: object): JsonObject => JSON.parse(JSON.stringify(body));
const turned = (client: Wire, provider: Wire, body: object, target = at): JsonObject =>
  plain(toProvider(client, provider, plain(body), target));

const chat = {
  model: 'ours',
  messages: [
    { role: 'developer', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Look' },
        { type: 'image_url', image_url: { url: png } },
        { type: 'image_url', image_url: { url: 'https://a.example/b.png' } },
        { type: 'file', file: { filename: 'a.pdf', file_data: pdf } },
      ],
    },
    {
      role: 'assistant',
      content: '',
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Köln"}' } },
        { id: 'b', type: 'function', function: { name: 'weather', arguments: '' } },
      ],
    },
    { role: 'tool', tool_call_id: 'a', content: 'rain' },
    { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: 'sun' }] },
    { role: 'user', content: 'And?' },
    { role: 'system', content: 'Be kind.' },
  ],
  tools: [
    { type: 'function', function: { name: 'weather', description: 'Tells', parameters: schema, strict: true } },
    { type: 'function', function: { name: 'now' } },
  ],
  tool_choice: 'required',
  parallel_tool_calls: false,
  response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
  max_completion_tokens: 3000,
  stop: 'END',
  temperature: 0.5,
  top_p: 0.9,
  user: 'u1',
  stream: true,
  seed: 4,
  n: 1,
} satisfies OpenAI.ChatCompletionCreateParams;

const messages: JsonObject = {
  model: 'theirs',
  max_tokens: 3000,
  system: [
    { type: 'text', text: 'Be brief.' },
    { type: 'text', text: 'Be kind.' },
  ],
  messages: [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Look' },
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
        { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } },
        { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'BBBB' }, title: 'a.pdf' },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'tool_use', id: 'a', name: 'weather', input: { city: 'Köln' } },
        { type: 'tool_use', id: 'b', name: 'weather', input: {} },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'a', content: 'rain' },
        { type: 'tool_result', tool_use_id: 'b', content: [{ type: 'text', text: 'sun' }] },
        { type: 'text', text: 'And?' },
      ],
    },
  ],
  tools: [
    { name: 'weather', description: 'Tells', input_schema: schema, strict: true },
    { name: 'now', input_schema: { type: 'object', properties: {} } },
  ],
  tool_choice: { type: 'any', disable_parallel_tool_use: true },
  output_config: { format: { type: 'json_schema', schema } },
  stop_sequences: ['END'],
  temperature: 0.5,
  top_p: 0.9,
  metadata: { user_id: 'u1' },
  stream: true,
};

test('a chat body says everything in the words of Anthropic', () => {
  expect(turned('chat', 'messages', chat)).toEqual(messages);
});

test('a body of Anthropic says everything in the words of chat', () => {
  expect(turned('messages', 'chat', messages, { model: 'theirs', kind: 'mistral' })).toEqual({
    model: 'theirs',
    messages: [
      { role: 'system', content: 'Be brief.\n\nBe kind.' },
      chat.messages[1],
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          chat.messages[2]?.tool_calls?.[0],
          { id: 'b', type: 'function', function: { name: 'weather', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: 'rain' },
      { role: 'tool', tool_call_id: 'b', content: 'sun' },
      { role: 'user', content: 'And?' },
    ],
    max_tokens: 3000,
    tools: [
      chat.tools[0],
      { type: 'function', function: { name: 'now', parameters: { type: 'object', properties: {} } } },
    ],
    tool_choice: 'required',
    parallel_tool_calls: false,
    response_format: chat.response_format,
    stop: ['END'],
    temperature: 0.5,
    top_p: 0.9,
    stream: true,
  });
});

test("errors and pictures in Anthropic's results are told to a provider of chat", () => {
  const picture = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
  const content = [
    { type: 'tool_result', tool_use_id: 'a', is_error: true, content: 'no such city' },
    { type: 'tool_result', tool_use_id: 'b', content: [{ type: 'text', text: 'a map' }, picture] },
  ];
  expect(
    turned('messages', 'chat', { ...messages, system: undefined, messages: [{ role: 'user', content }] }).messages,
  ).toEqual([
    { role: 'tool', tool_call_id: 'a', content: 'Error: no such city' },
    { role: 'tool', tool_call_id: 'b', content: 'a map' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What the tool call b returned beside its text:' },
        { type: 'image_url', image_url: { url: png } },
      ],
    },
  ]);
});

const responses = {
  model: 'ours',
  instructions: 'Be brief.',
  input: [
    {
      role: 'user',
      content: [
        { type: 'input_text', text: 'Look' },
        { type: 'input_image', image_url: png, detail: 'low' },
      ],
    },
    { type: 'reasoning', id: 'rs_1', summary: [] },
    {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'I look.', annotations: [] }],
    },
    { type: 'function_call', call_id: 'a', name: 'weather', arguments: '{"city":"Köln"}' },
    { type: 'function_call', call_id: 'b', name: 'weather', arguments: '{}' },
    {
      type: 'function_call_output',
      call_id: 'a',
      output: [
        { type: 'input_text', text: 'rain' },
        { type: 'input_image', image_url: png, detail: 'auto' },
      ],
    },
    { type: 'function_call_output', call_id: 'b', output: 'sun' },
    { role: 'user', content: 'And?' },
  ],
  tools: [{ type: 'function', name: 'weather', description: 'Tells', parameters: schema, strict: true }],
  tool_choice: { type: 'function', name: 'weather' },
  text: { format: { type: 'json_schema', name: 'answer', schema, strict: true } },
  max_output_tokens: 3000,
  reasoning: { effort: 'low', summary: 'auto' },
  store: false,
  include: ['reasoning.encrypted_content'],
} satisfies OpenAI.Responses.ResponseCreateParams;

test('a Responses body says everything in the words of chat; results keep to their calls', () => {
  expect(turned('responses', 'chat', responses)).toEqual({
    model: 'theirs',
    messages: [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look' },
          { type: 'image_url', image_url: { url: png, detail: 'low' } },
        ],
      },
      {
        role: 'assistant',
        content: 'I look.',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Köln"}' } },
          { id: 'b', type: 'function', function: { name: 'weather', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: 'rain' },
      { role: 'tool', tool_call_id: 'b', content: 'sun' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What the tool call a returned beside its text:' },
          { type: 'image_url', image_url: { url: png, detail: 'auto' } },
        ],
      },
      { role: 'user', content: 'And?' },
    ],
    max_completion_tokens: 3000,
    tools: [
      { type: 'function', function: { name: 'weather', description: 'Tells', parameters: schema, strict: true } },
    ],
    tool_choice: { type: 'function', function: { name: 'weather' } },
    response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
    reasoning_effort: 'low',
  });
});

test('a Responses body reaches Anthropic by way of chat', () => {
  const body = turned('responses', 'messages', responses, { model: 'claude-sonnet-5', outputMax: 2000 });
  expect(body).toMatchObject({
    model: 'claude-sonnet-5',
    max_tokens: 2000,
    system: [{ type: 'text', text: 'Be brief.' }],
    tool_choice: { type: 'tool', name: 'weather' },
    thinking: { type: 'adaptive' },
    output_config: { effort: 'low', format: { type: 'json_schema', schema } },
  } satisfies Partial<Anthropic.MessageCreateParams>);
});

describe('effort of reasoning', () => {
  const ask = (model: string, effort: string, limit = 20_000): JsonObject =>
    turned(
      'chat',
      'messages',
      { model: 'x', messages: [{ role: 'user', content: 'hi' }], reasoning_effort: effort, max_tokens: limit },
      { model },
    );
  test.each([
    ['claude-sonnet-4-5-20250929', 'low', 2048],
    ['claude-3-7-sonnet-latest', 'high', 16_384],
    ['claude-opus-4-20250514', 'max', 19_999],
    ['claude-haiku-4-5', 'minimal', 1024],
    ['claude-opus-4-1', 'medium', 8192],
  ])('%s takes a budget for %s', (model, effort, budget) => {
    expect(ask(model, effort)).toMatchObject({ thinking: { type: 'enabled', budget_tokens: budget } });
    expect(ask(model, effort)).not.toHaveProperty('output_config');
  });

  test.each([
    ['claude-opus-4-6', 'minimal', 'low'],
    ['claude-sonnet-5', 'max', 'max'],
    ['claude-haiku-5-5', 'xhigh', 'xhigh'],
    ['claude-opus-4-10', 'high', 'high'],
    ['claude-haiku-5-3', 'low', 'low'],
  ])('%s decides itself and takes %s as an effort', (model, effort, said) => {
    expect(ask(model, effort)).toMatchObject({ thinking: { type: 'adaptive' }, output_config: { effort: said } });
  });

  test('what OpenAI has encrypted is nothing that Anthropic is given', () => {
    const input = [
      { role: 'user', content: 'hi' },
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAAABo' },
      { role: 'assistant', content: 'so' },
    ];
    expect(turned('responses', 'messages', { model: 'x', input }).messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'so' }] },
    ]);
  });

  test('texts that say nothing are left out, since Anthropic refuses them', () => {
    const empty = {
      role: 'user',
      content: [
        { type: 'text', text: '' },
        { type: 'text', text: 'hi' },
      ],
    };
    expect(
      turned('chat', 'messages', { model: 'x', messages: [empty, { role: 'assistant', content: '' }] }).messages,
    ).toEqual([{ role: 'user', content: [{ type: 'text', text: 'hi' }] }]);
  });

  test('an answer too short to think in is refused', () => {
    expect(() => ask('claude-sonnet-4-5', 'low', 1024)).toThrow(GuildhallError);
  });

  test('none turns thought off', () => {
    expect(ask('claude-opus-4-6', 'none')).toMatchObject({ thinking: { type: 'disabled' } });
  });

  test('a round of tools whose thought was not sent back goes on without thought', () => {
    const body = { ...chat, reasoning_effort: 'low', messages: chat.messages.slice(0, 5) };
    expect(turned('chat', 'messages', body, { model: 'claude-sonnet-4-5' })).not.toHaveProperty('thinking');
    const details = [{ type: 'reasoning.text', text: 'hm', signature: 'c2ln', index: 0 }];
    const kept = body.messages.map((each) =>
      each.role === 'assistant' ? { ...each, reasoning_details: details } : each,
    );
    const sent = turned('chat', 'messages', { ...body, messages: kept }, { model: 'claude-sonnet-4-5' });
    expect(sent).toMatchObject({ thinking: { type: 'enabled' } });
    expect(sent.messages).toMatchObject([
      {},
      { content: [{ type: 'thinking', thinking: 'hm', signature: 'c2ln' }, {}, {}] },
      {},
    ]);
  });

  test.each([
    [{ thinking: { type: 'enabled', budget_tokens: 2048 } }, 'low'],
    [{ thinking: { type: 'enabled', budget_tokens: 8192 } }, 'medium'],
    [{ thinking: { type: 'enabled', budget_tokens: 30_000 } }, 'high'],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'max' } }, 'xhigh'],
    [{ thinking: { type: 'adaptive' } }, undefined],
    [{ thinking: { type: 'disabled' } }, undefined],
  ])('%j of Anthropic is the effort %s of chat', (change, effort) => {
    expect(turned('messages', 'chat', { ...messages, ...change, tools: undefined }).reasoning_effort).toBe(effort);
  });
});

describe('the same wire', () => {
  test('nothing changes but the name of the model', () => {
    const body = { ...chat, stream: false, unknown: { a: [1] } };
    expect(turned('chat', 'chat', body)).toEqual(plain({ ...body, model: 'theirs' }));
    expect(turned('messages', 'messages', messages)).toEqual(messages);
  });

  test('a stream of chat asks for its usage and keeps its other options', () => {
    expect(turned('chat', 'chat', { ...chat, stream_options: { include_obfuscation: false } }).stream_options).toEqual({
      include_obfuscation: false,
      include_usage: true,
    });
  });

  test('what Mistral does not know is said otherwise or left out', () => {
    const body = {
      model: 'x',
      stream: true,
      stream_options: { include_usage: true },
      user: 'u',
      max_completion_tokens: 9,
    };
    expect(turned('chat', 'chat', body, { model: 'y', kind: 'mistral' })).toEqual({
      model: 'y',
      stream: true,
      max_tokens: 9,
    });
  });

  test.each([
    ['chat', 'openai', { max_completion_tokens: 7 }],
    ['chat', 'mistral', { max_tokens: 7 }],
    ['responses', 'openai', { max_output_tokens: 7 }],
    ['messages', 'anthropic', { max_tokens: 7 }],
  ] as const)('a limit for %s at %s is written in its words', (wire, kind, limit) => {
    const body = { model: 'x', max_tokens: 9, max_completion_tokens: 9 };
    const sent = turned(wire, wire, wire === 'chat' ? body : { model: 'x' }, { model: 'y', kind, outputMax: 7 });
    expect(sent).toEqual({ model: 'y', ...limit });
  });
});

function refusedAt(client: Wire, provider: Wire, body: object): readonly string[] {
  try {
    toProvider(client, provider, plain(body), at);
  } catch (error) {
    if (!(error instanceof GuildhallError)) throw error;
    expect(error.spec).toMatchObject({ code: 'models.not-translatable', status: 422 });
    return (error.details.errors ?? []).map(({ path }) => path);
  }
  return [];
}

describe('what the other wire cannot say is refused, not left out', () => {
  const user = (part: object): object => ({ messages: [{ role: 'user', content: [part] }] });
  test.each<[client: Wire, provider: Wire, change: object, path: string]>([
    ['chat', 'messages', { n: 2 }, '/n'],
    ['chat', 'messages', { logprobs: true }, '/logprobs'],
    ['chat', 'messages', { temperature: 1.5 }, '/temperature'],
    ['chat', 'messages', { frequency_penalty: 0.5 }, '/frequency_penalty'],
    ['chat', 'messages', { logit_bias: { 5: 1 } }, '/logit_bias'],
    ['chat', 'messages', { store: true }, '/store'],
    ['chat', 'messages', { response_format: { type: 'json_object' } }, '/response_format'],
    ['chat', 'messages', { functions: [] }, '/functions'],
    ['chat', 'messages', { never_heard_of: 1 }, '/never_heard_of'],
    ['chat', 'messages', { constructor: 1 }, '/constructor'],
    ['chat', 'messages', { reasoning_effort: 'huge' }, '/reasoning_effort'],
    ['chat', 'messages', { tools: [{ type: 'custom', custom: { name: 'c' } }] }, '/tools/0'],
    ['chat', 'messages', user({ type: 'input_audio', input_audio: {} }), '/messages/0/content/0'],
    [
      'chat',
      'messages',
      user({ type: 'image_url', image_url: { url: 'http://a.example/b.png' } }),
      '/messages/0/content/0/image_url/url',
    ],
    ['chat', 'messages', user({ type: 'file', file: { file_id: 'f' } }), '/messages/0/content/0/file'],
    ['chat', 'messages', user({ type: { toString: 1 } }), '/messages/0/content/0'],
    [
      'chat',
      'messages',
      { messages: [{ role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{' } }] }] },
      '/messages/0/tool_calls/0/function/arguments',
    ],
    ['messages', 'chat', { top_k: 5 }, '/top_k'],
    ['messages', 'chat', { mcp_servers: [] }, '/mcp_servers'],
    ['messages', 'chat', { tools: [{ type: 'bash_20250124', name: 'bash' }] }, '/tools/0'],
    [
      'messages',
      'chat',
      user({ type: 'image', source: { type: 'file', file_id: 'f' } }),
      '/messages/0/content/0/source',
    ],
    ['messages', 'chat', user({ type: 'search_result' }), '/messages/0/content/0'],
    ['responses', 'chat', { previous_response_id: 'r' }, '/previous_response_id'],
    ['responses', 'chat', { background: true }, '/background'],
    ['responses', 'chat', { store: true }, '/store'],
    ['responses', 'chat', { conversation: 'c' }, '/conversation'],
    ['responses', 'chat', { tools: [{ type: 'web_search' }] }, '/tools/0'],
    ['responses', 'chat', { include: ['web_search_call.results'] }, '/include'],
    ['responses', 'chat', { truncation: 'auto' }, '/truncation'],
    ['responses', 'chat', { input: [{ type: 'item_reference', id: 'x' }] }, '/input/0'],
    ['responses', 'messages', { text: { verbosity: 'low' } }, '/verbosity'],
  ])('%s to %s: %j', (client, provider, change, path) => {
    const body = { chat, messages, responses: { model: 'x', input: 'hi' }, embeddings: {} }[client];
    expect(refusedAt(client, provider, { ...body, ...change })).toEqual([path]);
  });

  test('everything is named at once', () => {
    expect(refusedAt('chat', 'messages', { ...chat, n: 2, logprobs: true, audio: {} })).toEqual([
      '/n',
      '/logprobs',
      '/audio',
    ]);
  });

  test('a way that there is not is said so', () => {
    expect(() => toProvider('embeddings', 'messages', {}, at)).toThrow(GuildhallError);
  });
});
