import { AgentError } from '@guildhall/agent-sdk';
import { describe, expect, it } from 'vitest';
import { defineErrors, GuildhallError } from '../../platform/errors/index.ts';
import {
  failureOf,
  fileRefs,
  isRetryableFailure,
  mean,
  p95,
  RecordedFailure,
  retryDelayMs,
  revive,
  storableJson,
  storedProblem,
} from './rules.ts';

const errors = defineErrors('test', {
  refused: ['refused', 422, 'It was refused.', 'Ask otherwise.'],
  broken: ['broken', 503, 'It is broken.', 'Wait.'],
});

describe('what runs have cost', () => {
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => BigInt(index + 1));
  it.each([
    ['too few', upTo(19), undefined],
    ['twenty', upTo(20), 19n],
    ['twenty-one', upTo(21), 20n],
    ['a hundred', upTo(100), 95n],
    ['a hundred in any order', upTo(100).toReversed(), 95n],
    ['equal ones', Array.from({ length: 30 }, () => 7n), 7n],
    ['more than a float can hold', Array.from({ length: 20 }, () => 2n ** 60n + 1n), 2n ** 60n + 1n],
  ])('has the 95th percentile by nearest rank: %s', (_, values, expected) => {
    expect(p95(values, 20)).toBe(expected);
  });

  it('has a mean that is rounded down, and none of nothing', () => {
    expect([mean([]), mean([5n]), mean([1n, 2n]), mean([2n ** 60n, 2n ** 60n + 2n])]).toEqual([
      undefined,
      5n,
      1n,
      2n ** 60n + 1n,
    ]);
  });
});

describe('files of an input', () => {
  it.each([
    ['nothing', { text: 'file_1' }, []],
    ['one', { source: { file: 'file_abc' } }, [{ id: 'file_abc', path: '/input/source/file' }]],
    ['an artifact in a list', [{ file: 'art_1' }], [{ id: 'art_1', path: '/input/0/file' }]],
    [
      'a name with signs of a pointer',
      { 'a/b~c': { file: 'file_1' } },
      [{ id: 'file_1', path: '/input/a~1b~0c/file' }],
    ],
    ['what only looks like one', { file: 'report.csv', other: { file: 7 } }, []],
    ['null', null, []],
  ])('are found with their places: %s', (_, input, expected) => {
    expect(fileRefs(input)).toEqual(expected);
  });
});

describe('a failure on record', () => {
  it('says of a fault that is not the agent’s own nothing but that there was one', () => {
    for (const error of [new Error('password=1'), 'text', undefined, new GuildhallError(errors.broken)]) {
      const problem = storedProblem(error);
      expect(problem.code).toBe('runs.agent-fault');
      expect(JSON.stringify(problem)).not.toMatch(/password|broken/);
    }
  });

  it.each([
    [
      'the agent’s',
      new AgentError('odd', 'It is odd.', { advice: 'Even it.', errors: [{ path: '/a', message: 'is odd' }] }),
    ],
    ['the agent’s, without advice', new AgentError('odd', 'It is odd.', { advice: '' })],
    ['a refusal of ours', new GuildhallError(errors.refused, { detail: 'Because.' })],
    ['any other', new Error('secret')],
  ])('is the same however often it is revived and recorded: %s', (_, error) => {
    const first = storedProblem(error);
    const again = failureOf(revive(first));
    expect({ ...again, detail: again.detail.trim() }).toEqual({ ...first, detail: first.detail.trim() });
    expect(revive(first)).toBeInstanceOf(error instanceof AgentError ? AgentError : RecordedFailure);
    expect(String(revive(first))).not.toContain('secret');
  });

  it('keeps only characters that the database takes', () => {
    const problem = storedProblem(
      new AgentError('a', 'x\u0000\ud800y', { errors: [{ path: '/\u0000', message: '\udfff' }] }),
    );
    expect(storableJson(problem)).toBeDefined();
    expect(problem.title).toBe('x\ufffd\ufffdy');
  });
});

describe('what can be kept as JSON', () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  it.each([
    ['an object', { a: [1, 'x', null] }, '{"a":[1,"x",null]}'],
    ['nothing', undefined, 'null'],
    ['a whole character beyond the first plane', '😀', '"😀"'],
    ['text that only speaks of an escape', '\\u0000', '"\\\\u0000"'],
    ['a NUL character', 'a\u0000', undefined],
    ['a NUL character after a backslash', '\\\u0000', undefined],
    ['a NUL character in a name', { 'a\u0000': 1 }, undefined],
    ['half a character', '\ud83d', undefined],
    ['a bigint', { amount: 1n }, undefined],
    ['a cycle', cycle, undefined],
    ['a function', () => 1, undefined],
  ])('is decided for %s', (_, value, expected) => {
    expect(storableJson(value)).toBe(expected);
  });
});

describe('trying again', () => {
  it.each([
    ['what the agent marked', new AgentError('busy', 'Busy.', { retryable: true }), true],
    ['what the agent did not mark', new AgentError('bad', 'Bad.'), false],
    ['a fault of the platform', new GuildhallError(errors.broken), true],
    ['a refusal', new GuildhallError(errors.refused), false],
    ['any other error', new Error('bug'), false],
  ])('may help against %s: %#', (_, error, expected) => {
    expect(isRetryableFailure(error)).toBe(expected);
  });

  it('waits at random up to a bound that doubles and never passes its maximum', () => {
    const policy = { firstDelayMs: 100, delayMaxMs: 1_000 };
    for (let attempt = 1; attempt <= 60; attempt += 1) {
      const bound = Math.min(1_000, 100 * 2 ** (attempt - 1));
      expect(retryDelayMs(attempt, policy, 0)).toBe(0);
      expect(retryDelayMs(attempt, policy, 0.5)).toBe(Math.floor(bound / 2));
      expect(retryDelayMs(attempt, policy, 0.999999)).toBeLessThan(bound);
    }
  });
});
