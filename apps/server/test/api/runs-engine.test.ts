/** Time, steps and places of a run: what counts, what is bounded, and what survives another attempt. */
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineErrors, GuildhallError } from '../../src/platform/errors/index.ts';
import { eventually, meeting, type ScriptedPlatform, scriptedPlatform } from './runs-fixture.ts';

let platform: ScriptedPlatform;
beforeAll(async () => {
  platform = await scriptedPlatform();
});
afterAll(() => platform.close());

const nothing = async () => null;
const endless = () => new Promise<null>(() => {});

describe('the time of a run', () => {
  it('ends it at its limit, free of charge', async () => {
    const { body } = await platform.begin((ctx) => ctx.step('endless', endless), { agent: 'hasty' });
    expect(body).toMatchObject({ status: 'failed', error: { code: 'runs.timeout' }, cost: { nanos: '0' } });
  });

  it('does not count what it waits for a timer', async () => {
    const { body } = await platform.begin(
      async (ctx) => {
        await ctx.sleep('longer than its limit', 700);
        return ctx.step('work', async () => 'done');
      },
      { agent: 'hasty' },
    );
    expect(body).toMatchObject({ status: 'succeeded', output: 'done' });
  });

  it('counts what a fault takes, so that one which does not pass ends the run', async () => {
    const faults = defineErrors('test', { fault: ['broken', 503, 'It is broken.', 'Wait.'] });
    const { body } = await platform.begin(
      async () => {
        throw new GuildhallError(faults.fault);
      },
      { agent: 'hasty' },
    );
    expect(body).toMatchObject({ status: 'failed', error: { code: 'runs.timeout' } });
  });
});

describe('the steps of a run', () => {
  const steps = (count: number) => async (ctx: Parameters<Parameters<ScriptedPlatform['begin']>[0]>[0]) => {
    for (let i = 0; i < count; i += 1) await ctx.step('step', nothing);
    return count;
  };

  it('are bounded by the agent’s limit, in a replay as well', async () => {
    expect((await platform.begin(steps(3), { agent: 'brief' })).body).toMatchObject({ status: 'succeeded', output: 3 });
    const { body } = await platform.begin(steps(4), { agent: 'brief' });
    const code = 'runs.too-many-steps';
    expect(body).toMatchObject({ status: 'failed', error: { code }, usage: { steps: 3 }, cost: { nanos: '0' } });
    const replayed = await platform.call<{ id: string }>('POST', `/v1/runs/${body.id}/replay`, {});
    expect(await platform.ended(replayed.body.id)).toMatchObject({ status: 'failed', error: { code } });
  });

  it('keep their scratch space when an attempt that lost the run ends late', async () => {
    const attempts = [meeting<string>(), meeting<string>()];
    const release = [meeting(), meeting()];
    let begun = 0;
    const { body } = await platform.begin(
      (ctx) =>
        ctx.step('write', async (step) => {
          const turn = begun;
          begun += 1;
          const file = path.join(step.workdir, 'kept.txt');
          writeFileSync(file, 'x');
          attempts[turn]?.arrive(file);
          await release[turn]?.arrived;
          return existsSync(file);
        }),
      { wait: 0 },
    );
    const first = await attempts[0]?.arrived;
    // As the reaper does when a lease runs out.
    await platform.admin(
      `update durable.task set state = 'queued', worker_id = null, due_at = platform.now(), fence = fence + 1 where id = $1`,
      [body.id],
    );
    await attempts[1]?.arrived;
    release[0]?.arrive();
    await eventually(() => (existsSync(path.dirname(path.dirname(first ?? ''))) ? undefined : true));
    release[1]?.arrive();
    expect(await platform.ended(body.id)).toMatchObject({ status: 'succeeded', output: true });
  });
});

describe('stopping a worker', () => {
  it('lets an effect that must not be repeated come to its end, so that nobody has to review it', async () => {
    const served = await scriptedPlatform({ role: 'api' });
    try {
      const worker = await served.another('worker');
      const [begun, letGo] = [meeting(), meeting()];
      let works = 0;
      const { body } = await served.begin(
        async (ctx) => {
          await ctx.step(
            'send',
            async () => {
              works += 1;
              begun.arrive();
              await letGo.arrived;
              return null;
            },
            { effect: 'once' },
          );
          return ctx.step('next', async () => 'done');
        },
        { wait: 0 },
      );
      await begun.arrived;
      const stopped = worker.stop();
      // The worker gives up what it may give up at once; the effect is not of that kind.
      setImmediate(() => letGo.arrive());
      await stopped;
      const [task] = await served.admin<{ state: string; crashes: number }>('select state, crashes from durable.task');
      expect(task).toEqual({ state: 'queued', crashes: 0 });
      await served.another('worker');
      expect(await served.ended(body.id)).toMatchObject({ status: 'succeeded', output: 'done' });
      expect(works).toBe(1);
    } finally {
      await served.close();
    }
  });
});

// Last, because the clock of the database stays where it is put.
describe('a timer', () => {
  it('goes by the clock that wakes it, whatever the clock of the process says', async () => {
    const { body } = await platform.begin((ctx) => ctx.sleep('an hour', 3_600_000), { wait: 0 });
    await platform.until(body.id, (run) => run.waitingFor === 'timer');
    await platform.forward('2 hours');
    expect((await platform.ended(body.id)).status).toBe('succeeded');
    expect((await platform.events(body.id)).length).toBeLessThan(12);
  });
});
