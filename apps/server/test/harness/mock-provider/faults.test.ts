/** Every fault, as a bare client sees it on the line. */
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { STATUS_FAULTS, startMockProvider } from './index.ts';
import { observe, until } from './observe.ts';

const mock = await startMockProvider();
const messages = [{ role: 'user', content: 'hi' }];
const ASKS = {
  chat: ['/v1/chat/completions', { model: 'mock-chat', messages }],
  responses: ['/v1/responses', { model: 'mock-chat', input: 'hi' }],
  messages: ['/v1/messages', { model: 'mock-claude', max_tokens: 1_000_000, messages }],
  embeddings: ['/v1/embeddings', { model: 'mock-embedding', input: 'hi', dimensions: 4 }],
} as const;
const PROMPTS = ['chat', 'responses', 'messages'] as const;
const STATUS = {
  'bad-request': 400,
  'context-length': 400,
  unauthorised: 401,
  forbidden: 403,
  'not-found': 404,
  'too-large': 413,
  'rate-limited': 429,
  'spend-limit': 429,
  'server-error': 500,
  'bad-gateway': 502,
  unavailable: 503,
  overloaded: 529,
};

function ask(wire: keyof typeof ASKS, stream: boolean, more: object = {}) {
  const [path, body] = ASKS[wire];
  return observe(`${mock.url}${path}`, { ...body, ...(stream ? { stream } : {}), ...more });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const outcome = () => mock.requests()[0]?.outcome;

afterEach(() => mock.reset());
afterAll(() => mock.close());

describe.each([...PROMPTS, 'embeddings'] as const)('on %s', (wire) => {
  test.each(STATUS_FAULTS)('%s has its status and a body of the house', async (fault) => {
    mock.behave({ fault });
    const { status, text, headers } = await ask(wire, false).done;
    expect(status).toBe(STATUS[fault]);
    expect(headers['retry-after']).toBeUndefined();
    expect(headers['x-mock-provider']).toBe('1');
    if (fault === 'bad-gateway') expect(text).toMatch(/^<html>/);
    else expect(JSON.parse(text)).toMatchObject({ error: { type: expect.any(String), message: expect.any(String) } });
  });

  test('hang never answers, and sees the client leave', async () => {
    mock.behave({ fault: 'hang' });
    const hanging = ask(wire, false);
    await until(() => mock.stats().requests === 1);
    hanging.leave();
    expect(await hanging.done).toMatchObject({ status: undefined, ending: 'broken' });
    await until(() => outcome() === 'cancelled');
  });

  test('reset ends the connection before any header', async () => {
    mock.behave({ fault: 'reset' });
    expect(await ask(wire, false).done).toMatchObject({ status: undefined, ending: 'broken' });
    expect(outcome()).toBe('broken');
  });

  test('empty is a 200 without a body', async () => {
    mock.behave({ fault: 'empty' });
    expect(await ask(wire, false).done).toMatchObject({ status: 200, text: '', ending: 'complete' });
  });

  test.each(['bad-json', 'truncated'] as const)('%s is a complete answer that is no JSON', async (fault) => {
    mock.behave({ fault });
    const { status, text, ending } = await ask(wire, false).done;
    expect({ status, ending }).toEqual({ status: 200, ending: 'complete' });
    expect(text).not.toBe('');
    expect(isJson(text)).toBe(false);
  });

  test('wrong-shape is JSON of another kind', async () => {
    mock.behave({ fault: 'wrong-shape' });
    expect(JSON.parse((await ask(wire, false).done).text)).toHaveProperty('ok');
  });

  test('error-event is a 200 with an error in it', async () => {
    mock.behave({ fault: 'error-event' });
    const { status, text } = await ask(wire, false).done;
    expect(status).toBe(200);
    expect(JSON.parse(text)).toHaveProperty('error.message');
  });

  test.each(['cut', 'cut-in-line', 'cut-in-character'] as const)('%s breaks the body off', async (fault) => {
    mock.behave({ fault });
    const { status, text, ending } = await ask(wire, false).done;
    expect({ status, ending }).toEqual({ status: 200, ending: 'broken' });
    expect(text).not.toBe('');
    expect(outcome()).toBe('broken');
  });

  test('stall leaves half a body and an open connection', async () => {
    mock.behave({ fault: 'stall' });
    const stalled = ask(wire, false);
    expect(isJson(String(await stalled.firstBytes))).toBe(false);
    expect(outcome()).toBe('open');
    stalled.leave();
    await until(() => outcome() === 'cancelled');
  });

  test('drip sends one byte, and the next a second later', async () => {
    mock.behave({ fault: 'drip' });
    const dripping = ask(wire, false);
    expect((await dripping.firstBytes)?.length).toBe(1);
    dripping.leave();
    expect((await dripping.done).bytes.length).toBe(1);
  });

  test('endless sends until the client leaves', async () => {
    mock.behave({ fault: 'endless' });
    const endless = ask(wire, false);
    await until(() => mock.stats().bytesOut > 1_000_000);
    endless.leave();
    await until(() => outcome() === 'cancelled');
  });
});

describe.each(PROMPTS)('in a stream of %s', (wire) => {
  test('cut ends the connection after so many tokens', async () => {
    mock.behave({ fault: 'cut', afterTokens: 5 });
    const { status, text, ending } = await ask(wire, true).done;
    expect({ status, ending }).toEqual({ status: 200, ending: 'broken' });
    expect(text.endsWith('\n\n')).toBe(true);
    expect(text).toContain('" in"');
    expect(text).not.toContain('" is"');
    expect(mock.requests()[0]).toMatchObject({ tokensDelivered: 5, outcome: 'broken' });
  });

  test('cut after all tokens still keeps back the end', async () => {
    mock.behave({ fault: 'cut', outputTokens: 5, afterTokens: 5 });
    const { text, ending } = await ask(wire, true).done;
    expect(ending).toBe('broken');
    expect(text).not.toMatch(/\[DONE\]|message_stop|response\.completed/);
    expect(mock.requests()[0]?.tokensDelivered).toBe(5);
  });

  test('truncated ends in good order without the end of the stream', async () => {
    mock.behave({ fault: 'truncated' });
    const { text, ending } = await ask(wire, true).done;
    expect(ending).toBe('complete');
    expect(text).not.toMatch(/\[DONE\]|message_stop|response\.completed/);
  });

  test('cut-in-character ends in the middle of a character', async () => {
    mock.behave({ fault: 'cut-in-character', afterTokens: 2 });
    const { bytes, ending } = await ask(wire, true).done;
    expect(ending).toBe('broken');
    expect(bytes.at(-1)).toBe(Buffer.from('漢')[0]);
    expect(mock.requests()[0]?.tokensDelivered).toBe(2);
  });

  test('cut-in-line ends in the middle of a line', async () => {
    mock.behave({ fault: 'cut-in-line' });
    const { text, ending } = await ask(wire, true).done;
    expect(ending).toBe('broken');
    expect(text.endsWith('\n')).toBe(false);
  });

  test('error-event ends with the event by which the house gives up', async () => {
    mock.behave({ fault: 'error-event', afterTokens: 2 });
    const { text, ending } = await ask(wire, true).done;
    expect(ending).toBe('complete');
    const last = text.trimEnd().split('\n\n').at(-1) ?? '';
    expect(JSON.parse(last.replace(/^(event: .*\n)?data: /, ''))).toMatchObject(
      {
        chat: { error: { type: 'server_error' } },
        messages: { type: 'error', error: { type: 'overloaded_error' } },
        responses: { type: 'response.failed', response: { error: { code: 'server_error' } } },
      }[wire],
    );
  });

  test('stall keeps the connection open and says no more', async () => {
    mock.behave({ fault: 'stall', afterTokens: 2 });
    const stalled = ask(wire, true);
    await until(() => stalled.received().includes('" of"'));
    expect(mock.stats()).toMatchObject({ openStreams: 1, tokensDelivered: 2 });
    stalled.leave();
    await until(() => mock.stats().openStreams === 0);
  });

  test('endless never stops speaking, beyond any maximum, until the client leaves', async () => {
    mock.behave({ fault: 'endless' });
    const endless = ask(wire, true);
    await until(() => mock.stats().tokensDelivered > 2_000);
    endless.leave();
    await until(() => outcome() === 'cancelled');
  });

  test('huge is one event of the size told', async () => {
    mock.behave({ fault: 'huge', hugeBytes: 3_000_000 });
    const { text } = await ask(wire, true).done;
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeGreaterThan(3_000_000);
  });

  test('empty is a stream without events', async () => {
    mock.behave({ fault: 'empty' });
    expect(await ask(wire, true).done).toMatchObject({ status: 200, text: '', ending: 'complete' });
  });

  test.each(['bad-json', 'wrong-shape'] as const)('%s stands in an event', async (fault) => {
    mock.behave({ fault });
    const [event = ''] = (await ask(wire, true).done).text.split('\n\n');
    expect(event).toMatch(/^data: /);
    expect(isJson(event.slice('data: '.length))).toBe(fault === 'wrong-shape');
  });
});

test('Retry-After is a number of seconds or a date', async () => {
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT';
  mock.behave({ fault: 'rate-limited', retryAfterSeconds: 7 }, { fault: 'overloaded', retryAfterDate: date });
  expect((await ask('chat', false).done).headers['retry-after']).toBe('7');
  expect((await ask('chat', false).done).headers['retry-after']).toBe(date);
});

test('the spend limit of each house is told from its rate limit by code', async () => {
  mock.behave({ fault: 'spend-limit', times: 2 });
  expect(JSON.parse((await ask('chat', false).done).text)).toMatchObject({ error: { code: 'insufficient_quota' } });
  expect(JSON.parse((await ask('messages', false).done).text)).toMatchObject({
    error: { type: 'rate_limit_error', details: { error_code: 'enforced_spend_limit_reached' } },
  });
});

test('refuse turns connections away and cuts the open ones, until accept', async () => {
  mock.behave({ fault: 'hang' });
  const open = ask('chat', false);
  await until(() => mock.stats().requests === 1);
  await mock.refuse();
  expect((await open.done).ending).toBe('broken');
  expect(await ask('chat', false).done).toMatchObject({ status: undefined, ending: 'broken' });
  await mock.accept();
  expect((await ask('chat', false).done).status).toBe(200);
});
