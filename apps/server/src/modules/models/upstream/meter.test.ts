import { beforeEach, expect, test } from 'vitest';
import { Meter } from './meter.ts';

let now: number;
let meter: Meter;
beforeEach(() => {
  now = 60_000 * 1_000;
  meter = new Meter(() => now);
});

test('lets as much through as the limit, and says how long the next must wait', () => {
  for (let i = 0; i < 60; i += 1) {
    expect(meter.waitMs(1, 60)).toBe(0);
    meter.take(1);
  }
  const waitMs = meter.waitMs(1, 60);
  expect(waitMs).toBeGreaterThan(0);
  now += waitMs - 2;
  expect(meter.waitMs(1, 60)).toBeGreaterThan(0);
  now += 1_003;
  expect(meter.waitMs(1, 60)).toBe(0);
});

test('never lets more than the limit through in any minute', () => {
  const taken: number[] = [];
  for (let step = 0; step < 3_000; step += 1) {
    now += 100;
    if (meter.waitMs(1, 100) > 0) continue;
    meter.take(1);
    taken.push(now);
  }
  const most = Math.max(...taken.map((from) => taken.filter((at) => at >= from && at < from + 60_000).length));
  expect(most).toBeLessThanOrEqual(100);
  expect(taken.length).toBeGreaterThan(350);
});

test('waiting as long as it says is enough', () => {
  for (const [amount, pause] of [
    [40, 20_000],
    [60, 50_000],
    [80, 5_000],
    [30, 0],
    [100, 130_000],
  ] as const) {
    now += pause;
    now += meter.waitMs(amount, 100);
    // Each pause ends at the latest with the minute in which more becomes known.
    now += meter.waitMs(amount, 100);
    expect(meter.waitMs(amount, 100)).toBe(0);
    meter.take(amount);
  }
});

test('what is larger than the limit goes when nothing else went for a minute or two', () => {
  expect(meter.waitMs(500, 100)).toBe(0);
  meter.take(1);
  expect(meter.waitMs(500, 100)).toBeGreaterThan(0);
  now += 120_000;
  expect(meter.waitMs(500, 100)).toBe(0);
});
