import type { Json, StepFetchInit, StepFetchResponse } from '@guildhall/agent-sdk';
import { AgentError } from '@guildhall/agent-sdk';
import { describe, expect, test } from 'vitest';
import { workflowOrchestrator as agent } from '../src/index.ts';
import { failed, mark, reportOf, runGraph, statuses, stepOf, succeeded } from './run.ts';

const answer = (
  status: number,
  body: string | Uint8Array = '',
  headers: Record<string, string> = {},
): StepFetchResponse => ({
  status,
  headers,
  body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
});

describe('an agent step', () => {
  test('gives the mapped input to the agent and its output to the steps after it', async () => {
    const asked: unknown[] = [];
    const run = await runGraph(
      {
        data: { city: 'Riyadh' },
        steps: [
          { id: 'load', kind: 'agent', agent: 'loader', tier: 'elite', input: { where: mark('data.city') } },
          { id: 'use', kind: 'transform', needs: ['load'], value: `${mark('steps.load.output.rows')} rows` },
        ],
        output: mark('steps.use.output'),
      },
      {
        call: (called, input, options) => {
          asked.push([called, input, options.tier]);
          return succeeded({ rows: 7 }, '2500');
        },
      },
    );
    expect(asked).toEqual([['loader', { where: 'Riyadh' }, 'elite']]);
    expect(reportOf(run)).toMatchObject({
      status: 'succeeded',
      output: '7 rows',
      cost: { nanos: '2500', currency: 'USD' },
    });
    expect(stepOf(run, 'load')).toMatchObject({
      status: 'succeeded',
      attempts: 1,
      runId: 'run_child',
      cost: { nanos: '2500' },
    });
  });

  test('a failed run is called again under a new name after a growing wait, up to its attempts', async () => {
    let calls = 0;
    const run = await runGraph(
      {
        steps: [
          {
            id: 'a',
            kind: 'agent',
            agent: 'x',
            input: null,
            retry: { attemptsMax: 4, firstDelayMs: 100, delayMaxMs: 150 },
          },
        ],
      },
      { call: () => (++calls < 3 ? failed() : succeeded('ok')) },
    );
    expect(stepOf(run, 'a')).toMatchObject({ status: 'succeeded', attempts: 3, output: 'ok' });
    const asked = run.steps.filter((step) => step.kind !== 'schedule').map((step) => step.key);
    expect(asked).toEqual(['a#1', 'a:retry-1#1', 'a:attempt-2#1', 'a:retry-2#1', 'a:attempt-3#1']);
    expect(run.sleptMs).toBe(250);
  });

  test('the last failure is told with its code, and a cancelled run is not called again', async () => {
    const steps = [
      { id: 'a', kind: 'agent' as const, agent: 'x', input: null, retry: { attemptsMax: 2, firstDelayMs: 0 } },
    ];
    const broken = await runGraph({ steps }, { call: () => failed('agent.bad-file') });
    expect(stepOf(broken, 'a')).toMatchObject({
      status: 'failed',
      attempts: 2,
      error: { code: 'agent.bad-file', message: 'It broke.' },
    });
    const cancelled = await runGraph({ steps }, { call: () => ({ ...failed(), status: 'cancelled', costNanos: '5' }) });
    expect(stepOf(cancelled, 'a')).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: { code: 'agent.cancelled' },
      cost: { nanos: '5' },
    });
  });

  test('an input that cannot be computed fails the step without a call', async () => {
    const run = await runGraph({ steps: [{ id: 'a', kind: 'agent', agent: 'x', input: mark('1 / 0') }] });
    expect(stepOf(run, 'a').error).toMatchObject({ code: 'agent.expression-failed' });
    expect(run.steps.filter((step) => step.type === 'call')).toEqual([]);
  });

  test('an orchestrator can run an orchestrator', async () => {
    const inner = { steps: [{ id: 'x', kind: 'transform', value: 5 }], output: '$${{ steps.x.output }}' } as Json;
    const run = await runGraph(
      { steps: [{ id: 'a', kind: 'agent', agent: 'workflow-orchestrator', input: inner }] },
      { agents: [agent] },
    );
    expect(stepOf(run, 'a').output).toMatchObject({ status: 'succeeded', output: 5 });
  });

  test('what is not an AgentError is not this agent to judge', async () => {
    const signal = new Error('the platform takes the run away');
    const run = await runGraph(
      {
        steps: [
          { id: 'a', kind: 'agent', agent: 'x', input: null, onFailure: 'skip' },
          { id: 'b', kind: 'transform', value: 1 },
        ],
      },
      { call: () => Promise.reject(signal) },
    );
    expect(run.error).toBe(signal);
  });
});

describe('a condition', () => {
  const steps = [
    {
      id: 'size',
      kind: 'condition' as const,
      branches: [
        { name: 'big', when: 'data.n > 100' },
        { name: 'middle', when: mark('data.n > 10') },
      ],
      otherwise: 'small',
    },
    { id: 'b', kind: 'transform' as const, needs: ['size:big'], value: 1 },
    { id: 'm', kind: 'transform' as const, needs: ['size:middle'], value: 2 },
    { id: 's', kind: 'transform' as const, needs: ['size:small'], value: 3 },
    { id: 'any', kind: 'transform' as const, needs: ['size'], value: mark('steps.size.branch') },
    { id: 'end', kind: 'transform' as const, needs: ['b', 'm', 's'], join: 'any' as const, value: 4 },
  ];
  test.each([
    [200, 'big', 'b'],
    [50, 'middle', 'm'],
    [1, 'small', 's'],
  ])('of %d takes the first branch that is true: %s', async (n, branch, taken) => {
    const run = await runGraph({ steps, data: { n } });
    expect(stepOf(run, 'any').output).toBe(branch);
    for (const id of ['b', 'm', 's']) expect(statuses(run)[id]).toBe(id === taken ? 'succeeded' : 'skipped');
    expect(statuses(run)).toMatchObject({ end: 'succeeded' });
    expect(reportOf(run).status).toBe('succeeded');
    expect(
      reportOf(run)
        .picture.edges.filter((edge) => edge.from === 'size' && edge.isTaken)
        .map((edge) => edge.to),
    ).toEqual([taken, 'any']);
  });

  test('that is neither true nor false fails', async () => {
    const run = await runGraph({ steps, data: { n: 'many' } });
    expect(stepOf(run, 'size')).toMatchObject({ status: 'failed', error: { code: 'agent.expression-failed' } });
  });
});

describe('a wait', () => {
  test('lasts as long as it says, or as an expression says', async () => {
    const run = await runGraph({
      data: { hours: 2 },
      steps: [
        { id: 'a', kind: 'wait', durationMs: 500 },
        { id: 'b', kind: 'wait', durationMs: mark('data.hours * 3600000') },
      ],
    });
    expect(run.sleptMs).toBe(7_200_500);
    expect(stepOf(run, 'b').output).toEqual({ waitedMs: 7_200_000 });
  });

  test('until an instant lasts from its recorded start; one in the past does not wait', async () => {
    const run = await runGraph({
      steps: [
        { id: 'past', kind: 'wait', until: '2020-01-01T00:00:00Z' },
        { id: 'soon', kind: 'wait', until: mark('data.at') },
      ],
      data: { at: new Date(Date.now() + 60_000).toISOString() },
    });
    expect(stepOf(run, 'past').output).toEqual({ waitedMs: 0 });
    expect(run.sleptMs).toBeGreaterThan(50_000);
    expect(run.sleptMs).toBeLessThanOrEqual(60_000);
  });

  test.each(['tomorrow', '2026-01-01T00:00:00', '2999-01-01T00:00:00Z', mark('null')])(
    'until %s fails',
    async (until) => {
      expect(stepOf(await runGraph({ steps: [{ id: 'a', kind: 'wait', until }] }), 'a').error?.code).toBe(
        'agent.wait-invalid',
      );
    },
  );

  test.each([mark('-1'), mark("'x'"), mark('1e15')])('of %s fails', async (durationMs) => {
    expect(stepOf(await runGraph({ steps: [{ id: 'a', kind: 'wait', durationMs }] }), 'a').error?.code).toBe(
      'agent.wait-invalid',
    );
  });
});

describe('an approval', () => {
  const ask = {
    id: 'ok',
    kind: 'approval' as const,
    request: `Pay ${mark('data.sum')}?`,
    details: { sum: mark('data.sum') },
    timeoutMs: 5_000,
  };

  test('asks a person with the mapped details', async () => {
    const asked: unknown[] = [];
    const run = await runGraph(
      { steps: [ask], data: { sum: 12 } },
      {
        approve: (name, request) => {
          asked.push([name, request]);
          return { decision: 'approve', comment: 'fine' };
        },
      },
    );
    expect(asked).toEqual([['ok', { title: 'Pay 12?', details: { sum: 12 }, timeoutMs: 5_000 }]]);
    expect(stepOf(run, 'ok').output).toEqual({ decision: 'approve', comment: 'fine' });
  });

  test.each([
    ['reject', 'agent.approval-rejected'],
    ['expired', 'agent.approval-expired'],
  ] as const)('%s fails the step', async (decision, code) => {
    const run = await runGraph({ steps: [ask] }, { approve: () => ({ decision, comment: null }) });
    expect(stepOf(run, 'ok')).toMatchObject({ status: 'failed', error: { code } });
    expect(reportOf(run).status).toBe('failed');
  });

  test('decisions can be branches instead', async () => {
    const run = await runGraph(
      {
        steps: [
          { ...ask, whenRejected: 'branch' },
          { id: 'go', kind: 'transform', needs: ['ok:approve'], value: 1 },
          {
            id: 'tell',
            kind: 'transform',
            needs: ['ok:reject', 'ok:expired'],
            join: 'any',
            value: mark('steps.ok.output.comment'),
          },
        ],
      },
      { approve: () => ({ decision: 'reject', comment: 'too dear' }) },
    );
    expect(statuses(run)).toEqual({ ok: 'succeeded', go: 'skipped', tell: 'succeeded' });
    expect(stepOf(run, 'tell').output).toBe('too dear');
  });
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
