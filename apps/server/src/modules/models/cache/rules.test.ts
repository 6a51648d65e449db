import { describe, expect, test } from 'vitest';
import { readVectors } from './answer.ts';
import { canonical, deciding } from './keys.ts';
import { permissionOf } from './permission.ts';
import { share } from './share.ts';
import { readVector, writeVector } from './vector.ts';

describe('a share', () => {
  test.each([
    [10, [1, 1, 1], [4, 3, 3]],
    [7, [5, 3], [4, 3]],
    [1, [1, 1], [1, 0]],
    [0, [3, 4], [0, 0]],
    [5, [0, 0], [3, 2]],
    [1_000_000_000, [300_000, 299_999, 1], [500_000_000, 499_998_333, 1_667]],
  ])('of %d by %j is %j', (whole, parts, shares) => {
    expect(share(whole, parts)).toEqual(shares);
  });

  test('never makes more or less than the whole', () => {
    for (let whole = 0; whole < 200; whole += 7)
      for (let count = 1; count < 40; count += 3) {
        const parts = Array.from({ length: count }, (_, index) => (index * 7919 + whole) % 101);
        const shares = share(whole, parts);
        expect(shares.reduce((sum, each) => sum + each, 0)).toBe(whole);
        expect(shares.every((each) => each >= 0)).toBe(true);
      }
  });
});

describe('what decides', () => {
  test('is the same in any order of members, and another with any other value', () => {
    expect(canonical({ b: [1, { d: null, c: 'x' }], a: undefined })).toBe('{"b":[1,{"c":"x","d":null}]}');
    const bodies = [
      { a: '1' },
      { a: 1 },
      { a: [1] },
      { a: ['1'] },
      { 'a":1,"b': 1 },
      { a: 1, b: 1 },
      { __proto__x: 1 },
    ];
    expect(new Set(bodies.map(canonical)).size).toBe(bodies.length);
    expect(canonical(['a', 'b'])).not.toBe(canonical(['a,b']));
    expect(canonical(JSON.parse('{"__proto__":{"a":1}}'))).not.toBe(canonical({}));
  });

  test('leaves out who asks, save where the answer repeats it', () => {
    const body = { model: 'm', user: 'u', metadata: { a: 'b' }, seed: 1 };
    expect(deciding('chat', body)).toEqual({ seed: 1 });
    expect(deciding('messages', body)).toEqual({ user: 'u', seed: 1 });
    expect(deciding('responses', body)).toEqual({ user: 'u', metadata: { a: 'b' }, seed: 1 });
  });
});

test.each([
  [undefined, true, true],
  ['no-cache', false, true],
  ['max-age=0, No-Store ', false, false],
  [['x', 'no-cache'], false, true],
  ['not-no-cache', true, true],
])('cache-control %j may read %j and keep %j', (value, mayRead, mayKeep) => {
  expect(permissionOf({ 'cache-control': value })).toEqual({ mayRead, mayKeep });
});

describe('a vector', () => {
  test('is the same in both encodings', () => {
    const numbers = [0.5, -1.25, 3e-8, 0];
    const vector = readVector(numbers);
    const packed = vector && writeVector(vector, true);
    expect(readVector(packed)).toEqual(vector);
    expect(vector && writeVector(vector, false)).toEqual(numbers.map(Math.fround));
  });

  test.each([[[]], [''], ['AAA='], ['not base64'], [[1, 'x']], [null], [{}], [[1, [2]]]])('is not %j', (given) => {
    expect(readVector(given)).toBeUndefined();
  });

  const answer = (data: unknown): Buffer => Buffer.from(JSON.stringify({ data, usage: { prompt_tokens: 1 } }));
  test('stands where its index says', () => {
    const swapped = [
      { index: 1, embedding: [1] },
      { index: 0, embedding: [2] },
    ];
    expect(readVectors(answer(swapped), 2).items.map(({ given }) => given)).toEqual([[2], [1]]);
  });

  test.each([
    ['too few', [{ index: 0, embedding: [1] }]],
    [
      'two for one input',
      [
        { index: 0, embedding: [1] },
        { index: 0, embedding: [2] },
      ],
    ],
    [
      'one for an input that there is not',
      [
        { index: 0, embedding: [1] },
        { index: 2, embedding: [2] },
      ],
    ],
    [
      'no vector',
      [
        { index: 0, embedding: [1] },
        { index: 1, embedding: [] },
      ],
    ],
    ['no object', [1, 2]],
  ])('is not taken from an answer with %s', (_, data) => {
    expect(() => readVectors(answer(data), 2)).toThrow();
  });
});
