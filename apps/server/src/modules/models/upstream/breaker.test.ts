import { beforeEach, describe, expect, test } from 'vitest';
import { Breaker } from './breaker.ts';

let now: number;
let breaker: Breaker;
const fail = (): void => breaker.fail(breaker.begin());
const succeed = (): void => breaker.succeed(breaker.begin());

beforeEach(() => {
  now = 1_000_000;
  breaker = new Breaker(() => now);
});

describe('a breaker', () => {
  test('opens at the fifth failure in a row, and a success in between begins anew', () => {
    for (let i = 0; i < 4; i += 1) fail();
    succeed();
    for (let i = 0; i < 4; i += 1) fail();
    expect(breaker.state).toBe('closed');
    fail();
    expect(breaker.state).toBe('open');
    expect(breaker.openMs).toBe(5_000);
  });

  test('opens when half of 20 calls failed, at the tenth failure', () => {
    let failures = 0;
    while (breaker.state === 'closed' && failures < 50) {
      succeed();
      fail();
      failures += 1;
    }
    expect(failures).toBe(10);
  });

  test('stays closed while a busy channel fails now and then', () => {
    for (let i = 0; i < 1_000; i += 1) {
      if (i % 4 === 0) fail();
      else succeed();
      now += 10;
    }
    expect(breaker.state).toBe('closed');
    expect(breaker.window()).toEqual({ calls: 1_000, failures: 250 });
  });

  test('forgets after 30 s', () => {
    for (let i = 0; i < 9; i += 1) {
      succeed();
      fail();
    }
    now += 30_001;
    expect(breaker.window()).toEqual({ calls: 0, failures: 0 });
    succeed();
    fail();
    expect(breaker.state).toBe('closed');
  });

  test('sends one probe after its rest, and closes when it succeeds', () => {
    for (let i = 0; i < 5; i += 1) fail();
    now += 4_999;
    expect(breaker.openMs).toBe(1);
    now += 1;
    expect([breaker.openMs, breaker.state]).toEqual([0, 'half-open']);
    const probe = breaker.begin();
    expect(breaker.openMs).toBeGreaterThan(0);
    expect(breaker.state).toBe('half-open');
    breaker.succeed(probe);
    expect([breaker.openMs, breaker.state]).toEqual([0, 'closed']);
    expect(breaker.window().failures).toBe(0);
  });

  test('rests twice as long after each probe that fails, up to a minute, and briefly again once it was closed', () => {
    for (let i = 0; i < 5; i += 1) fail();
    const rests: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      rests.push(breaker.openMs);
      now += breaker.openMs;
      fail();
    }
    expect(rests).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    now += breaker.openMs;
    succeed();
    for (let i = 0; i < 5; i += 1) fail();
    expect(breaker.openMs).toBe(5_000);
  });

  test('lets another probe go when the first one taught nothing', () => {
    for (let i = 0; i < 5; i += 1) fail();
    now += 5_000;
    breaker.abandon(breaker.begin());
    expect(breaker.openMs).toBe(0);
  });

  test('is not moved by calls from before it opened', () => {
    const early = Array.from({ length: 6 }, () => breaker.begin());
    const [first = breaker.begin(), ...others] = early;
    for (let i = 0; i < 5; i += 1) fail();
    breaker.succeed(first);
    expect(breaker.state).toBe('open');
    now += 5_000;
    succeed();
    for (const pass of others) breaker.fail(pass);
    breaker.trip(first);
    expect(breaker.state).toBe('closed');
  });

  test('opens at once for a minute where every call would fail until somebody acts', () => {
    breaker.trip(breaker.begin());
    expect([breaker.state, breaker.openMs, breaker.sinceMs]).toEqual(['open', 60_000, now]);
  });

  test('keeps the longest pause that was asked for, and stays closed', () => {
    breaker.rest(3_000);
    breaker.rest(1_000);
    expect([breaker.restMs, breaker.openMs, breaker.state]).toEqual([3_000, 0, 'closed']);
    now += 3_000;
    expect(breaker.restMs).toBe(0);
  });
});
