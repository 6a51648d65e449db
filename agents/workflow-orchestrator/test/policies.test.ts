import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CallResult, Json } from '@guildhall/agent-sdk';
import { describe, expect, test } from 'vitest';
import {
  failed,
  type GraphInput,
  type GraphRun,
  mark,
  reportOf,
  runGraph,
  statuses,
  stepOf,
  succeeded,
  timeless,
} from './run.ts';

type Step = GraphInput['steps'][number];

const call = (id: string, needs: string[] = [], more: Partial<Extract<Step, { kind: 'agent' }>> = {}): Step => ({
  id,
  kind: 'agent',
  agent: id.startsWith('bad') ? 'bad' : 'good',
  input: { id },
  needs,
  ...more,
});
const undo = (id: string) => ({ kind: 'agent' as const, agent: 'undo', input: { id } });
const outcome = (agent: string, input: Json): CallResult => (agent === 'bad' ? failed() : succeeded(input));
const run = (steps: Step[], more: Partial<GraphInput> = {}): Promise<GraphRun> =>
  runGraph({ steps, ...more }, { call: outcome });
/** Answers long after an answer given at once has been dealt with: turns of the event loop, not time, tell how long. */
const late = async (input: Json): Promise<CallResult> => {
  for (let turn = 0; turn < 200; turn += 1) await nextTurn();
  return succeeded(input);
};
const undone = (ran: GraphRun): readonly string[] =>
  ran.steps.filter((step) => step.name.startsWith('undo:')).map((step) => step.name);

describe('after the last attempt', () => {
  test('skip leaves out the step and what needs it, and goes on with the rest', async () => {
    const ran = await run([
      call('bad', [], { onFailure: 'skip' }),
      call('x', ['bad']),
      call('y', ['x']),
      call('z'),
      call('w', ['z', 'x'], { join: 'any' }),
    ]);
    expect(statuses(ran)).toEqual({ bad: 'failed', x: 'skipped', y: 'skipped', z: 'succeeded', w: 'succeeded' });
    expect(reportOf(ran)).toMatchObject({ status: 'partial', failedSteps: ['bad'] });
  });

  test('abort starts nothing more, finishes what is under way, and undoes nothing', async () => {
    const steps = [
      call('a', [], { compensate: [undo('a')] }),
      call('bad', ['a']),
      call('c', ['bad']),
      call('side', ['a'], { agent: 'slow' }),
      call('later', ['side']),
    ];
    const ran = await runGraph(
      { steps },
      { call: (agent, input) => (agent === 'slow' ? late(input) : outcome(agent, input)) },
    );
    expect(statuses(ran)).toEqual({
      a: 'succeeded',
      bad: 'failed',
      c: 'not-reached',
      side: 'succeeded',
      later: 'not-reached',
    });
    expect(reportOf(ran).status).toBe('failed');
    expect(undone(ran)).toEqual([]);
  });

  test('compensate undoes what succeeded, last first, and never what failed or was not reached', async () => {
    const ran = await run([
      call('a', [], { compensate: [undo('a1'), undo('a2')] }),
      call('b', ['a'], { compensate: [undo('b')] }),
      call('c', ['b']),
      call('bad', ['c'], { onFailure: 'compensate', compensate: [undo('bad')] }),
      call('d', ['bad'], { compensate: [undo('d')] }),
    ]);
    expect(undone(ran)).toEqual(['undo:b:1', 'undo:a:1', 'undo:a:2']);
    expect(statuses(ran)).toEqual({
      a: 'compensated',
      b: 'compensated',
      c: 'succeeded',
      bad: 'failed',
      d: 'not-reached',
    });
    expect(reportOf(ran)).toMatchObject({ status: 'compensated', cost: { nanos: '6000' } });
    expect(stepOf(ran, 'a')).toMatchObject({
      compensation: { isDone: true, attempts: 2, error: null },
      cost: { nanos: '3000' },
    });
  });

  test('a compensation that fails is told, and the others are still tried', async () => {
    const broken = { kind: 'agent' as const, agent: 'bad', input: null };
    const ran = await run([
      call('a', [], { compensate: [undo('a')] }),
      call('b', ['a'], { compensate: [broken, undo('never')] }),
      call('bad', ['b'], { onFailure: 'compensate' }),
    ]);
    expect(undone(ran)).toEqual(['undo:b:1', 'undo:a:1']);
    expect(statuses(ran)).toEqual({ a: 'compensated', b: 'succeeded', bad: 'failed' });
    expect(reportOf(ran).status).toBe('failed');
    expect(stepOf(ran, 'b').compensation).toMatchObject({ isDone: false, error: { code: 'agent.broken' } });
  });

  test('a compensation sees the output it undoes', async () => {
    const asked: Json[] = [];
    await runGraph(
      {
        steps: [
          call('book', [], {
            compensate: [{ kind: 'agent', agent: 'cancel', input: mark('steps.book.output.number') }],
          }),
          call('bad', ['book'], { onFailure: 'compensate' }),
        ],
      },
      {
        call: (agent, input) => {
          if (agent === 'cancel') asked.push(input);
          return agent === 'bad' ? failed() : succeeded({ number: 'B-1' });
        },
      },
    );
    expect(asked).toEqual(['B-1']);
  });

  test('a stopped workflow does not wait for a timer or a person', async () => {
    const ran = await runGraph(
      {
        steps: [
          { id: 'ask', kind: 'approval', request: 'ok?' },
          { id: 'bad', kind: 'agent', agent: 'bad', input: null },
        ],
      },
      { call: outcome, approve: () => new Promise(() => undefined) },
    );
    expect(statuses(ran)).toEqual({ ask: 'skipped', bad: 'failed' });
    expect(stepOf(ran, 'ask').reason).toMatch(/still waiting/);
  });
});

describe('a join', () => {
  const steps = (join: 'all' | 'any' | { atLeast: number }): Step[] => [
    call('a'),
    call('bad1', [], { onFailure: 'skip' }),
    call('b'),
    call('bad2', [], { onFailure: 'skip' }),
    call('j', ['a', 'bad1', 'b', 'bad2'], { join }),
  ];
  test.each([
    ['all', 'skipped'],
    ['any', 'succeeded'],
    [{ atLeast: 2 }, 'succeeded'],
    [{ atLeast: 3 }, 'skipped'],
  ] as const)('of %j over two of four that hold is %s, and starts once', async (join, expected) => {
    const ran = await run(steps(join));
    expect(statuses(ran).j).toBe(expected);
    expect(ran.steps.filter((step) => step.name === 'j')).toHaveLength(expected === 'succeeded' ? 1 : 0);
  });

  test('of any starts with the first, without waiting for the others', async () => {
    const release = Promise.withResolvers<CallResult>();
    const ran = await runGraph(
      { steps: [call('slow'), call('quick'), call('j', ['slow', 'quick'], { join: 'any' }), call('after', ['j'])] },
      {
        call: (_agent, input) => {
          const { id } = input as { id: string };
          if (id === 'after') release.resolve(succeeded('slow'));
          return id === 'slow' ? release.promise : succeeded(id);
        },
      },
    );
    expect(statuses(ran)).toEqual({ slow: 'succeeded', quick: 'succeeded', j: 'succeeded', after: 'succeeded' });
  });
});

describe('side by side', () => {
  test.each([1, 2, 5])('at most %d steps are at work at once, and no fewer', async (concurrencyMax) => {
    const ran = await run(
      Array.from({ length: 8 }, (_, index) => call(`s${index}`)),
      { concurrencyMax },
    );
    let atWork = 0;
    let most = 0;
    for (const step of ran.steps) {
      atWork += step.kind === 'schedule' ? -(step.output as { moved: string[] }).moved.length : 1;
      most = Math.max(most, atWork);
    }
    expect(most).toBe(concurrencyMax);
  });

  test('a branch that waits for a person does not take the place of one that works', async () => {
    const answered = Promise.withResolvers<{ decision: 'approve'; comment: null }>();
    const ran = await runGraph(
      {
        steps: [{ id: 'ask', kind: 'approval', request: 'ok?' }, call('work'), call('last', ['work'])],
        concurrencyMax: 1,
      },
      {
        approve: () => answered.promise,
        call: (_agent, input) => {
          if ((input as { id: string }).id === 'last') answered.resolve({ decision: 'approve', comment: null });
          return succeeded(null);
        },
      },
    );
    expect(reportOf(ran).status).toBe('succeeded');
  });
});

describe('the report', () => {
  test('times come from the turns: a step starts when what it needed ended', async () => {
    const ran = await run([call('a'), call('b', ['a']), call('c', ['b'])]);
    const report = reportOf(ran);
    expect(stepOf(ran, 'b').startedAt).toBe(stepOf(ran, 'a').finishedAt);
    expect(stepOf(ran, 'a').startedAt).toBe(report.startedAt);
    expect(stepOf(ran, 'c').finishedAt).toBe(report.finishedAt);
    expect(report.criticalPath).toEqual({ ids: ['a', 'b', 'c'], ms: report.durationMs });
  });

  test('after a crash the times are those of the record', async () => {
    const steps = [call('a'), call('b', ['a'])];
    const ran = await runGraph({ steps }, { call: outcome, crashAfterStep: 5 });
    const [first] = ran.steps.filter((step) => step.name === 'turn:0');
    expect(first?.output).toMatchObject({ at: new Date(reportOf(ran).startedAt).getTime() });
    expect(ran.steps.every((step) => step.replayed)).toBe(true);
  });

  test('a large output is left to its run, and the report says so', async () => {
    const big = 'x'.repeat(300_000);
    const ran = await runGraph({ steps: [call('a'), call('b'), call('c')] }, { call: () => succeeded(big) });
    expect(reportOf(ran).steps.map((step) => step.isOutputOmitted)).toEqual([false, true, true]);
    expect(stepOf(ran, 'b').output).toBeNull();
  });

  test('a fault of the output template is told beside the finished steps', async () => {
    const ran = await run([call('a')], { output: mark('steps.a.output.id * 2') });
    expect(reportOf(ran)).toMatchObject({
      status: 'partial',
      output: null,
      outputError: { code: 'agent.expression-failed' },
      failedSteps: [],
    });
  });

  test('exponential data is stopped where it passes the bound, as a failed step', async () => {
    const steps: Step[] = Array.from({ length: 40 }, (_, index) => ({
      id: `s${index}`,
      kind: 'transform',
      needs: index === 0 ? [] : [`s${index - 1}`],
      value:
        index === 0 ? 'xxxxxxxxxxxxxxxx' : [mark(`steps.s${index - 1}.output`), mark(`steps.s${index - 1}.output`)],
    }));
    const ran = await run(steps);
    expect(reportOf(ran)).toMatchObject({ status: 'failed' });
    expect(reportOf(ran).steps.find((step) => step.status === 'failed')?.error?.code).toBe('agent.value-too-large');
  });

  test('data with hostile keys passes through unchanged and changes nothing else', async () => {
    const data = JSON.parse('{"a":{"__proto__":{"polluted":true},"constructor":1}}');
    const ran = await runGraph({ data, steps: [{ id: 'a', kind: 'transform', value: mark('merge(data.a)') }] });
    expect(JSON.stringify(stepOf(ran, 'a').output)).toBe('{"__proto__":{"polluted":true},"constructor":1}');
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  test('200 steps in a chain and 200 side by side run to their end', async () => {
    const chain = Array.from({ length: 200 }, (_, index) => call(`s${index}`, index === 0 ? [] : [`s${index - 1}`]));
    expect(reportOf(await run(chain)).status).toBe('succeeded');
    const wide = Array.from({ length: 200 }, (_, index) => call(`s${index}`));
    expect(reportOf(await run(wide, { concurrencyMax: 50 })).status).toBe('succeeded');
  });

  test('is the same after a crash at any step', async () => {
    const steps = [
      call('a', [], { compensate: [undo('a')] }),
      call('bad', ['a'], { retry: { attemptsMax: 2 }, onFailure: 'compensate' }),
    ];
    const whole = await run(steps);
    for (let crashAfterStep = 1; crashAfterStep <= whole.steps.length; crashAfterStep += 1) {
      const resumed = await runGraph({ steps }, { call: outcome, crashAfterStep });
      expect(timeless(reportOf(resumed))).toEqual(timeless(reportOf(whole)));
    }
  });
});
