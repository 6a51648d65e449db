/** How much at once, how fast, and for how much: the limits of a tier, and what a start is told to cost. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, meeting, type ScriptedPlatform, scriptedPlatform } from './runs-fixture.ts';

let platform: ScriptedPlatform;
beforeAll(async () => {
  platform = await scriptedPlatform({ environment: { LIMITS_SCALE: '1' } });
});
afterAll(() => platform.close());

const quick = { wait: 0 } as const;

describe('a tier that runs one at a time', () => {
  it('lets a run call another, because who waits holds no slot', async () => {
    const leaf = platform.input((ctx) => ctx.step('leaf', async () => 'leaf'));
    const { body } = await platform.begin(
      async (ctx) => {
        const results = await Promise.all([ctx.call('scripted', leaf), ctx.call('scripted', leaf)]);
        return results.map((result) => result.output);
      },
      { calls: 2, tier: 'solo' },
    );
    expect(body).toMatchObject({ status: 'succeeded', output: ['leaf', 'leaf'], cost: { nanos: '15000000' } });
    const children = await platform.children(body.id);
    expect(children).toMatchObject([
      { tier: 'solo', cost: { nanos: '5000000' }, usage: { steps: 1 } },
      { tier: 'solo', cost: { nanos: '5000000' }, usage: { steps: 1 } },
    ]);
    const steps = await platform.steps(body.id);
    expect(steps.map(({ kind, status }) => [kind, status])).toEqual([
      ['agent', 'succeeded'],
      ['agent', 'succeeded'],
    ]);
  });

  it('never runs two of one organisation together, and keeps nobody else waiting', async () => {
    const other = await platform.organisation('Other');
    const release = meeting();
    let inside = 0;
    let most = 0;
    const counted = (ctx: Parameters<Parameters<ScriptedPlatform['begin']>[0]>[0]) =>
      ctx.step('work', async () => {
        inside += 1;
        most = Math.max(most, inside);
        await release.arrived;
        inside -= 1;
        return null;
      });
    const mine = await Promise.all(
      Array.from({ length: 4 }, () => platform.begin(counted, { ...quick, tier: 'solo' })),
    );
    await eventually(() => (inside === 1 ? true : undefined));
    const theirs = await platform.begin((ctx) => ctx.step('work', async () => 'theirs'), {
      tier: 'solo',
      key: other.key,
    });
    expect(theirs.body).toMatchObject({ status: 'succeeded', output: 'theirs' });
    expect(inside).toBe(1);
    release.arrive();
    for (const { body } of mine) expect((await platform.ended(body.id)).status).toBe('succeeded');
    expect(most).toBe(1);
  });
});

describe('the pace of starts', () => {
  it('is bounded by the tier: past it a start is refused with when to come back, and is not a run', async () => {
    const { key } = await platform.organisation('Hasty');
    const script = platform.input(async () => null);
    const start = () => platform.call('POST', '/v1/agents/scripted/runs', { input: script, tier: 'solo' }, { key });
    const answers = [];
    for (let i = 0; i < 21; i += 1) answers.push(await start());
    expect(answers.slice(0, 20).map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 202));
    const refused = answers.at(-1);
    expect(refused?.status).toBe(429);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused?.headers.get('content-type')).toContain('application/problem+json');
    const runs = await platform.call<{ data: unknown[] }>('GET', '/v1/runs?limit=100', undefined, { key });
    expect(runs.body.data.length).toBe(20);
  });
});

describe('an estimate', () => {
  const estimate = async (key: string) =>
    (await platform.call('POST', '/v1/agents/scripted/estimate', { input: platform.input(() => null) }, { key })).body;

  it('comes from the price book until twenty runs have succeeded, and from them after', async () => {
    const { key } = await platform.organisation('Careful');
    const run = () => platform.begin(async () => 1, { key, wait: 10 });
    for (let i = 0; i < 19; i += 1) await run();
    expect(await estimate(key)).toMatchObject({ basis: 'price-book', p95: null, sampleSize: 19 });
    await run();
    const price = { nanos: '47500000' };
    expect(await estimate(key)).toMatchObject({ basis: 'history', expected: price, p95: price, sampleSize: 20 });
  });
});

describe('the list of runs', () => {
  it('finds runs by agent, status, tier and words of their metadata, newest first and page by page', async () => {
    const { key } = await platform.organisation('Orderly');
    const begin = (more: object, options: object = {}) =>
      platform.begin(async () => 1, { key, wait: 10, more: { metadata: more }, ...options });
    const first = await begin({ job: 'alpha' });
    const second = await begin({ job: 'beta_100%' }, { tier: 'basic' });
    const third = await begin({ job: 'alphabet' }, { agent: 'brief' });
    const list = async (query: string) =>
      (
        await platform.call<{ data: { id: string }[]; nextCursor: string | null }>(
          'GET',
          `/v1/runs?${query}`,
          undefined,
          { key },
        )
      ).body;
    const found = async (query: string) => (await list(query)).data.map((run) => run.id);
    const [a, b, c] = [first.body.id, second.body.id, third.body.id];
    expect(await found('')).toEqual([c, b, a]);
    expect(await found('agent=brief')).toEqual([c]);
    expect(await found('tier=basic')).toEqual([b]);
    expect(await found('status=failed')).toEqual([]);
    expect(await found('q=alpha')).toEqual([c, a]);
    expect(await found('q=a_100%25')).toEqual([b]);
    expect(await found('q=%25')).toEqual([b]);
    const page = await list('limit=2');
    expect(page.data.map((run) => run.id)).toEqual([c, b]);
    const rest = await list(`limit=2&cursor=${page.nextCursor}`);
    expect([rest.data.map((run) => run.id), rest.nextCursor]).toEqual([[a], null]);
    expect(first.body).toMatchObject({ metadata: { job: 'alpha' } });
  });
});
