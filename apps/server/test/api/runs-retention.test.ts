/** What is old enough goes with its bytes; what lives, and the books, stay. */
import { AgentError, type RunContext } from '@guildhall/agent-sdk';
import type { File as GuildhallFile } from '@guildhall/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pruneRuns } from '../../src/modules/runs/index.ts';
import { type ScriptedPlatform, scriptedPlatform } from './runs-fixture.ts';

let platform: ScriptedPlatform;
beforeEach(async () => {
  platform = await scriptedPlatform();
});
afterEach(() => platform.close());

const DAY_MS = 24 * 3_600_000;
const KEEP = { runsMs: 30 * DAY_MS, filesMs: 7 * DAY_MS };
const prune = () => pruneRuns(platform.db, platform.server.platform.files, KEEP);
const count = async (table: string) =>
  Number((await platform.admin<{ n: string }>(`select count(*) as n from runs.${table}`))[0]?.n);

const upload = async (text: string): Promise<GuildhallFile> => {
  const form = new FormData();
  form.append('file', new Blob([text], { type: 'text/plain' }), 'a.txt');
  const answer = await fetch(`${platform.url}/v1/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${platform.key}` },
    body: form,
  });
  return (await answer.json()) as GuildhallFile;
};
const content = async (id: string) => {
  const answer = await fetch(`${platform.url}/v1/files/${id}/content`, {
    headers: { authorization: `Bearer ${platform.key}` },
  });
  return answer.status === 200 ? answer.text() : answer.status;
};
const keep = (ctx: RunContext, text: string) =>
  ctx.step('keep', async (step) => {
    await step.artifact({ name: 'a.txt', mediaType: 'text/plain', content: new TextEncoder().encode(text) });
    return null;
  });

describe('retention', () => {
  it('removes ended runs with all that is theirs, and leaves live runs and the books', async () => {
    const done = await platform.begin((ctx) => keep(ctx, 'old'));
    const live = await platform.begin((ctx) => ctx.approve('ask', { title: 'May I?', timeoutMs: 400 * DAY_MS }), {
      wait: 0,
    });
    await platform.until(live.body.id, (run) => run.status === 'waiting');
    const spent = (await platform.balance()).spent;
    expect(await prune()).toEqual({ runs: 0, files: 0, contents: 0 });
    await platform.forward('31 days');
    expect(await prune()).toMatchObject({ runs: 1 });
    expect((await platform.call('GET', `/v1/runs/${done.body.id}`)).status).toBe(404);
    expect((await platform.run(live.body.id)).status).toBe('waiting');
    expect([await count('artifact'), await count('run')]).toEqual([0, 1]);
    expect((await platform.balance()).spent).toBe(spent);
    const left = await platform.admin('select 1 from runs.event where run_id = $1', [done.body.id]);
    expect(left).toEqual([]);
    const usage = await platform.admin('select 1 from metering.usage where run_id = $1', [done.body.id]);
    expect(usage.length).toBe(1);
  });

  it('keeps what a live run called, so that its charge can still be given back', async () => {
    const before = await platform.balance();
    const leaf = platform.input(async () => 'leaf');
    const { body } = await platform.begin(
      async (ctx) => {
        await ctx.call('scripted', leaf);
        const { decision } = await ctx.approve('ask', { title: 'May I?', timeoutMs: 40 * DAY_MS });
        throw new AgentError('no-luck', `It was ${decision}.`);
      },
      { calls: 1, wait: 0 },
    );
    await platform.until(body.id, (run) => run.waitingFor === 'approval');
    await platform.forward('35 days');
    expect(await prune()).toMatchObject({ runs: 0 });
    await platform.forward('10 days');
    expect(await platform.ended(body.id)).toMatchObject({ status: 'failed', error: { code: 'agent.no-luck' } });
    expect(await platform.balance()).toEqual(before);
    await platform.forward('31 days');
    expect(await prune()).toMatchObject({ runs: 2 });
  });

  it('removes bytes two hours after the last row that named them, and none that a row still names', async () => {
    const [first, second] = [await upload('shared'), await upload('shared')];
    await platform.call('DELETE', `/v1/files/${first.id}`);
    await platform.forward('121 minutes');
    expect((await prune()).contents).toBe(0);
    expect(await content(second.id)).toBe('shared');
    await platform.call('DELETE', `/v1/files/${second.id}`);
    await platform.forward('119 minutes');
    expect((await prune()).contents).toBe(0);
    await platform.forward('2 minutes');
    expect((await prune()).contents).toBe(1);
    const { files } = platform.server.platform;
    await expect(files.get(platform.orgId, second.sha256)).rejects.toThrow();
  });

  it('gives both hours anew to content that was let go of again', async () => {
    const first = await upload('again');
    await platform.call('DELETE', `/v1/files/${first.id}`);
    await platform.forward('100 minutes');
    const second = await upload('again');
    await platform.call('DELETE', `/v1/files/${second.id}`);
    await platform.forward('40 minutes');
    expect((await prune()).contents).toBe(0);
    const third = await upload('again');
    await platform.forward('100 minutes');
    expect((await prune()).contents).toBe(0);
    expect(await content(third.id)).toBe('again');
  });

  it('removes files past their age, but not the artifact that shares their bytes', async () => {
    const file = await upload('both');
    const { body } = await platform.begin((ctx) => keep(ctx, 'both'));
    await platform.forward('8 days');
    expect(await prune()).toMatchObject({ runs: 0, files: 1 });
    expect(await content(file.id)).toBe(404);
    await platform.forward('3 hours');
    expect((await prune()).contents).toBe(0);
    const url = (await platform.run(body.id)).artifacts[0]?.url ?? '';
    expect(await (await fetch(url)).text()).toBe('both');
  });
});
