import { describe, expect, it } from 'vitest';
import { ATTEMPTS_MAX, judge, modeOf, RETRY_PAUSES_MS, retryAfterMs, unknownPatterns, wants } from './rules.ts';

const NOW = new Date('2026-01-01T00:00:00.000Z');
const fresh = { step: 0, throttled: 0, random: 0.5 };
const answered = (status: number, retryAfter?: number) => ({ status, retryAfterMs: retryAfter });

describe('what goes where', () => {
  it.each([
    ['an exact name', ['run.failed.v1'], 'run.failed.v1', true],
    ['another name', ['run.failed.v1'], 'run.started.v1', false],
    ['a prefix', ['run.*'], 'run.cancelled.v1', true],
    ['a prefix without its dot', ['ru.*'], 'run.cancelled.v1', false],
    ['the star', ['*'], 'run.started.v1', true],
    ['the star and an internal event', ['*'], 'key.rotated.v1', false],
  ])('%s decides', (_, patterns, type, expected) => {
    expect(wants(patterns, type)).toBe(expected);
  });

  it.each([
    [{ mode: 'test' }, 'test'],
    [{ mode: 'live' }, 'live'],
    [{ mode: 'other' }, 'live'],
    [{}, 'live'],
    [null, 'live'],
  ])('an event about %j is of the mode %s', (data, mode) => {
    expect(modeOf(data)).toBe(mode);
  });

  it('patterns that fit no event are named by their places', () => {
    expect(unknownPatterns(['run.failed.v1', 'run.failed', '*', 'job.*', 'run.failed.*', ''])).toEqual([1, 3, 5]);
  });
});

describe('when to try again', () => {
  it('ten attempts spread over 75 h 35 min 5 s', () => {
    expect(ATTEMPTS_MAX).toBe(10);
    expect(RETRY_PAUSES_MS.reduce((sum, pause) => sum + pause, 0)).toBe(((75 * 60 + 35) * 60 + 5) * 1_000);
  });

  it('every pause is that of the schedule, a tenth more or less; after the last attempt none', () => {
    for (const [step, pause] of RETRY_PAUSES_MS.entries()) {
      const at = (random: number) => judge(answered(500), { ...fresh, step, random }).retryMs;
      expect([at(0), at(0.5), at(1)]).toEqual([pause * 0.9, pause, Math.round(pause * 1.1)]);
    }
    expect(judge(answered(500), { ...fresh, step: 9 })).toMatchObject({ outcome: 'exhausted', retryMs: undefined });
  });

  it.each([
    ['120', 120_000],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
    ['99999999', 86_400_000],
    ['-5', undefined],
    ['soon', undefined],
    ['1.5', undefined],
    [undefined, undefined],
  ])('Retry-After %s asks for %s ms', (header, expected) => {
    expect(retryAfterMs(header, NOW)).toBe(expected);
  });

  it('a wish for more patience is granted, one for less is not', () => {
    expect(judge(answered(503, 60_000), fresh)).toMatchObject({ retryMs: 60_000, pauseMs: 60_000 });
    expect(judge(answered(503, 1_000), fresh).retryMs).toBe(5_000);
  });

  it.each([429, 502, 504])('%s quiets the whole endpoint, twice as long each time, for 5 minutes at most', (status) => {
    const pause = (throttled: number) => judge(answered(status), { ...fresh, throttled }).pauseMs;
    expect([pause(0), pause(1), pause(2), pause(50)]).toEqual([5_000, 10_000, 20_000, 300_000]);
  });
});

describe('what an answer means', () => {
  it.each([
    [200, 'delivered', undefined],
    [204, 'delivered', undefined],
    [301, 'retried', 'redirect'],
    [307, 'retried', 'redirect'],
    [404, 'retried', 'status-404'],
    [410, 'gone', 'gone'],
    [500, 'retried', 'status-500'],
  ])('%s is %s', (status, outcome, error) => {
    expect(judge(answered(status), fresh)).toMatchObject({ outcome, error, responseStatus: status });
  });

  it('no answer is a failure that carries its code', () => {
    expect(judge({ status: undefined, fault: 'egress.timeout' }, fresh)).toMatchObject({
      outcome: 'retried',
      error: 'egress.timeout',
      responseStatus: undefined,
    });
  });
});
