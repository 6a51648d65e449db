/** Finding runs again, and following one over a connection that keeps breaking. */
import type { Run, RunEvent } from '@guildhall/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { keeper, teller } from './agents.ts';

interface Page {
  readonly data: Run[];
  readonly nextCursor: string | null;
}

let platform: TestPlatform;
let made: Run[];
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(keeper, teller) });
  made = [];
  for (let index = 0; index < 12; index += 1) {
    made.push(
      await start('keeper', { say: `${index}` }, { metadata: { order: `A_${index}%`, even: `${index % 2 === 0}` } }),
    );
    made.push(await start('teller', { steps: 1 }, { tier: 'basic' }));
  }
}, 60_000);
afterAll(() => platform.close());

async function start(agent: string, input: unknown, more: object = {}): Promise<Run> {
  const answer = await platform.call<Run>('POST', `/v1/agents/${agent}/runs?wait=20`, { input, ...more });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return answer.body;
}
const list = async (query: string): Promise<Page> => (await platform.call<Page>('GET', `/v1/runs?${query}`)).body;
const ids = (runs: readonly Run[]): string[] => runs.map(({ id }) => id);
const newestFirst = (runs: readonly Run[]): string[] => ids(runs).toReversed();

describe('the list of runs', () => {
  it('is newest first and shows each run as it is shown alone', async () => {
    const { data, nextCursor } = await list('limit=200');
    expect(ids(data)).toEqual(newestFirst(made));
    expect(nextCursor).toBeNull();
    const alone = (await platform.call<Run>('GET', `/v1/runs/${data[1]?.id}`)).body;
    const withoutLinks = (run: Run | undefined) => ({
      ...run,
      artifacts: run?.artifacts.map(({ url: _, ...rest }) => rest),
    });
    expect(withoutLinks(data[1])).toEqual(withoutLinks(alone));
  });

  it.each([1, 5, 7, 24, 25])(
    'comes in pages of %i that hold each run once, though new runs begin meanwhile',
    async (limit) => {
      const before = await list(`limit=200`);
      const seen: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const page: Page = await list(`limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`);
        expect(page.data.length).toBeLessThanOrEqual(limit);
        seen.push(...ids(page.data));
        if (cursor === '' && limit === 7) made.push(await start('keeper', {}));
        cursor = page.nextCursor;
      }
      expect(seen).toEqual(ids(before.data));
    },
  );

  it.each<[string, string, (run: Run, index: number) => boolean]>([
    ['agent', 'agent=teller', (run) => run.agent.id === 'teller'],
    ['status', 'status=succeeded', () => true],
    ['a status no run has', 'status=waiting', () => false],
    ['tier', 'tier=basic', (run) => run.tier === 'basic'],
    ['agent and tier that never meet', 'agent=keeper&tier=basic', () => false],
    ['a part of what was noted', 'q=A_3', (run) => run.metadata.order === 'A_3%'],
    ['signs that are wild in SQL', 'q=%25', (run) => run.metadata.order !== undefined],
    ['signs that are wild in SQL, taken as they are', 'q=%25%25', () => false],
    ['a name of SQL', "q='%20or%20true%20--", () => false],
    ['a parent nobody has', `parentRunId=run_${'0'.repeat(26)}`, () => false],
  ])('can be narrowed by %s', async (_, query, belongs) => {
    const { data } = await list(`limit=200&${query}`);
    expect(ids(data)).toEqual(newestFirst(made.filter(belongs)));
  });

  it('can be narrowed by id, and by time: from is included, to is not', async () => {
    const [, second, third] = made;
    expect(ids((await list(`q=${second?.id}`)).data)).toEqual([second?.id]);
    const { data } = await list(`limit=200&from=${second?.createdAt}&to=${third?.createdAt}`);
    expect(ids(data)).toContain(second?.id);
    expect(ids(data)).not.toContain(third?.id);
    expect((await list('from=2030-01-01T00:00:00.000Z')).data).toEqual([]);
  });

  it.each([
    'limit=0',
    'limit=201',
    'limit=x',
    'limit=1&limit=2',
    'status=done',
    'from=yesterday',
    'q=',
    'sort=cost',
    'cursor=x',
    'cursor=',
    `cursor=key_${'0'.repeat(26)}`,
  ])('refuses %s and names it', async (query) => {
    const answer = await platform.call<{ code: string; errors: { path: string }[] }>('GET', `/v1/runs?${query}`);
    expect([answer.status, answer.body.code]).toEqual([422, 'http.invalid-request']);
    expect(answer.body.errors[0]?.path).toBe(`/${query.split('=')[0]}`);
  });
});

describe('a stream of events', () => {
  const CUTS_MIN = 100;

  /** Reads until about `letters` have come, then cuts the connection; gives what came whole. */
  async function readSome(run: string, after: number, letters: number): Promise<RunEvent[]> {
    const abort = new AbortController();
    const response = await fetch(`${platform.url}/v1/runs/${run}/events`, {
      signal: abort.signal,
      headers: { authorization: `Bearer ${platform.key}`, ...(after > 0 ? { 'last-event-id': String(after) } : {}) },
    });
    let text = '';
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    while (reader && text.length < letters) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
    }
    abort.abort();
    await reader?.cancel().catch(() => {});
    const whole = text.slice(0, letters).split('\n\n').slice(0, -1);
    return whole.flatMap((frame) => {
      const data = /^data: (.+)$/m.exec(frame)?.[1];
      return data === undefined ? [] : [JSON.parse(data) as RunEvent];
    });
  }

  it('cut a hundred times while the run goes on, resumes without gap and without repetition', async () => {
    const { body } = await platform.call<Run>('POST', '/v1/agents/teller/runs', { input: { steps: 300, pauseMs: 3 } });
    const events: RunEvent[] = [];
    let cuts = 0;
    let duringRun = 0;
    for (let state = 7; !isEnd(events.at(-1)); state = (state * 48_271) % 2_147_483_647) {
      events.push(...(await readSome(body.id, events.at(-1)?.seq ?? 0, 150 + (state % 500))));
      cuts += 1;
      if (!isEnd(events.at(-1))) duringRun += 1;
    }
    expect(cuts).toBeGreaterThanOrEqual(CUTS_MIN);
    expect(duringRun).toBeGreaterThanOrEqual(CUTS_MIN - 1);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    const all = await readSome(body.id, 0, Number.MAX_SAFE_INTEGER);
    expect(events).toEqual(all);
    expect(all.filter(({ type }) => type === 'step').length).toBeGreaterThanOrEqual(300);
  }, 30_000);

  it.each(['0', '-1', 'x', '99999999999', '1e3', ''])(
    'begins at the beginning, or never repeats, after an id like %j',
    async (id) => {
      const response = await fetch(`${platform.url}/v1/runs/${made[0]?.id}/events`, {
        headers: { authorization: `Bearer ${platform.key}`, 'last-event-id': id },
      });
      expect(await response.text()).toContain('id: 1\n');
    },
  );
});

function isEnd(event: RunEvent | undefined): boolean {
  const { status } = (event?.data ?? {}) as { status?: string };
  return event?.type === 'status' && status === 'succeeded';
}
