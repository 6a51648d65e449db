/** The stream of a run's events ends when there is nothing more to come, and never hangs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { meeting, type ScriptedPlatform, scriptedPlatform } from './runs-fixture.ts';

let platform: ScriptedPlatform;
beforeAll(async () => {
  platform = await scriptedPlatform();
});
afterAll(() => platform.close());

const open = (id: string, after?: number) =>
  fetch(`${platform.url}/v1/runs/${id}/events`, {
    headers: {
      authorization: `Bearer ${platform.key}`,
      ...(after === undefined ? {} : { 'last-event-id': String(after) }),
    },
    signal: AbortSignal.timeout(5_000),
  });
const seqs = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));

describe('the stream of a run', () => {
  it('ends at once for a client that has seen the end', async () => {
    const { body } = await platform.begin((ctx) => ctx.step('work', async () => 1));
    const all = seqs(await (await open(body.id)).text());
    expect(all).toEqual(all.map((_, index) => index + 1));
    expect(seqs(await (await open(body.id, all.length)).text())).toEqual([]);
    expect(seqs(await (await open(body.id, 999_999)).text())).toEqual([]);
  });

  it('shows what follows to a client that claims to have seen more than there is', async () => {
    const go = meeting();
    const { body } = await platform.begin(
      async (ctx) => {
        await ctx.step('first', async () => null);
        await ctx.step('held', async () => {
          await go.arrived;
          return null;
        });
      },
      { wait: 0 },
    );
    await platform.until(body.id, (run) => run.usage.steps === 1);
    const stream = await open(body.id, 999_999);
    go.arrive();
    const text = await stream.text();
    expect(text).toContain('"status":"succeeded"');
  });

  it('closes when the record cannot be read, so that the client comes back', async () => {
    const go = meeting();
    const { body } = await platform.begin((ctx) => ctx.step('held', () => go.arrived.then(() => null)), { wait: 0 });
    const reader = (await open(body.id)).body?.getReader();
    let text = '';
    while (!text.includes('"status":"running"')) text += new TextDecoder().decode((await reader?.read())?.value);
    const rename = (from: string, to: string) => platform.admin(`alter function runs.${from} rename to ${to}`);
    await rename('read_events', 'read_events_away');
    try {
      for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) text += part.value;
      expect(text).not.toContain('"status":"succeeded"');
    } finally {
      await rename('read_events_away', 'read_events');
      go.arrive();
    }
  });
});
