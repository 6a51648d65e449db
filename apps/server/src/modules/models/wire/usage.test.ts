/** Usage: what providers report, and what is too absurd to charge. */
import { expect, test } from 'vitest';
import { chatAnswer, messagesAnswer, usage } from './fixture.ts';
import { readUsage } from './index.ts';
import type { Wire } from './types.ts';

const responses = {
  input_tokens: 1200,
  input_tokens_details: { cached_tokens: 1024 },
  output_tokens: 80,
  output_tokens_details: { reasoning_tokens: 64 },
  total_tokens: 1280,
};

test.each<[what: string, wire: Wire, reported: object, read: object]>([
  ['OpenAI', 'chat', chatAnswer.usage, usage],
  ['Responses', 'responses', responses, usage],
  ['Anthropic, whose input leaves the cache out', 'messages', messagesAnswer.usage, { ...usage, cacheWrite: 76 }],
  [
    'Anthropic, which keeps a part for an hour',
    'messages',
    {
      input_tokens: 10,
      cache_creation_input_tokens: 90,
      cache_creation: { ephemeral_5m_input_tokens: 50, ephemeral_1h_input_tokens: 40 },
      output_tokens: 1,
    },
    { input: 100, cacheWrite: 90, cacheWriteLong: 40 },
  ],
  ['an embedding', 'embeddings', { prompt_tokens: 8, total_tokens: 8 }, { input: 8, output: 0 }],
  ['the least', 'chat', { prompt_tokens: 3, completion_tokens: 4 }, { input: 3, output: 4, cached: 0, reasoning: 0 }],
  [
    'thought that stands in the total alone',
    'chat',
    { prompt_tokens: 10, completion_tokens: 5, total_tokens: 115 },
    { output: 105, reasoning: 100 },
  ],
  ['DeepSeek', 'chat', { prompt_tokens: 9, completion_tokens: 1, prompt_cache_hit_tokens: 8 }, { cached: 8 }],
  [
    'null for what there is none of',
    'chat',
    { prompt_tokens: 9, completion_tokens: 1, prompt_tokens_details: null },
    { input: 9 },
  ],
])('%s is read', (_what, wire, reported, read) => {
  expect(readUsage(wire, { usage: reported })).toMatchObject({ ...read, isCounted: false });
});

test.each<[what: string, wire: Wire, answer: unknown]>([
  ['no answer', 'chat', undefined],
  ['no usage', 'chat', {}],
  [
    'more kept for an hour than kept',
    'messages',
    {
      usage: {
        input_tokens: 1,
        output_tokens: 1,
        cache_creation_input_tokens: 5,
        cache_creation: { ephemeral_1h_input_tokens: 6 },
      },
    },
  ],
  ['usage that is null', 'chat', { usage: null }],
  ['no output', 'chat', { usage: { prompt_tokens: 5 } }],
  ['less than none', 'chat', { usage: { prompt_tokens: -1, completion_tokens: 1 } }],
  ['a fraction', 'messages', { usage: { input_tokens: 1.5, output_tokens: 1 } }],
  ['more than a thousand million', 'responses', { usage: { input_tokens: 1e10, output_tokens: 1 } }],
  ['text', 'chat', { usage: { prompt_tokens: '5', completion_tokens: 1 } }],
  [
    'more from the cache than was read',
    'chat',
    { usage: { prompt_tokens: 5, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 6 } } },
  ],
  [
    'more thought than output',
    'responses',
    { usage: { input_tokens: 1, output_tokens: 2, output_tokens_details: { reasoning_tokens: 3 } } },
  ],
  [
    'a cache that gave less than none',
    'messages',
    { usage: { input_tokens: 5, output_tokens: 1, cache_read_input_tokens: -4 } },
  ],
])('%s is no report', (_what, wire, answer) => {
  expect(readUsage(wire, answer)).toBeUndefined();
});
