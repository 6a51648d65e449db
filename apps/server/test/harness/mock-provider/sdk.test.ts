/** The official clients, unmodified, against the mock. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, afterEach, expect, test } from 'vitest';
import { startMockProvider } from './index.ts';
import { wordTokens } from './words.ts';

const mock = await startMockProvider();
const openai = new OpenAI({ baseURL: `${mock.url}/v1`, apiKey: 'sk-mock', maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: mock.url, apiKey: 'sk-ant-mock', maxRetries: 0 });

afterEach(() => mock.reset());
afterAll(() => mock.close());

test('a chat answer is read by the openai client', async () => {
  const answer = await openai.chat.completions.create({
    model: 'mock-chat',
    messages: [{ role: 'user', content: 'hi' }],
  });
  expect(answer.choices[0]?.message.content).toBe(wordTokens(16).join(''));
  expect(answer.usage).toMatchObject({ prompt_tokens: 8, completion_tokens: 16, total_tokens: 24 });
});

test('a message is read by the anthropic client', async () => {
  const answer = await anthropic.messages.create({
    model: 'mock-claude',
    max_tokens: 100,
    messages: [{ role: 'user', content: 'hi' }],
  });
  expect(answer.content).toMatchObject([{ type: 'text', text: wordTokens(16).join('') }]);
});
