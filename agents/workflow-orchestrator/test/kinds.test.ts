import type { Json } from '@guildhall/agent-sdk';
import { describe, expect, test, vi } from 'vitest';
import { workflowOrchestrator as agent } from '../src/index.ts';
import { failed, mark, reportOf, runGraph, statuses, stepOf, succeeded } from './run.ts';

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

  test('until an instant is measured from the record, also by a run that resumes an hour later', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-03-01T00:00:00Z') });
    try {
      const input = {
        steps: [
          { id: 'late', kind: 'wait' as const, until: '2026-03-01T03:00:00Z' },
          { id: 'tick', kind: 'agent' as const, agent: 'x', input: null },
        ],
      };
      const call = () => {
        vi.setSystemTime(new Date('2026-03-01T01:00:00Z'));
        return succeeded(null);
      };
      for (const crashAfterStep of [2, 3, 4]) {
        vi.setSystemTime(new Date('2026-03-01T00:00:00Z'));
        const run = await runGraph(input, { call, crashAfterStep });
        expect(stepOf(run, 'late')).toMatchObject({
          output: { waitedMs: 10_800_000 },
          startedAt: '2026-03-01T00:00:00.000Z',
        });
        expect(stepOf(run, 'tick').durationMs).toBe(3_600_000);
      }
    } finally {
      vi.useRealTimers();
    }
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
