/** Runs that call others: none outlives its caller, and nobody pays for what a failed caller called. */
import { AgentError } from '@guildhall/agent-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FailpointName } from '../../src/platform/failpoints/index.ts';
import { ENDED, eventually, meeting, type ScriptedPlatform, scriptedPlatform } from './runs-fixture.ts';

let platform: ScriptedPlatform;
let at: ((name: FailpointName) => Promise<void> | void) | undefined;
beforeAll(async () => {
  platform = await scriptedPlatform({ failpoint: (name) => at?.(name) });
});
afterAll(() => platform.close());

const endless = () => new Promise<null>(() => {});
const childOf = (id: string, status: string) =>
  eventually(async () => (await platform.children(id)).find((child) => child.status === status));

describe('cancelling a run that waits for another', () => {
  it('ends both within two seconds, for nothing', async () => {
    const before = await platform.balance();
    const leaf = platform.input((ctx) => ctx.step('endless', endless));
    const { body } = await platform.begin(
      (ctx) => Promise.all([ctx.call('scripted', leaf), ctx.call('scripted', leaf)]),
      { calls: 2, wait: 0 },
    );
    await eventually(async () => {
      const children = await platform.children(body.id);
      return children.filter((child) => child.status === 'running').length === 2 ? true : undefined;
    });
    const began = performance.now();
    await platform.call('POST', `/v1/runs/${body.id}/cancel`, {});
    await platform.until(body.id, (run) => run.status === 'cancelled');
    expect(performance.now() - began).toBeLessThan(2_000);
    for (const run of await platform.children(body.id)) expect(run.status).toBe('cancelled');
    expect(await platform.balance()).toEqual(before);
  });

  it('waits quietly for one that takes its time to end', async () => {
    const leaf = platform.input((ctx) => ctx.step('endless', endless));
    const { body } = await platform.begin((ctx) => ctx.call('scripted', leaf), { calls: 1, wait: 0 });
    await childOf(body.id, 'running');
    await platform.until(body.id, (run) => run.status === 'waiting');
    const fence = async () =>
      Number(
        (await platform.admin<{ fence: string }>('select fence from runs.run where id = $1', [body.id]))[0]?.fence,
      );
    const [events, attempts] = [(await platform.events(body.id)).length, await fence()];
    const letGo = meeting();
    at = (name) => (name === 'settle.before' ? letGo.arrived : undefined);
    await platform.call('POST', `/v1/runs/${body.id}/cancel`, {});
    await eventually(async () => ((await fence()) >= attempts + 4 ? true : undefined));
    at = undefined;
    letGo.arrive();
    expect((await platform.ended(body.id)).status).toBe('cancelled');
    // Running once more, the cost, and the end.
    expect((await platform.events(body.id)).length - events).toBeLessThanOrEqual(3);
  });
});

describe('a run that fails while it calls another', () => {
  it('ends the other first, and is charged for neither', async () => {
    const before = await platform.balance();
    const leaf = platform.input((ctx) => ctx.step('endless', endless));
    const { body } = await platform.begin(
      (ctx) =>
        Promise.all([
          ctx.call('scripted', leaf),
          ctx.step('fail', async () => {
            throw new AgentError('no-luck', 'There was no luck.');
          }),
        ]),
      { calls: 1 },
    );
    expect(body).toMatchObject({ status: 'failed', error: { code: 'agent.no-luck' }, cost: { nanos: '0' } });
    for (const child of await platform.children(body.id)) expect(ENDED.has(child.status)).toBe(true);
    expect(await platform.balance()).toEqual(before);
  });

  it('leaves none alive that it called in its last moment', async () => {
    const before = await platform.balance();
    const admitting = meeting();
    const settling = meeting();
    let admissions = 0;
    at = async (name) => {
      if (name === 'admit.before-commit') {
        admissions += 1;
        if (admissions !== 2) return;
        admitting.arrive();
        await settling.arrived;
      }
      if (name === 'settle.before') settling.arrive();
    };
    const leaf = platform.input((ctx) => ctx.step('endless', endless));
    const { body } = await platform.begin(
      async (ctx) => {
        void ctx.call('scripted', leaf);
        await admitting.arrived;
        throw new AgentError('no-luck', 'There was no luck.');
      },
      { calls: 1 },
    );
    at = undefined;
    expect(body).toMatchObject({ status: 'failed', cost: { nanos: '0' } });
    const children = await platform.children(body.id);
    expect(children.map((child) => child.status)).toEqual(['cancelled']);
    expect(await platform.balance()).toEqual(before);
  });

  it('is given up with what it called when its workers keep dying, and can be redriven once', async () => {
    const before = await platform.balance();
    const leaf = platform.input((ctx) => ctx.step('endless', endless));
    let poison = true;
    const { body } = await platform.begin(
      async (ctx) => {
        if (!poison) return 'healed';
        return Promise.all([ctx.call('scripted', leaf), ctx.step('endless', endless)]);
      },
      { calls: 1, wait: 0 },
    );
    await childOf(body.id, 'running');
    // As the reaper does when a worker is lost for the sixth time.
    await platform.admin(
      `update durable.task set crashes = 6, state = 'queued', worker_id = null, due_at = platform.now(), fence = fence + 1 where id = $1`,
      [body.id],
    );
    const ended = await platform.ended(body.id);
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'runs.dead-letter' }, cost: { nanos: '0' } });
    for (const child of await platform.children(body.id)) expect(ENDED.has(child.status)).toBe(true);
    expect(await platform.balance()).toEqual(before);
    poison = false;
    const { runs } = platform.server.platform;
    const again = await runs.redrive(platform.orgId, body.id, 'req_test');
    expect(await platform.ended(again.id)).toMatchObject({ status: 'succeeded', output: 'healed' });
    await expect(runs.redrive(platform.orgId, body.id, 'req_test')).rejects.toThrow();
    const letters = await platform.db.tenant(platform.orgId, (tx) => runs.deadLetters(tx, 10));
    expect(letters).toMatchObject([{ run_id: body.id, crashes: 6, redriven_run_id: again.id }]);
  });
});

describe('two ends of one tree at once', () => {
  it('take their locks in one order, though one of them gives charges back', async () => {
    const before = await platform.balance();
    const [lose, win, won, letGo] = [meeting(), meeting(), meeting(), meeting()];
    const leaf = platform.input(async () => 'paid');
    const until = (arrived: Promise<void>) => async () => {
      await arrived;
      return null;
    };
    const loser = platform.input(async (ctx) => {
      await ctx.call('scripted', leaf);
      await ctx.step('before losing', until(lose.arrived));
      throw new AgentError('no-luck', 'There was no luck.');
    }, 1);
    const winner = platform.input((ctx) => ctx.step('before winning', until(win.arrived)), 1);
    const { body } = await platform.begin(
      (ctx) => Promise.all([ctx.call('scripted', loser), ctx.call('scripted', winner)]),
      { calls: 4, wait: 0 },
    );
    await eventually(async () => {
      const [row] = await platform.admin<{ count: bigint }>(
        `select count(*)::int from runs.run where root_run_id = $1 and (status = 'succeeded' or parent_run_id = $1 and status = 'running')`,
        [body.id],
      );
      return Number(row?.count) === 3 ? true : undefined;
    });
    at = (name) => {
      if (name !== 'settle.before-commit') return;
      at = undefined;
      won.arrive();
      return letGo.arrived;
    };
    // The winner has its caller's row, and has not committed; the loser comes to wait for that row.
    win.arrive();
    await won.arrived;
    lose.arrive();
    await eventually(async () => {
      const waiting = await platform.admin(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return waiting.length > 0 ? true : undefined;
    });
    // Meanwhile it must not hold what the winner needs for its commit.
    await Promise.all([
      platform.admin(`select 1 from ledger.hold where run_id = $1 for update nowait`, [body.id]),
      platform.admin(`select 1 from ledger.account where org_id = $1 for update nowait`, [platform.orgId]),
    ]).finally(() => letGo.arrive());
    expect(await platform.ended(body.id)).toMatchObject({
      status: 'succeeded',
      output: [{ status: 'failed', costNanos: '0' }, { status: 'succeeded' }],
    });
    const after = await platform.balance();
    expect(before.available - after.available).toBe(2n * 47_500_000n);
    expect(after.held).toBe(0n);
  });
});
