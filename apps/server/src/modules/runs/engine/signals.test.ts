import { describe, expect, it } from 'vitest';
import { combineWaits, type Wait } from './signals.ts';

const at = (ms: number) => new Date(ms);
const wait = (waitingFor: Wait['waitingFor'], dueMs?: number): Wait => ({
  waitingFor,
  dueAt: dueMs === undefined ? undefined : at(dueMs),
});

describe('several things waited for at once', () => {
  it.each([
    ['one child', [wait('child')], 'child', undefined],
    ['a timer and a child', [wait('timer', 5), wait('child')], 'child', 5],
    ['a person and a child', [wait('child'), wait('approval', 9)], 'approval', 9],
    ['a review and an approval', [wait('approval', 9), wait('review', 20)], 'review', 9],
    ['two timers', [wait('timer', 8), wait('timer', 3)], 'timer', 3],
  ] as const)('show what a person can act on, until the first is due: %s', (_, waits, waitingFor, dueMs) => {
    expect(combineWaits(waits)).toEqual(wait(waitingFor, dueMs));
  });
});
