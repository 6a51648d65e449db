import { expect, test } from 'vitest';
import { type OutputRoom, outputBound } from './index.ts';

const model = { contextTokens: 400_000, outputTokensMax: 128_000, embeds: false };
const bound = (requested: number | undefined, room: Partial<OutputRoom> = {}, price: Partial<typeof model> = {}) =>
  outputBound(requested, { ...model, ...price }, { inputTokensMax: 1_000, ...room });

test.each([
  ['none is named: 16,384, sent on', bound(undefined), { tokensMax: 16_384, isImposed: true }],
  [
    'none is named and the operator says how much',
    bound(undefined, { unnamedTokens: 4_000 }),
    { tokensMax: 4_000, isImposed: true },
  ],
  [
    'none is named and the tier gives less',
    bound(undefined, { tierTokensMax: 2_048 }),
    { tokensMax: 2_048, isImposed: true },
  ],
  [
    'none is named and the model gives less',
    bound(undefined, {}, { outputTokensMax: 4_096 }),
    { tokensMax: 4_096, isImposed: true },
  ],
  [
    'none is named and the context has less left',
    bound(undefined, { inputTokensMax: 399_000 }),
    { tokensMax: 1_000, isImposed: true },
  ],
  [
    'none is named and the context is full',
    bound(undefined, { inputTokensMax: 500_000 }),
    { tokensMax: 1, isImposed: true },
  ],
  ['one is named', bound(50), { tokensMax: 50, isImposed: false }],
  ['more is named than the model gives', bound(1_000_000), { tokensMax: 128_000, isImposed: false }],
  ['more is named than the tier gives', bound(9_000, { tierTokensMax: 2_048 }), { tokensMax: 2_048, isImposed: true }],
  ['the input is embedded', bound(undefined, {}, { embeds: true }), { tokensMax: 0, isImposed: false }],
])('the most output when %s', (_, found, wanted) => {
  expect(found).toEqual(wanted);
});

test('of a model that nothing is known about, what is named holds', () => {
  const price = { contextTokens: undefined, outputTokensMax: undefined, embeds: false };
  expect(outputBound(70_000, price, { inputTokensMax: 1 })).toEqual({ tokensMax: 70_000, isImposed: false });
  expect(outputBound(undefined, price, { inputTokensMax: 1 })).toEqual({ tokensMax: 16_384, isImposed: true });
});
