/** A worker dies while its agent speaks with a model: the run goes on, the customer pays for each call once, the operator for what was lost. */
import { describe, expect, it } from 'vitest';
import { testDatabase } from '../harness/database.ts';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import { findViolations } from './invariants.ts';
import { startProcess } from './processes.ts';
import { openStage, type Stage, until } from './stage.ts';

const DEATH_MAX_MS = 15_000;
const END_MAX_MS = 25_000;

async function withStage(work: (stage: Stage, mock: MockProvider) => Promise<void>): Promise<void> {
  const mock = await startMockProvider();
  const environment = { OPENAI_API_KEY: 'sk-operator-test', OPENAI_BASE_URL: `${mock.url}/v1` };
  const stage = await openStage({ ...(await testDatabase()), environment });
  try {
    await work(stage, mock);
  } finally {
    await stage.close();
    await mock.close();
  }
}

interface Bill {
  readonly status: string;
  readonly called: string;
  readonly calls: number;
  readonly lost: number;
}
const billOf = async (stage: Stage): Promise<Bill | undefined> =>
  (
    await stage.query<Bill>(`select r.status, r.called_nanos as called,
      (select count(*)::int from models.call c where c.run_id = r.id and c.status = 'succeeded') as calls,
      (select count(*)::int from models.call c where c.run_id = r.id and c.status = 'lost' and c.loss_nanos > 0) as lost from runs.run r`)
  )[0];
const asked = (mock: MockProvider): number =>
  mock.requests().filter(({ path }) => path.endsWith('/chat/completions')).length;

async function expectWhole(stage: Stage): Promise<void> {
  const isEmpty = async () => (await stage.query('select 1 from platform.outbox')).length === 0;
  await until('the outbox is empty', 5_000, isEmpty);
  expect(await findViolations(stage)).toEqual([]);
}

describe.concurrent('a worker that dies', () => {
  // Three calls of 9,000 tokens and a few, of which 20,000 are included; that their run pays what they cost is an invariant.
  it.each([
    { at: 'step.before-work=crash', when: 'before the first call', asks: 3, lost: 1 },
    { at: 'step.after-work=crash@2', when: 'after a stream was delivered', asks: 4, lost: 1 },
    { at: 'step.after-work=crash@3', when: 'after an answer that is paid', asks: 4, lost: 1 },
    { at: 'step.after-checkpoint=crash@3', when: 'after that is on record', asks: 3, lost: 0 },
  ])(
    '$when leaves whole books: each call is paid once',
    async ({ at, asks, lost }) => {
      await withStage(async (stage, mock) => {
        const victim = await startProcess({ role: 'worker', ground: stage.ground, failpoint: at });
        expect((await stage.start('speaking', {}))?.status).toBe(202);
        await until(`a death at ${at}`, DEATH_MAX_MS, () => !victim.isAlive());
        await stage.another('worker');
        await stage.untilAllEnded(END_MAX_MS);
        const bill = await billOf(stage);
        expect(bill).toMatchObject({ status: 'succeeded', calls: 3, lost });
        expect(BigInt(bill?.called ?? '0')).toBeGreaterThan(0n);
        expect(asked(mock)).toBe(asks);
        await expectWhole(stage);
      });
    },
    60_000,
  );

  it('while a run that failed is settled leaves the whole use of models to the operator', async () => {
    await withStage(async (stage, mock) => {
      const failpoint = 'settle.before-commit=crash';
      const victim = await startProcess({ role: 'worker', ground: stage.ground, failpoint });
      await stage.start('speaking', { fails: true });
      await until('a death', DEATH_MAX_MS, () => !victim.isAlive());
      await stage.another('worker');
      await stage.untilAllEnded(END_MAX_MS);
      expect(await billOf(stage)).toMatchObject({ status: 'failed', called: '0', calls: 3, lost: 0 });
      const [loss] = await stage.query<{ same: boolean }>(
        'select bool_and(loss_nanos = provider_cost_nanos and loss_nanos > 0) as same from models.call',
      );
      expect(loss).toEqual({ same: true });
      expect(asked(mock)).toBe(3);
      await expectWhole(stage);
    });
  }, 60_000);
});
