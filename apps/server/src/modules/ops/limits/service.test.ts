import { expect, test } from 'vitest';
import { type Per, type RouteDefinition, route } from '../../../platform/http/index.ts';
import { createLimits } from './index.ts';

const routeWith = (max: number, per: Per = 'ip'): RouteDefinition =>
  route({
    ...{ method: 'POST' as const, path: `/v1/${max}`, summary: 'x', tag: 'Test', scope: 'public' as const },
    responses: { 200: null },
    limits: [{ name: 'shared', per, max, windowSeconds: 60 }],
    handler: async () => undefined,
  });

function limitsOver(routes: readonly RouteDefinition[]) {
  let nowMs = 0;
  let reads = 0;
  const rows: { name: string; organisation: string; max: number; window_seconds: number }[] = [];
  const warned: string[] = [];
  const taken: number[] = [];
  let isUp = true;
  const limits = createLimits({
    // Only what reads the settings asks it.
    db: {
      open: async () => {
        reads += 1;
        if (!isUp) throw new Error('down');
        return new Map(
          rows.map((row) => [
            row.name,
            new Map([[row.organisation, { max: row.max, windowSeconds: row.window_seconds }]]),
          ]),
        );
      },
    } as unknown as Parameters<typeof createLimits>[0]['db'],
    clock: { now: () => new Date(nowMs), monotonicMs: () => nowMs },
    bus: { publish: () => {}, subscribe: () => () => {} },
    log: { warn: (message) => void warned.push(message) },
    limiter: {
      take: async (rule) => {
        taken.push(rule.limit);
        const standing = { allowed: true, limit: rule.limit, windowSeconds: 60, remaining: 1, resetSeconds: 1 };
        return { ...standing, correct: () => {} };
      },
      ask: async (rule) => ({ allowed: true, limit: rule.limit, windowSeconds: 60, remaining: 1, resetSeconds: 1 }),
    },
    routes: () => routes,
  });
  const take = async (): Promise<number | undefined> => {
    const limit = limits.known().get('shared');
    if (limit) await limits.take(limit, { ip: '198.51.100.1', principal: undefined });
    return taken.at(-1);
  };
  const set = (up: boolean): void => {
    isUp = up;
  };
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { limits, rows, warned, take, set, pass, reads: () => reads };
}

test('two routes that mean different things by one name end the start', async () => {
  await expect(limitsOver([routeWith(5), routeWith(6)]).limits.start()).rejects.toThrow('shared');
});

test('what the operator set is read again after five seconds, no request waits for it, and it holds on while nothing can be read', async () => {
  const { limits, rows, warned, take, set, reads, pass } = limitsOver([routeWith(5)]);
  await limits.start();
  expect([await take(), reads()]).toEqual([5, 1]);
  rows.push({ name: 'shared', organisation: '', max: 9, window_seconds: 60 });
  pass(4_999);
  expect([await take(), reads()]).toEqual([5, 1]);
  pass(1);
  await take();
  expect(reads()).toBe(2);
  expect(await take()).toBe(9);
  set(false);
  pass(5_000);
  await take();
  await Promise.resolve();
  expect([await take(), reads(), warned.length]).toEqual([9, 3, 1]);
});
