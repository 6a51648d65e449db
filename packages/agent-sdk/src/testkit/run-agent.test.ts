import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AgentError } from '../agent-error.ts';
import { defineAgent } from '../define-agent.ts';
import type { AgentDefinition, RunContext } from '../types.ts';
import { NotDeterministicError, runAgent, TestSetupError } from './index.ts';

const input = z.strictObject({ size: z.number().int().min(0), file: z.strictObject({ file: z.string() }).optional() });
const output = z.strictObject({ text: z.string() });
type Toy = AgentDefinition<typeof input, typeof output>;

function toy(run: (ctx: RunContext, size: number) => Promise<string>, more: Partial<Toy> = {}): Toy {
  return defineAgent({
    id: 'toy',
    version: '1.0.0',
    title: 'Toy',
    summary: 'A toy.',
    description: 'A toy.',
    category: 'test',
    needsModel: false,
    input,
    output,
    examples: [],
    limits: { timeoutMs: 1_000, stepsMax: 10 },
    run: async (ctx, given) => ({ text: await run(ctx, given.size) }),
    ...more,
  });
}

describe('a run in the kit', () => {
  test('returns output, steps, artifacts, logs and progress', async () => {
    const agent = toy(async (ctx, size) => {
      const count = await ctx.step('count', async (step) => {
        step.log('info', 'counting', { size });
        step.progress(1, 2, 'half');
        await step.artifact({ name: 'a.txt', mediaType: 'text/plain', content: Buffer.from('hello') });
        return { size };
      });
      return String(count.size);
    });
    const run = await runAgent(agent, { size: 3 });
    expect(run).toMatchObject({
      output: { text: '3' },
      error: undefined,
      steps: [{ key: 'count#1', status: 'succeeded', attempts: 1, output: { size: 3 } }],
      logs: [{ step: 'count#1', level: 'info', message: 'counting', data: { size: 3 } }],
      progress: [{ done: 1, total: 2, note: 'half' }],
      artifacts: [{ name: 'a.txt', size: 5, step: 'count#1' }],
    });
    expect(run.artifacts[0]?.bytes.toString()).toBe('hello');
  });

  test('an output of 1 MiB is kept, and a larger one fails the run as on the platform', async () => {
    const size = 2 ** 20 - '{"text":""}'.length;
    expect(
      (
        await runAgent(
          toy(async () => 'x'.repeat(size)),
          { size: 0 },
        )
      ).error,
    ).toBeUndefined();
    const { error } = await runAgent(
      toy(async () => 'x'.repeat(size + 1)),
      { size: 0 },
    );
    expect(String(error)).toContain('1 MiB');
  });

  test('steps of one name are told apart by their occurrence', async () => {
    const agent = toy(async (ctx) => {
      await ctx.step('a', async () => 1);
      await ctx.step('b', async () => 1);
      await ctx.step('a', async () => 1);
      return '';
    });
    const run = await runAgent(agent, { size: 0 });
    expect(run.steps.map((step) => step.key)).toEqual(['a#1', 'b#1', 'a#2']);
  });

  test('files are found by reference, with size and hash', async () => {
    const agent = toy(async (ctx) => JSON.stringify(await ctx.file({ file: 'file_1' })));
    const run = await runAgent(
      agent,
      { size: 0 },
      { files: { file_1: { content: Buffer.from('a,b\n'), name: 'x.csv' } } },
    );
    expect(JSON.parse(run.output?.text ?? '')).toMatchObject({ name: 'x.csv', mediaType: 'text/csv', size: 4 });
  });

  test('an input that the schema or the agent refuses never reaches run', async () => {
    const agent = toy(async () => 'ran', {
      validate: (given) => (given.size > 5 ? [{ path: '/size', message: 'too big' }] : []),
    });
    const byAgent = await runAgent(agent, { size: 6 });
    expect(byAgent.error).toMatchObject({ reason: 'input-invalid', errors: [{ path: '/size', message: 'too big' }] });
    const bySchema = await runAgent(agent, { size: -1 });
    expect(bySchema.error).toMatchObject({ errors: [{ path: '/size' }] });
  });

  test('a retryable failure is tried again, up to its attempts, without waiting in real time', async () => {
    const agent = toy(async (ctx) => {
      const attempt = await ctx.step(
        'flaky',
        async (step) => {
          await step.artifact({ name: 'x', mediaType: 'text/plain', content: new Uint8Array(1) });
          if (step.attempt < 3) throw new AgentError('busy', 'Busy.', { retryable: true });
          return step.attempt;
        },
        { retry: { attemptsMax: 3, firstDelayMs: 60_000, delayMaxMs: 600_000 } },
      );
      return String(attempt);
    });
    const run = await runAgent(agent, { size: 0 });
    expect(run).toMatchObject({ output: { text: '3' }, steps: [{ attempts: 3 }], sleptMs: 180_000 });
    expect(run.artifacts).toHaveLength(1);
  });

  test('a refusal that is not retryable ends the run at once', async () => {
    const agent = toy((ctx) =>
      ctx.step('no', async () => Promise.reject(new AgentError('bad', 'Bad.')), {
        retry: { attemptsMax: 3, firstDelayMs: 1, delayMaxMs: 1 },
      }),
    );
    const run = await runAgent(agent, { size: 0 });
    expect(run).toMatchObject({
      output: undefined,
      error: { reason: 'bad' },
      steps: [{ attempts: 1, status: 'failed' }],
    });
  });

  test('sleep costs no time and is counted', async () => {
    const agent = toy(async (ctx) => ctx.sleep('nap', 86_400_000).then(() => ''));
    expect(await runAgent(agent, { size: 0 })).toMatchObject({ sleptMs: 86_400_000, steps: [{ type: 'timer' }] });
  });

  test('approve, usage and fetch are answered by the test', async () => {
    const agent = toy(async (ctx) => {
      const { decision } = await ctx.approve('ok', { title: 'Go on?' });
      const [row] = await ctx.usage('spent', { groupBy: 'day' });
      const status = await ctx.step('get', async (step) => (await step.fetch('https://a.example/')).status);
      return `${decision} ${row?.runs} ${status}`;
    });
    const run = await runAgent(
      agent,
      { size: 0 },
      {
        approve: () => ({ decision: 'approve', comment: null }),
        usage: () => [{ key: 'd', runs: 2, inputTokens: 0, outputTokens: 0, costNanos: '0' }],
        fetch: () => ({ status: 204, headers: {}, body: new Uint8Array() }),
      },
    );
    expect(run.output).toEqual({ text: 'approve 2 204' });
  });

  test('a missing answer is the fault of the test, whatever the agent does with it', async () => {
    const agent = toy(async (ctx) =>
      ctx.approve('ok', { title: 'Go on?' }).then(
        () => 'yes',
        () => 'swallowed',
      ),
    );
    await expect(runAgent(agent, { size: 0 })).rejects.toThrow(TestSetupError);
  });

  test('a step result that is not JSON is the fault of the test', async () => {
    const agent = toy(async (ctx) => {
      // What a careless agent might do.
      await ctx.step('bad', async () => undefined as unknown as string);
      return '';
    });
    await expect(runAgent(agent, { size: 0 })).rejects.toThrow(/not JSON/);
  });

  test('more steps than the limit end the run', async () => {
    const agent = toy(async (ctx) => {
      for (let i = 0; i < 11; i += 1) await ctx.step('x', async () => i);
      return '';
    });
    expect(await runAgent(agent, { size: 0 })).toMatchObject({ error: { reason: 'too-many-steps' } });
  });

  test('an artifact by path must lie in the workdir', async () => {
    const agent = toy(async (ctx) => {
      await ctx.step('x', async (step) => {
        await step.artifact({ name: 'x', mediaType: 'text/plain', content: { path: '/etc/hostname' } });
        return 1;
      });
      return '';
    });
    await expect(runAgent(agent, { size: 0 })).rejects.toThrow(/workdir/);
  });

  test('a step past its time is aborted', async () => {
    const agent = toy((ctx) => ctx.step('slow', () => new Promise<string>(() => undefined), { timeoutMs: 5 }));
    expect(await runAgent(agent, { size: 0 })).toMatchObject({ error: { reason: 'step-timeout' } });
  });
});

describe('calls', () => {
  const child = toy(async (_ctx, size) => String(size * 2));
  const parent = toy(
    async (ctx, size) => {
      const { status, output: answer } = await ctx.call('toy', { size }, { name: 'double' });
      return `${status} ${JSON.stringify(answer)}`;
    },
    { id: 'parent', plannedCalls: () => [{ agent: 'toy', timesMax: 1 }] },
  );

  test('another agent runs in the kit', async () => {
    const run = await runAgent(parent, { size: 4 }, { agents: [child] });
    expect(run).toMatchObject({
      output: { text: 'succeeded {"text":"8"}' },
      steps: [{ key: 'double#1', type: 'call', kind: 'toy' }],
    });
  });

  test('a failed child answers as a failed result, and shows no text of a bug', async () => {
    const broken = toy(async () => Promise.reject(new Error('secret')));
    const run = await runAgent(parent, { size: 4 }, { agents: [broken] });
    expect(run.output).toEqual({ text: 'failed null' });
    expect(JSON.stringify(run.steps)).not.toContain('secret');
  });

  test('a call that plannedCalls does not allow is refused', async () => {
    const greedy = toy(async (ctx) => {
      await ctx.call('toy', { size: 1 });
      return '';
    });
    await expect(runAgent(greedy, { size: 1 }, { agents: [child] })).rejects.toThrow(/plannedCalls/);
  });

  test.each([
    ['neither its input nor a cap is', {}, /must give its input or maxNanos/],
    ['its input is', { input: { size: 4 } }, undefined],
    ['a cap is', { maxNanos: 9n }, undefined],
  ])(
    'an agent that calls others is called where %s planned, or refused as by the platform',
    async (_, more, refusal) => {
      const planned = [{ agent: 'parent', timesMax: 1, ...more }];
      const above = toy(async (ctx, size) => (await ctx.call('parent', { size })).status, {
        id: 'above',
        plannedCalls: () => planned,
      });
      const running = runAgent(above, { size: 4 }, { agents: [parent, child] });
      if (refusal) await expect(running).rejects.toThrow(refusal);
      else expect((await running).output).toEqual({ text: 'succeeded' });
    },
  );
});

describe('a planned crash', () => {
  test('a deterministic agent goes on from the record and repeats no finished step', async () => {
    const done: string[] = [];
    const agent = toy(async (ctx) => {
      for (const name of ['a', 'b', 'c']) await ctx.step(name, async () => done.push(name));
      return done.join('');
    });
    const run = await runAgent(agent, { size: 0 }, { crashAfterStep: 2 });
    expect(run.output).toEqual({ text: 'abc' });
    expect(run.steps.map((step) => step.replayed)).toEqual([true, true, false]);
  });

  test('steps in flight at the crash run again; steps side by side may change places', async () => {
    let slow = 0;
    let quick = 0;
    const agent = toy(async (ctx) => {
      const slowStep = ctx.step('slow', async () => {
        slow += 1;
        return slow === 1 ? new Promise<null>(() => undefined) : null;
      });
      const quickStep = ctx.step('quick', async () => {
        quick += 1;
        return null;
      });
      await Promise.all([slowStep, quickStep]);
      return '';
    });
    const run = await runAgent(agent, { size: 0 }, { crashAfterStep: 1 });
    expect(run.error).toBeUndefined();
    expect({ slow, quick }).toEqual({ slow: 2, quick: 1 });
    expect(run.steps).toMatchObject([
      { key: 'slow#1', replayed: false },
      { key: 'quick#1', replayed: true },
    ]);
  });

  test.each<[string, (ctx: RunContext, passage: number) => Promise<unknown>]>([
    ['another name', (ctx, passage) => ctx.step(`s${passage}`, async () => 1)],
    [
      'another order',
      async (ctx, passage) => {
        for (const name of passage === 1 ? ['p', 'q'] : ['q', 'p']) await ctx.step(name, async () => 1);
      },
    ],
    ['another duration', (ctx, passage) => ctx.sleep('s', passage)],
  ])('an agent that asks for %s the second time is caught', async (_what, ask) => {
    let passage = 0;
    const agent = toy(async (ctx) => {
      passage += 1;
      await ask(ctx, passage);
      await ctx.step('last', async () => 1);
      return '';
    });
    await expect(runAgent(agent, { size: 0 }, { crashAfterStep: 2 })).rejects.toThrow(NotDeterministicError);
  });
});
