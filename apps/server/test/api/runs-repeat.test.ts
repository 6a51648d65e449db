/** Replay and fork: what is on record answers, nothing is started or paid twice, and only what a fork does anew is billed. */
import { AgentError, type RunContext } from '@guildhall/agent-sdk';
import type { Run } from '@guildhall/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, meeting, type ScriptedPlatform, scriptedPlatform } from './runs-fixture.ts';

let platform: ScriptedPlatform;
beforeAll(async () => {
  platform = await scriptedPlatform();
});
afterAll(() => platform.close());

const BASE = 47_500_000n;
const replay = async (id: string, body: object = {}): Promise<Run> => {
  const answer = await platform.call<Run>('POST', `/v1/runs/${id}/replay`, body);
  expect(answer.status).toBe(202);
  return platform.ended(answer.body.id);
};
const approve = async (id: string) => {
  const approval = await eventually(
    async () =>
      (
        await platform.admin<{ id: string }>('select id from runs.approval where run_id = $1 and decision is null', [
          id,
        ])
      )[0],
  );
  await platform.call('POST', `/v1/runs/${id}/approvals/${approval.id}`, { decision: 'approve', comment: 'fine' });
};
const keep = (ctx: RunContext, name: string) =>
  ctx.step(name, async (step) => {
    const content = new TextEncoder().encode(name);
    return (await step.artifact({ name: `${name}.txt`, mediaType: 'text/plain', content })).name;
  });

describe('the replay of a run', () => {
  it('answers calls, people and timers from the record: it starts nothing, asks nobody and costs nothing', async () => {
    let leaves = 0;
    const leaf = platform.input(async (ctx) =>
      ctx.step('leaf', async () => {
        leaves += 1;
        return 'leaf';
      }),
    );
    const { body } = await platform.begin(
      async (ctx) => {
        const called = await ctx.call('scripted', leaf);
        const { decision } = await ctx.approve('ask', { title: 'May I?' });
        await ctx.sleep('nap', 50);
        await keep(ctx, 'kept');
        return [called.output, called.status, decision];
      },
      { calls: 1, wait: 0 },
    );
    await approve(body.id);
    const original = await platform.ended(body.id);
    expect(original).toMatchObject({ status: 'succeeded', output: ['leaf', 'succeeded', 'approve'] });
    const before = await platform.balance();
    const again = await replay(body.id);
    expect(again).toMatchObject({ status: 'succeeded', cost: { nanos: '0' }, hold: { nanos: '0' } });
    expect(again.output).toEqual(original.output);
    expect(again.artifacts.map(({ name, sha256 }) => [name, sha256])).toEqual(
      original.artifacts.map(({ name, sha256 }) => [name, sha256]),
    );
    expect(await platform.children(again.id)).toEqual([]);
    expect(leaves).toBe(1);
    expect((await platform.events(again.id)).filter((event) => event.type === 'approval')).toEqual([]);
    expect(await platform.balance()).toEqual(before);
    expect((await replay(again.id)).output).toEqual(original.output);
  });

  it('of one that failed fails alike', async () => {
    const { body } = await platform.begin((ctx) =>
      ctx.step('fail', async () => {
        throw new AgentError('no-luck', 'There was no luck.', { advice: 'Try again.' });
      }),
    );
    const again = await replay(body.id);
    expect([again.status, again.error?.code, again.error?.detail]).toEqual([
      'failed',
      'agent.no-luck',
      'There was no luck. Try again.',
    ]);
  });

  it('of one that was cancelled goes no further than its record', async () => {
    const reached = meeting();
    let works = 0;
    const { body } = await platform.begin(
      async (ctx) => {
        await ctx.step('first', async () => null);
        return ctx.step('second', () => {
          works += 1;
          reached.arrive();
          return new Promise<null>(() => {});
        });
      },
      { wait: 0 },
    );
    await reached.arrived;
    const early = await platform.call('POST', `/v1/runs/${body.id}/replay`, {});
    expect(early).toMatchObject({ status: 409, body: { code: 'runs.not-ended' } });
    await platform.call('POST', `/v1/runs/${body.id}/cancel`, {});
    await platform.ended(body.id);
    expect(await replay(body.id)).toMatchObject({
      status: 'failed',
      error: { code: 'runs.replay-diverged' },
      cost: { nanos: '0' },
    });
    expect(works).toBe(1);
  });
});

describe('a fork', () => {
  it('takes the steps before it and what they kept from the record, does the rest anew, and is billed', async () => {
    const done: string[] = [];
    const { body } = await platform.begin(async (ctx) => {
      for (const name of ['a', 'b', 'c']) {
        await ctx.step(`do ${name}`, async () => {
          done.push(`${ctx.runId} ${name}`);
          return name;
        });
        await keep(ctx, name);
      }
      return 'done';
    });
    const before = await platform.balance();
    const forked = await replay(body.id, { fromStep: 3 });
    expect(forked).toMatchObject({ status: 'succeeded', cost: { nanos: String(BASE) }, replayOf: { fromStep: 3 } });
    expect(done.filter((line) => line.startsWith(forked.id))).toEqual([`${forked.id} c`]);
    expect(forked.artifacts.map((artifact) => artifact.name)).toEqual(['a.txt', 'b.txt', 'c.txt']);
    const ids = new Set([...forked.artifacts, ...(await platform.run(body.id)).artifacts].map(({ id }) => id));
    expect(ids.size).toBe(6);
    expect((await platform.steps(forked.id)).map((step) => step.index)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(before.available - (await platform.balance()).available).toBe(BASE);
  });

  it('may begin right behind the last step and not beyond', async () => {
    const { body } = await platform.begin((ctx) => ctx.step('only', async () => null));
    expect((await replay(body.id, { fromStep: 1 })).status).toBe('succeeded');
    const beyond = await platform.call('POST', `/v1/runs/${body.id}/replay`, { fromStep: 2 });
    expect(beyond).toMatchObject({ status: 422, body: { code: 'runs.unknown-step' } });
  });
});
