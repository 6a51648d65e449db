/** More requests at once than the pool has connections: each needs one connection at a time, so none waits for another for ever. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMaker, createWorld, MONEY, type World } from './world.ts';

// The test platform's pool has ten.
const AT_ONCE = 30;

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, 60_000);
afterAll(() => world.close());

const times = <T>(make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: AT_ONCE }, (_, index) => make(index)));

async function assertAll(status: number, send: (index: number) => { path: string; body: unknown }): Promise<void> {
  const began = performance.now();
  const answers = await times((index) => world.send({ method: 'POST', key: world.own.key, ...send(index) }));
  expect(answers.filter((answer) => answer.status !== status).map(({ text }) => text)).toEqual([]);
  expect(performance.now() - began).toBeLessThan(5_000);
}

it('credits', async () => {
  const body = { organisationId: world.foreign.orgId, amount: MONEY, reason: 'test' };
  await assertAll(201, () => ({ path: '/v1/operator/credits', body }));
});

it('starts, replays and cancels of runs with artifacts', async () => {
  const path = `/v1/runs/${world.own.objects.run}`;
  await assertAll(202, () => ({ path: '/v1/agents/keeper/runs', body: { input: {} } }));
  await assertAll(202, () => ({ path: `${path}/replay`, body: {} }));
  await assertAll(202, () => ({ path: `${path}/cancel`, body: {} }));
});

it('approvals', async () => {
  const { waitingRun } = createMaker(world.platform, world.send, world.own);
  const waiting = await times(() => waitingRun());
  await assertAll(200, (index) => ({
    path: `/v1/runs/${waiting[index]?.run}/approvals/${waiting[index]?.approval}`,
    body: { decision: 'approve' },
  }));
});
