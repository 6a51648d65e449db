/** PostgreSQL restarts, in good order and not, while runs are started and executed. */
import { expect, it } from 'vitest';
import { storm } from './storm.ts';

it('100 runs live through restarts and kill -9 of PostgreSQL; requests fail only while it is down and two seconds longer', async () => {
  const report = await storm({
    seed: 3,
    runs: 100,
    startsPerSecond: 20,
    workers: 2,
    restartMs: [2_500, 3_500],
    restartsMin: 2,
    endWithinMs: 60_000,
    tell: () => {},
  });
  expect(report.violations).toEqual([]);
  expect(report.failedLate).toEqual([]);
  expect(report.restarts.immediate).toBeGreaterThan(0);
  expect(report.restarts.killed).toBeGreaterThan(0);
  expect(report.requests.refused + report.requests.unanswered).toBeGreaterThan(0);
}, 120_000);
