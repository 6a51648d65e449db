/** Errors: what a provider's mean for us, and ours in the words of the official clients. */
import Anthropic from '@anthropic-ai/sdk';
import type { Problem } from '@guildhall/contract';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { errorBody, readProviderError } from './index.ts';
import type { ProviderError, Wire } from './types.ts';

const openaiError = (message: string, type: string | null, code: string | null): object => ({
  error: { message, type, param: null, code },
});
const anthropicError = (type: string, message: string): object => ({
  type: 'error',
  error: { type, message },
  request_id: 'req_9',
});

describe("a provider's error", () => {
  test.each<[what: string, status: number, body: unknown, is: Partial<ProviderError>]>([
    [
      'OpenAI, too many requests',
      429,
      openaiError('Rate limit reached for gpt-5 on tokens per min', 'tokens', 'rate_limit_exceeded'),
      { isRetryable: true, isSpendLimit: false, code: 'rate_limit_exceeded' },
    ],
    [
      'OpenAI, no money',
      429,
      openaiError(
        'You exceeded your current quota, please check your plan and billing details.',
        'insufficient_quota',
        'insufficient_quota',
      ),
      { isRetryable: false, isSpendLimit: true },
    ],
    [
      'Anthropic, a limit of the account inside a stream',
      0,
      {
        type: 'error',
        error: {
          type: 'rate_limit_error',
          message: 'The limit is reached.',
          details: { error_code: 'enforced_spend_limit_reached' },
        },
      },
      { isRetryable: false, isSpendLimit: true, status: 429 },
    ],
    [
      'OpenAI, too long',
      400,
      openaiError(
        "This model's maximum context length is 128000 tokens.",
        'invalid_request_error',
        'context_length_exceeded',
      ),
      { isContextLength: true, isRetryable: false },
    ],
    [
      'OpenAI, no such model',
      404,
      openaiError(
        'The model `gpt-9` does not exist or you do not have access to it.',
        'invalid_request_error',
        'model_not_found',
      ),
      { isModelMissing: true, isRetryable: false },
    ],
    [
      'OpenAI, wrong key',
      401,
      openaiError('Incorrect API key provided: sk-abcd1234.', 'invalid_request_error', 'invalid_api_key'),
      { isKeyRefused: true, message: 'The provider does not accept the key.' },
    ],
    [
      'Anthropic, overloaded',
      529,
      anthropicError('overloaded_error', 'Overloaded'),
      { isRetryable: true, code: 'overloaded_error' },
    ],
    [
      'Anthropic, no money',
      400,
      anthropicError('invalid_request_error', 'Your credit balance is too low to access the Anthropic API.'),
      { isSpendLimit: true, isRetryable: false },
    ],
    [
      'Anthropic, too long',
      400,
      anthropicError('invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
      { isContextLength: true },
    ],
    ['Anthropic, no such model', 404, anthropicError('not_found_error', 'model: claude-9'), { isModelMissing: true }],
    [
      'Google, a minute is full',
      429,
      [
        {
          error: {
            code: 429,
            message:
              'You exceeded your current quota. Quota exceeded for metric: requests per minute. Please retry in 3s.',
            status: 'RESOURCE_EXHAUSTED',
          },
        },
      ],
      { isRetryable: true, isSpendLimit: false },
    ],
    [
      'Google, wrong key',
      400,
      [
        {
          error: { code: 400, message: 'API key not valid. Please pass a valid API key.', status: 'INVALID_ARGUMENT' },
        },
      ],
      { isKeyRefused: true },
    ],
    [
      'OpenRouter, no money',
      402,
      { error: { code: 402, message: 'This request requires more credits' } },
      { isSpendLimit: true },
    ],
    [
      'OpenRouter, what its provider said',
      502,
      { error: { code: 502, message: 'Provider returned error', metadata: { raw: 'boom' } } },
      { isRetryable: true, message: 'Provider returned error: boom' },
    ],
    [
      'Mistral',
      422,
      { object: 'error', message: { detail: [{ msg: 'Field required' }] }, type: 'invalid_request_error' },
      { isRetryable: false, message: '{"detail":[{"msg":"Field required"}]}' },
    ],
    ['Ollama', 404, { error: 'model "llama9" not found, try pulling it first' }, { isModelMissing: true }],
    [
      'a page of a proxy',
      502,
      '<html>Bad Gateway</html>',
      { isRetryable: true, code: 'unknown', message: '<html>Bad Gateway</html>' },
    ],
    ['nothing', 500, '', { isRetryable: true, message: 'The provider answered 500 without saying why.' }],
    [
      'a name that every object has',
      500,
      openaiError('x', 'constructor', 'toString'),
      { status: 500, code: 'toString' },
    ],
    ['an event with a name that every object has', 0, anthropicError('constructor', 'x'), { status: 502 }],
    [
      'an event without a status',
      0,
      anthropicError('rate_limit_error', 'slow down'),
      { status: 429, isRetryable: true },
    ],
  ])('%s (%i)', (_what, status, body, is) => {
    expect(readProviderError('chat', status, body)).toMatchObject(is);
    expect(readProviderError('chat', status, typeof body === 'string' ? body : JSON.stringify(body))).toMatchObject(is);
  });

  test.each([
    'sk-proj-4fG7hJ2kL9mN1pQ3rS5tU7vW',
    'sk-ant-api03-AbCdEf123456',
    'AIzaSyD4fG7hJ2kL9mN1pQ3rS5tU7vW',
    'Bearer abc.def-123',
    'gsk_a1b2c3d4e5f6',
    '0a1b2c3d4e5f60718293a4b5c6d7e8f9',
  ])('the key %s does not come through in any error', (key) => {
    for (const status of [400, 403, 500]) {
      const { message, code } = readProviderError('chat', status, openaiError(`Bad header ${key}, sent`, key, null));
      expect(message).toMatch(/^Bad header \[removed\],? sent$/);
      expect(code).not.toContain(key.slice(-8));
    }
  });

  test('control characters and length are taken out', () => {
    const { message } = readProviderError(
      'chat',
      400,
      openaiError(`a\r\nx-evil: 1\u2028${'long '.repeat(1000)}`, null, null),
    );
    expect(message).toMatch(/^a x-evil: 1 long/);
    expect(message.length).toBeLessThanOrEqual(1000);
  });
});

const problem = (status: number): Problem => ({
  type: '/docs/reference/errors#budget.exceeded',
  title: 'The budget is used up.',
  status,
  code: 'budget.exceeded',
  detail: 'The budget of May is used up.',
  errors: [{ path: '/model', message: 'is dear' }],
  requestId: 'req_1',
  charged: { nanos: '0', currency: 'USD' },
  retryAfterSeconds: 7,
});

const serving = (wire: Wire, status: number) => async (): Promise<Response> =>
  Response.json(errorBody(wire, problem(status)), { status });

describe('our problems in the official clients', () => {
  test.each([
    [400, OpenAI.BadRequestError, Anthropic.BadRequestError, 'invalid_request_error'],
    [401, OpenAI.AuthenticationError, Anthropic.AuthenticationError, 'authentication_error'],
    [402, OpenAI.APIError, Anthropic.APIError, 'billing_error'],
    [403, OpenAI.PermissionDeniedError, Anthropic.PermissionDeniedError, 'permission_error'],
    [404, OpenAI.NotFoundError, Anthropic.NotFoundError, 'not_found_error'],
    [409, OpenAI.ConflictError, Anthropic.ConflictError, 'conflict_error'],
    [413, OpenAI.APIError, Anthropic.APIError, 'request_too_large'],
    [422, OpenAI.UnprocessableEntityError, Anthropic.UnprocessableEntityError, 'invalid_request_error'],
    [429, OpenAI.RateLimitError, Anthropic.RateLimitError, 'rate_limit_error'],
    [500, OpenAI.InternalServerError, Anthropic.InternalServerError, 'api_error'],
    [503, OpenAI.InternalServerError, Anthropic.InternalServerError, 'overloaded_error'],
  ])(
    '%i is thrown as the class that it belongs to, with everything we say',
    async (status, openaiClass, anthropicClass, type) => {
      const kept = {
        requestId: 'req_1',
        retryAfterSeconds: 7,
        charged: { nanos: '0' },
        title: 'The budget is used up.',
      };
      const openai = new OpenAI({ apiKey: 'none', maxRetries: 0, fetch: serving('chat', status) });
      const fromOpenai = openai.chat.completions.create({ model: 'm', messages: [] });
      await expect(fromOpenai).rejects.toBeInstanceOf(openaiClass);
      await expect(fromOpenai).rejects.toMatchObject({ status, code: 'budget.exceeded', param: '/model', error: kept });
      const anthropic = new Anthropic({ apiKey: 'none', maxRetries: 0, fetch: serving('messages', status) });
      const fromAnthropic = anthropic.messages.create({ model: 'm', max_tokens: 1, messages: [] });
      await expect(fromAnthropic).rejects.toBeInstanceOf(anthropicClass);
      await expect(fromAnthropic).rejects.toMatchObject({
        status,
        type,
        error: { request_id: 'req_1', error: { ...kept, type, code: 'budget.exceeded' } },
      });
    },
  );
});
