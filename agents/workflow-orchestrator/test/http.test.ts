import { AgentError, type Json, type StepFetchInit, type StepFetchResponse } from '@guildhall/agent-sdk';
import { describe, expect, test } from 'vitest';
import { mark, runGraph, stepOf } from './run.ts';

const answer = (
  status: number,
  body: string | Uint8Array = '',
  headers: Record<string, string> = {},
): StepFetchResponse => ({
  status,
  headers,
  body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
});

describe('an http step', () => {
  type Sent = StepFetchInit & { readonly url: string };
  async function send(step: Record<string, unknown>, answers: readonly (StepFetchResponse | Error)[], data: Json = {}) {
    const sent: Sent[] = [];
    const steps = [{ id: 'h', kind: 'http', url: 'https://a.example/x', ...step }];
    // The step is completed by the test case; the schema checks it like any caller's.
    const run = await runGraph({ steps, data } as never, {
      fetch: (url, init) => {
        sent.push({ url, ...init });
        const next = answers[Math.min(sent.length, answers.length) - 1];
        if (next instanceof Error) throw next;
        return next ?? answer(200);
      },
    });
    return { run, sent, result: stepOf(run, 'h') };
  }

  test('sends the mapped request and records the answer without its cookies', async () => {
    const { sent, result, run } = await send(
      {
        method: 'POST',
        url: `https://a.example/${mark('data.id')}`,
        headers: { 'X-Key': mark('data.key') },
        body: { n: mark('data.n') },
      },
      [answer(201, '{"ok":true}', { 'Content-Type': 'application/json; charset=utf-8', 'Set-Cookie': 'secret' })],
      { id: 'A', key: 'k', n: 5 },
    );
    expect(sent).toEqual([
      {
        url: 'https://a.example/A',
        method: 'POST',
        headers: { 'X-Key': 'k', 'content-type': 'application/json', 'idempotency-key': 'run_test:h#1' },
        body: '{"n":5}',
        timeoutMs: 30_000,
        bytesMax: 393_216,
      },
    ]);
    expect(result.output).toEqual({
      status: 201,
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: { ok: true },
      encoding: 'json',
    });
    expect(run.steps.find((step) => step.name === 'h')).toMatchObject({ effect: 'once', kind: 'http' });
  });

  test.each([
    ['GET', 'idempotent'],
    ['PUT', 'idempotent'],
    ['DELETE', 'idempotent'],
    ['POST', 'once'],
    ['PATCH', 'once'],
  ])('a %s is by default %s', async (method, effect) => {
    const { run } = await send({ method }, [answer(200)]);
    expect(run.steps.find((step) => step.name === 'h')?.effect).toBe(effect);
  });

  test('text, broken JSON and bytes are recorded as what they are', async () => {
    const json = { 'content-type': 'application/json' };
    expect((await send({}, [answer(200, '{"a":', json)])).result.output).toMatchObject({
      body: '{"a":',
      encoding: 'text',
    });
    expect((await send({}, [answer(200, 'سلام')])).result.output).toMatchObject({ body: 'سلام', encoding: 'text' });
    expect((await send({}, [answer(200, new Uint8Array([255, 0, 254]))])).result.output).toMatchObject({
      body: '/wD+',
      encoding: 'base64',
    });
  });

  test('a failure that may pass is tried again with the same key', async () => {
    const retry = { attemptsMax: 3, firstDelayMs: 10 };
    const timeout = new AgentError('fetch-timeout', 'Too slow.', { retryable: true });
    const { sent, result } = await send({ method: 'PUT', body: 'x', retry }, [answer(503), timeout, answer(200, 'ok')]);
    expect(result).toMatchObject({ status: 'succeeded', attempts: 3, output: { body: 'ok' } });
    expect(new Set(sent.map((one) => one.headers?.['idempotency-key']))).toEqual(new Set(['run_test:h#1']));
  });

  test('after the last attempt the failure is told with its attempts', async () => {
    const { result } = await send({ retry: { attemptsMax: 2 } }, [answer(503)]);
    expect(result).toMatchObject({
      status: 'failed',
      attempts: 2,
      error: { code: 'agent.http-status', message: 'GET was answered with status 503.' },
    });
  });

  test('an answer that will not change is not asked for again', async () => {
    const { sent, result } = await send({ retry: { attemptsMax: 3 } }, [answer(404)]);
    expect(result).toMatchObject({ status: 'failed', attempts: 1 });
    expect(sent).toHaveLength(1);
  });

  test('a request of effect once is sent once, whatever the answer', async () => {
    const { sent, result } = await send({ method: 'POST' }, [answer(503)]);
    expect(sent).toHaveLength(1);
    expect(result.status).toBe('failed');
  });

  test('expected statuses are classes or numbers', async () => {
    expect((await send({ expectedStatus: [404, '3xx'] }, [answer(404)])).result.status).toBe('succeeded');
    expect((await send({ expectedStatus: [404, '3xx'] }, [answer(302)])).result.status).toBe('succeeded');
    expect((await send({ expectedStatus: [404, '3xx'] }, [answer(200)])).result.status).toBe('failed');
  });

  test.each([['file:///etc/passwd'], ['javascript:1'], ['//a.example'], ['https://'], [mark('data.x')]])(
    'the address %s is never fetched',
    async (url) => {
      const { sent, result } = await send({ url }, [answer(200)]);
      expect(sent).toEqual([]);
      expect(result.error?.code).toBe('agent.http-url-invalid');
    },
  );

  test('a mapped header cannot begin another one', async () => {
    const { sent, result } = await send({ headers: { 'X-A': mark('data.evil') } }, [answer(200)], {
      evil: 'a\r\nAuthorization: b',
    });
    expect(sent).toEqual([]);
    expect(result.error).toEqual({
      code: 'agent.http-header-invalid',
      message: 'The header X-A holds characters a header cannot.',
    });
  });
});
