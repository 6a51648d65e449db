/** What is not sold on the operator's key: each member is refused by its name, and what costs tokens alone is let through. */
import { expect, test } from 'vitest';
import type { Wire } from '../types.ts';
import { readRequest } from './index.ts';

const BODIES: Readonly<Record<Wire, object>> = {
  chat: { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
  responses: { model: 'm', input: 'hi' },
  messages: { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] },
  embeddings: { model: 'm', input: 'hi' },
};
const refused = (wire: Wire, more: object): readonly string[] =>
  readRequest(wire, { ...BODIES[wire], ...more }).ownAccountOnly.map(({ path }) => path);
const said = (...parts: object[]) => [{ role: 'user', content: parts }];

test.each<[what: string, wire: Wire, more: object, path: string]>([
  ['a dearer class of service', 'chat', { service_tier: 'priority' }, '/service_tier'],
  ['a search in the web', 'chat', { web_search_options: {} }, '/web_search_options'],
  ['speech', 'chat', { modalities: ['text', 'audio'] }, '/modalities'],
  ['another model than the priced one', 'chat', { models: ['dearer/model'] }, '/models'],
  ['a name from the prototype', 'chat', { constructor: 1 }, '/constructor'],
  ['sound', 'chat', { messages: said({ type: 'input_audio', input_audio: { data: 'AA' } }) }, '/messages/0/content/0'],
  ['a stored file', 'chat', { messages: said({ type: 'file', file: { file_id: 'f' } }) }, '/messages/0/content/0'],
  ['a stored answer', 'responses', { previous_response_id: 'resp_1' }, '/previous_response_id'],
  ['a stored item', 'responses', { input: [{ type: 'item_reference', id: 'x' }] }, '/input/0'],
  [
    'a stored picture in a result',
    'responses',
    { input: [{ type: 'function_call_output', call_id: 'c', output: [{ type: 'input_image', file_id: 'f' }] }] },
    '/input/0/output/0',
  ],
  ['an answer that nobody waits for', 'responses', { background: true }, '/background'],
  ['a tool of the provider', 'responses', { tools: [{ type: 'web_search' }] }, '/tools/0'],
  ['a tool of Anthropic', 'messages', { tools: [{ type: 'web_search_20250305', name: 'w' }] }, '/tools/0'],
  ['a faster answer', 'messages', { speed: 'fast' }, '/speed'],
  ['a place of computing', 'messages', { inference_geo: 'us' }, '/inference_geo'],
  [
    'a stored document',
    'messages',
    { messages: said({ type: 'document', source: { type: 'file', file_id: 'f' } }) },
    '/messages/0/content/0',
  ],
])('%s needs a key of one’s own', (_what, wire, more, path) => {
  expect(refused(wire, more)).toEqual([path]);
});

test.each<[what: string, wire: Wire, more: object]>([
  ['what is null', 'chat', { web_search_options: null, service_tier: null }],
  ['the usual class of service', 'chat', { service_tier: 'auto', store: false, modalities: ['text'] }],
  ['a function', 'chat', { tools: [{ type: 'function', function: { name: 'f' } }] }],
  ['a picture', 'chat', { messages: said({ type: 'image_url', image_url: { url: 'https://x' } }) }],
  ['a document', 'chat', { messages: said({ type: 'file', file: { file_data: 'data:application/pdf;base64,AA' } }) }],
  ['a tool without a type', 'messages', { tools: [{ name: 'f', input_schema: { type: 'object' } }] }],
  ['a tool that the client runs', 'messages', { tools: [{ type: 'bash_20250124', name: 'bash' }] }],
  ['a function', 'responses', { tools: [{ type: 'function', name: 'f' }], background: false }],
])('%s does not: %s', (_what, wire, more) => {
  expect(refused(wire, more)).toEqual([]);
});
