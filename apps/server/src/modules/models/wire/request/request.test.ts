/** Requests: what is refused before anything is held, and what is known of the rest. */
import { describe, expect, test } from 'vitest';
import { GuildhallError } from '../../../../platform/errors/index.ts';
import type { RequestFacts, Wire } from '../types.ts';
import { readRequest } from './index.ts';

const BODIES: Readonly<Record<Wire, object>> = {
  chat: { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
  responses: { model: 'm', input: 'hi' },
  messages: { model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] },
  embeddings: { model: 'm', input: 'hi' },
};

function refusal(
  wire: Wire,
  body: unknown,
): { code: string; status: number; path: string | undefined; detail: string } {
  try {
    readRequest(wire, body);
  } catch (error) {
    if (!(error instanceof GuildhallError)) throw error;
    const { spec, details } = error;
    return { code: spec.code, status: spec.status, path: details.errors?.[0]?.path, detail: details.detail ?? '' };
  }
  throw new Error('was not refused');
}

const tool = (parameters: unknown): object => ({ tools: [{ type: 'function', function: { name: 'f', parameters } }] });
const nested = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);

describe('refusals point at what is wrong', () => {
  test.each<[what: string, wire: Wire, path: string, change: object]>([
    ['no model', 'chat', '/model', { model: undefined }],
    ['an empty model', 'responses', '/model', { model: ' ' }],
    ['messages that are no list', 'chat', '/messages', { messages: 'hi' }],
    ['no messages', 'messages', '/messages', { messages: [] }],
    ['a message that is no object', 'chat', '/messages/0', { messages: ['hi'] }],
    ['an unknown role', 'chat', '/messages/0/role', { messages: [{ role: 'king', content: 'hi' }] }],
    ['content that is a number', 'chat', '/messages/0/content', { messages: [{ role: 'user', content: 5 }] }],
    ['n of 129', 'chat', '/n', { n: 129 }],
    ['n of 0', 'chat', '/n', { n: 0 }],
    ['n of a half', 'chat', '/n', { n: 0.5 }],
    ['max_tokens below 1', 'chat', '/max_tokens', { max_tokens: -1 }],
    ['max_tokens as text', 'messages', '/max_tokens', { max_tokens: '10' }],
    ['max_tokens beyond reason', 'chat', '/max_completion_tokens', { max_completion_tokens: 1e12 }],
    ['no max_tokens for Anthropic', 'messages', '/max_tokens', { max_tokens: undefined }],
    ['max_output_tokens of a half', 'responses', '/max_output_tokens', { max_output_tokens: 1.5 }],
    ['stream as text', 'chat', '/stream', { stream: 'yes' }],
    ['a stream of embeddings', 'embeddings', '/stream', { stream: true }],
    ['a schema that is a list', 'chat', '/tools/0/function/parameters', tool([])],
    [
      'a type that there is not',
      'chat',
      '/tools/0/function/parameters/properties/a~1b/type',
      tool({ type: 'object', properties: { 'a/b': { type: 'text' } } }),
    ],
    ['required that is no list', 'chat', '/tools/0/function/parameters/required', tool({ required: 'a' })],
    [
      'a keyword of the wrong kind',
      'chat',
      '/tools/0/function/parameters/properties/a/minLength',
      tool({ properties: { a: { minLength: -1 } } }),
    ],
    ['anyOf that is no list', 'chat', '/tools/0/function/parameters/anyOf', tool({ anyOf: {} })],
    [
      'items that are a number',
      'chat',
      '/tools/0/function/parameters/properties/a/items',
      tool({ properties: { a: { items: 3 } } }),
    ],
    ['a tool without a name', 'responses', '/tools/0/name', { tools: [{ type: 'function' }] }],
    ['a tool without a schema', 'messages', '/tools/0/input_schema', { tools: [{ name: 'f' }] }],
    [
      'the schema of an answer',
      'responses',
      '/text/format/schema',
      { text: { format: { type: 'json_schema', name: 'a', schema: 5 } } },
    ],
    ['half a surrogate pair', 'chat', '/messages/0/content', { messages: [{ role: 'user', content: 'a\ud83d' }] }],
    ['a NUL', 'responses', '/input', { input: 'a\0b' }],
    ['a NUL in a member nobody knows', 'chat', '/metadata/x', { metadata: { x: '\0' } }],
    ['nesting beyond reason', 'chat', `/deep${'/0'.repeat(99)}`, { deep: nested(50_000) }],
    ['no input', 'responses', '/input', { input: undefined }],
    ['an empty input', 'embeddings', '/input', { input: [] }],
    ['an empty text among inputs', 'embeddings', '/input/1', { input: ['a', ''] }],
    ['tokens that are no whole numbers', 'embeddings', '/input/1', { input: [[1, 2], [1.5]] }],
    ['too many inputs', 'embeddings', '/input', { input: Array.from({ length: 2049 }, () => 'a') }],
    ['a format that there is not', 'embeddings', '/encoding_format', { encoding_format: 'int8' }],
  ])('%s (%s at %s)', (_what, wire, path, change) => {
    expect(refusal(wire, { ...BODIES[wire], ...change })).toMatchObject({
      code: 'models.invalid-request',
      status: 400,
      path,
    });
  });

  test.each([null, 5, 'text', []])('a body that is %j', (body) => {
    expect(refusal('chat', body)).toMatchObject({ code: 'models.invalid-request', path: '' });
  });
});

describe('a body for another route names that route', () => {
  test.each<[wire: Wire, route: string, body: object]>([
    ['chat', '/v1/responses', BODIES.responses],
    ['messages', '/v1/responses', BODIES.responses],
    ['responses', '/v1/chat/completions', BODIES.chat],
    ['embeddings', '/v1/chat/completions', BODIES.chat],
    [
      'messages',
      '/v1/chat/completions',
      { ...BODIES.messages, messages: [{ role: 'tool', tool_call_id: 'a', content: 'b' }] },
    ],
    [
      'messages',
      '/v1/chat/completions',
      { ...BODIES.messages, tools: [{ type: 'function', function: { name: 'f' } }] },
    ],
    ['chat', '/v1/messages', { ...BODIES.chat, messages: [{ role: 'user', content: [{ type: 'tool_result' }] }] }],
    ['chat', '/v1/messages', { ...BODIES.chat, tools: [{ name: 'f', input_schema: { type: 'object' } }] }],
    ['responses', '/v1/chat/completions', { ...BODIES.responses, ...tool({}) }],
  ])('%s given what belongs to %s', (wire, route, body) => {
    expect(refusal(wire, body)).toMatchObject({ code: 'models.wrong-wire', status: 400 });
    expect(refusal(wire, body).detail).toContain(`POST ${route}`);
  });
});

describe('facts', () => {
  const image = 'data:image/png;base64,AAAA';
  test.each<[what: string, wire: Wire, change: object, facts: Partial<RequestFacts>]>([
    [
      'the least',
      'chat',
      {},
      {
        model: 'm',
        stream: false,
        n: 1,
        outputMax: undefined,
        texts: ['hi'],
        messages: 1,
        images: 0,
        sameWireOnly: [],
      },
    ],
    [
      'null says nothing',
      'chat',
      { n: null, max_tokens: null, stream: null, tools: null, response_format: null },
      { n: 1, stream: false, usesTools: false },
    ],
    ['the larger of two limits', 'chat', { max_tokens: 5, max_completion_tokens: 9, n: 3 }, { outputMax: 9, n: 3 }],
    [
      'usage asked for',
      'chat',
      { stream: true, stream_options: { include_usage: true } },
      { stream: true, includesUsage: true },
    ],
    [
      'tools are counted as they are written',
      'chat',
      tool({ type: 'object' }),
      { usesTools: true, texts: ['hi', JSON.stringify(Object.values(tool({ type: 'object' }))[0])] },
    ],
    [
      'a schema for the answer',
      'chat',
      { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: {} } } },
      { usesStructuredOutput: true, texts: ['hi', '{"name":"a","schema":{}}'] },
    ],
    [
      'images and files',
      'chat',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'see' },
              { type: 'image_url', image_url: { url: image } },
              { type: 'file', file: { file_data: 'AAAA' } },
            ],
          },
        ],
      },
      { texts: ['see'], images: 1, hasUnseenInput: true },
    ],
    [
      'a file that only the provider has',
      'chat',
      { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] }] },
      { hasUnseenInput: true },
    ],
    [
      'calls and results',
      'chat',
      {
        messages: [
          { role: 'assistant', content: null, tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{}' } }] },
          { role: 'tool', tool_call_id: 'a', content: 'done' },
        ],
      },
      { texts: ['f', '{}', 'done'], messages: 2 },
    ],
    [
      'what Anthropic alone has',
      'messages',
      { top_k: 5 },
      { sameWireOnly: [{ path: '/top_k', message: expect.any(String) }] },
    ],
    [
      'system, thought, calls and results',
      'messages',
      {
        system: [{ type: 'text', text: 'be' }],
        messages: [
          {
            role: 'assistant',
            content: [
              { type: 'thinking', thinking: 'hm', signature: 's' },
              { type: 'tool_use', id: 'a', name: 'f', input: { a: 1 } },
            ],
          },
          {
            role: 'user',
            content: [
              {
                type: 'tool_result',
                tool_use_id: 'a',
                content: [
                  { type: 'text', text: 'done' },
                  { type: 'image', source: {} },
                ],
              },
            ],
          },
        ],
      },
      { texts: ['be', 'hm', 'f', '{"a":1}', 'done'], images: 1, outputMax: 10 },
    ],
    [
      "Anthropic's own tools",
      'messages',
      { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
      { usesTools: true, hasUnseenInput: true },
    ],
    [
      'a stored conversation',
      'responses',
      { input: undefined, previous_response_id: 'resp_1', store: true },
      {
        hasUnseenInput: true,
        sameWireOnly: [
          { path: '/previous_response_id', message: expect.any(String) },
          { path: '/store', message: expect.any(String) },
        ],
      },
    ],
    [
      'items',
      'responses',
      {
        instructions: 'be',
        input: [
          {
            role: 'user',
            content: [
              { type: 'input_text', text: 'hi' },
              { type: 'input_image', image_url: image },
            ],
          },
          { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
          { type: 'function_call_output', call_id: 'a', output: 'done' },
        ],
      },
      { texts: ['be', 'hi', 'f', '{}', 'done'], images: 1, messages: 3 },
    ],
    ['texts to embed', 'embeddings', { input: ['a', 'b'] }, { embeddings: ['a', 'b'], texts: ['a', 'b'] }],
    ['one text in tokens', 'embeddings', { input: [1, 2, 3] }, { embeddings: [[1, 2, 3]], texts: [] }],
    ['several texts in tokens', 'embeddings', { input: [[1, 2], [3]] }, { embeddings: [[1, 2], [3]] }],
  ])('%s (%s)', (_what, wire, change, facts) => {
    expect(readRequest(wire, { ...BODIES[wire], ...change })).toMatchObject(facts);
  });
});
