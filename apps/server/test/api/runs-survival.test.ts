/** Runs outlive the workers that execute them: waits, records and outcomes are the same however often one goes. */
import type { Json, RunContext } from '@guildhall/agent-sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DURABLE_VERSION } from '../../src/platform/durable/index.ts';
import type { Server } from '../../src/serve.ts';
import { eventually, meeting, type ScriptedPlatform, scriptedPlatform } from './runs-fixture.ts';

let platform: ScriptedPlatform;
beforeEach(async () => {
  platform = await scriptedPlatform({ role: 'api' });
});
afterEach(() => platform.close());

const openApprovals = () =>
  platform.admin<{ id: string; run_id: string }>('select id, run_id from runs.approval where decision is null');
const approveOpen = async (): Promise<void> => {
  for (const { id, run_id } of await openApprovals())
    await platform.call('POST', `/v1/runs/${run_id}/approvals/${id}`, { decision: 'approve' });
};

describe('a run whose worker goes', () => {
  it('still waits for its timer and its person, and goes on with another', async () => {
    const worker = await platform.another('worker');
    const begun = await platform.begin(
      async (ctx) => {
        const [, { decision }] = await Promise.all([
          ctx.sleep('nap', 3_600_000),
          ctx.approve('ask', { title: 'May I?' }),
        ]);
        return decision;
      },
      { wait: 0 },
    );
    const waiting = await platform.until(begun.body.id, (run) => run.status === 'waiting');
    expect(waiting.waitingFor).toBe('approval');
    await worker.stop();
    await approveOpen();
    const next = await platform.another('worker');
    await platform.until(begun.body.id, (run) => run.waitingFor === 'timer');
    await next.stop();
    await platform.forward('61 minutes');
    await platform.another('worker');
    expect(await platform.ended(begun.body.id)).toMatchObject({ status: 'succeeded', output: 'approve' });
  });

  it('that nobody answers in time is told so', async () => {
    await platform.another('worker');
    const { body } = await platform.begin((ctx) => ctx.approve('ask', { title: 'May I?', timeoutMs: 3_600_000 }), {
      wait: 0,
    });
    await platform.until(body.id, (run) => run.status === 'waiting');
    const [approval] = await openApprovals();
    await platform.forward('61 minutes');
    expect(await platform.ended(body.id)).toMatchObject({ output: { decision: 'expired', comment: null } });
    const approvals = (await platform.events(body.id)).filter(({ type }) => type === 'approval');
    const [asked] = approvals.map(({ data }) => data as { approvalId: string });
    expect(approvals.map(({ data }) => data)).toMatchObject([
      { state: 'requested' },
      { approvalId: asked?.approvalId, state: 'decided', decision: 'expired', comment: null },
    ]);
    const late = await platform.call('POST', `/v1/runs/${body.id}/approvals/${approval?.id}`, { decision: 'approve' });
    expect(late).toMatchObject({ status: 409, body: { code: 'runs.already-decided' } });
  });

  it('goes on under a newer program, and one of a newer program waits for it', async () => {
    const old = await platform.another('worker');
    const begun = meeting();
    let works = 0;
    const script = async (ctx: RunContext) => {
      await ctx.step('before', async () => {
        works += 1;
        return null;
      });
      return ctx.step('during', () => {
        begun.arrive();
        return works > 1 || upgraded ? Promise.resolve('done') : new Promise<string>(() => {});
      });
    };
    let upgraded = false;
    const { body } = await platform.begin(script, { wait: 0 });
    await begun.arrived;
    await old.stop();
    upgraded = true;
    await platform.admin('update durable.task set version = $1', [DURABLE_VERSION + 1]);
    await platform.another('worker');
    const other = await platform.begin(async () => 'other', { wait: 10 });
    expect(other.body.status).toBe('succeeded');
    expect((await platform.run(body.id)).status).toBe('running');
    await platform.admin('update durable.task set version = $1', [DURABLE_VERSION]);
    expect(await platform.ended(body.id)).toMatchObject({ status: 'succeeded', output: 'done' });
    expect(works).toBe(1);
  });
});

/** A small agent as a value: what it does, and what a plain interpreter says it returns. */
type Program =
  | { readonly kind: 'step'; readonly name: string; readonly value: number }
  | { readonly kind: 'sleep' | 'approve'; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly body: Program }
  | { readonly kind: 'sequence' | 'parallel'; readonly parts: readonly Program[] };

/** Numbers that look random and are the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function makeProgram(random: () => number): Program {
  let names = 0;
  const make = (depth: number, mayCall: boolean): Program => {
    names += 1;
    const name = `n${names}`;
    const choice = Math.floor(random() * (depth > 0 ? 8 : 5));
    if (choice === 3) return { kind: 'sleep', name };
    if (choice === 4) return { kind: 'approve', name };
    if (choice === 5 && mayCall) return { kind: 'call', name, body: make(depth - 1, false) };
    if (choice >= 5)
      return {
        kind: choice === 6 ? 'sequence' : 'parallel',
        parts: Array.from({ length: 2 + Math.floor(random() * 2) }, () => make(depth - 1, mayCall)),
      };
    return { kind: 'step', name, value: Math.floor(random() * 100) };
  };
  return { kind: 'sequence', parts: [make(3, true), make(3, true), make(2, true)] };
}

function interpret(program: Program): Json {
  switch (program.kind) {
    case 'step':
      return program.value;
    case 'sleep':
      return 'slept';
    case 'approve':
      return 'approve';
    case 'call':
      return ['called', interpret(program.body)];
    case 'sequence':
    case 'parallel':
      return program.parts.map(interpret);
  }
}

function follow(program: Program, onWork: (runId: string, name: string) => Promise<void>) {
  const play = async (ctx: RunContext, part: Program): Promise<Json> => {
    switch (part.kind) {
      case 'step':
        return ctx.step(part.name, async () => {
          await onWork(ctx.runId, part.name);
          return part.value;
        });
      case 'sleep':
        await ctx.sleep(part.name, 30);
        return 'slept';
      case 'approve':
        return (await ctx.approve(part.name, { title: part.name })).decision;
      case 'call': {
        const called = platform.input((child) => play(child, part.body));
        return ['called', (await ctx.call('scripted', called, { name: part.name })).output];
      }
      case 'sequence': {
        const results: Json[] = [];
        for (const each of part.parts) results.push(await play(ctx, each));
        return results;
      }
      case 'parallel':
        return Promise.all(part.parts.map((each) => play(ctx, each)));
    }
  };
  return (ctx: RunContext) => play(ctx, program);
}

describe('any program of steps, timers, people and calls', () => {
  it('returns what a plain reading of it says, each step effective once, however often its workers go', async () => {
    const seed = 20_261_121;
    const random = seeded(seed);
    const programs = Array.from({ length: 12 }, () => makeProgram(random));
    let works = 0;
    // Some work takes a moment, so that workers stop in the middle of it.
    const onWork = async () => {
      works += 1;
      if (works % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 15));
    };
    let workers: Server[] = [await platform.another('worker')];
    const runs = await Promise.all(
      programs.map((program) => platform.begin(follow(program, onWork), { wait: 0, calls: 30, tier: 'solo' })),
    );
    const ids = runs.map((run) => run.body.id);
    let stops = 0;
    const ended = await eventually(async () => {
      await approveOpen();
      if (stops < 8) {
        stops += 1;
        const fresh = await platform.another('worker');
        await Promise.all(workers.map((worker) => worker.stop()));
        workers = [fresh];
      }
      const all = await Promise.all(ids.map((id) => platform.run(id)));
      return all.every((run) => run.finishedAt !== null) ? all : undefined;
    });
    for (const [index, run] of ended.entries()) {
      const program = programs[index];
      if (!program) throw new Error('a run without its program');
      expect([seed, index, run.status, run.output]).toEqual([seed, index, 'succeeded', interpret(program)]);
      const events = await platform.events(run.id);
      expect(events.map((event) => event.seq)).toEqual(events.map((_, place) => place + 1));
      expect(events.at(-1)).toMatchObject({ type: 'status', data: { status: 'succeeded' } });
    }
    // One outcome on record for each step, and nothing left of any run.
    const twice = await platform.admin(`select run_id, data ->> 'index' from runs.event
      where type = 'step' and data ->> 'status' = 'succeeded' group by 1, 2 having count(*) > 1`);
    expect(twice).toEqual([]);
    expect(await platform.admin('select id from durable.task')).toEqual([]);
    expect((await platform.balance()).held).toBe(0n);
  });
});
