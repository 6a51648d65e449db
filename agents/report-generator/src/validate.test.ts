import { describe, expect, test } from 'vitest';
import type { GivenInput } from '../test/support.ts';
import { reportInput } from './input/schema.ts';
import { validateReport } from './validate.ts';

const DATA: GivenInput['data'] = [{ id: 'sales', records: [{ day: '2026-10-01', region: 'N', amount: '1.5' }] }];
const faults = (more: Partial<GivenInput>) => validateReport(reportInput.parse({ data: DATA, ...more }));
const SUM = { aggregation: 'sum', column: 'amount' } as const;

describe('faults seen before a run', () => {
  test('a sound input has none', () => {
    expect(
      faults({ figures: [{ label: 'x', measure: SUM }], period: { from: '2026-10-01', to: '2026-10-31' } }),
    ).toEqual([]);
  });

  test.each<[string, Partial<GivenInput>, string, string]>([
    ['a reversed period', { period: { from: '2026-10-31', to: '2026-10-01' } }, '/period', 'reversed'],
    ['an unknown time zone', { timeZone: 'Mars/Olympus' }, '/timeZone', 'IANA'],
    ['two sources of one name', { data: [...DATA, ...DATA] }, '/data/1/id', 'sales'],
    ['an unknown source', { figures: [{ label: 'x', measure: SUM, source: 'other' }] }, '/figures/0/source', 'sales'],
    [
      'an unknown column of a chart',
      { charts: [{ kind: 'bar', title: 't', x: 'regoin', y: [{ measure: SUM }] }] },
      '/charts/0/x',
      'region',
    ],
    [
      'an unknown column of a condition',
      { figures: [{ label: 'x', measure: SUM, where: [{ column: 'no', value: 1 }] }] },
      '/figures/0/where/0/column',
      'no',
    ],
    [
      'a sum over words',
      { figures: [{ label: 'x', measure: { aggregation: 'sum', column: 'region' } }] },
      '/figures/0/measure/column',
      'numbers',
    ],
    [
      'a ratio of nothing',
      {
        figures: [
          {
            label: 'x',
            measure: { aggregation: 'ratio', numerator: SUM, denominator: { aggregation: 'sum', column: 'no' } },
          },
        ],
      },
      '/figures/0/measure/denominator/column',
      'no',
    ],
    [
      'a currency without a name',
      { figures: [{ label: 'x', measure: SUM, format: { style: 'currency' } }] },
      '/figures/0/format/currency',
      'SAR',
    ],
    ['a change without a period', { findings: [{ kind: 'strongest-change', measure: SUM }] }, '/findings/0', 'period'],
    [
      'a split chart of two measures',
      { charts: [{ kind: 'line', title: 't', x: 'day', splitBy: 'region', y: [{ measure: SUM }, { measure: SUM }] }] },
      '/charts/0/y',
      'one entry',
    ],
    [
      'a template that cannot be parsed',
      { template: { sections: [{ kind: 'text', body: 'a\n{% if %' }] } },
      '/template/sections/0/body',
      'line 2, column 1',
    ],
    [
      'a template that reads a file',
      { introduction: { body: '{% include "/etc/passwd" %}' } },
      '/introduction/body',
      'not offered',
    ],
    ['a section of nothing', { template: { sections: [{ kind: 'charts' }] } }, '/template/sections/0', 'charts'],
    [
      'a section that names an unknown figure',
      { figures: [{ id: 'a', label: 'x', measure: SUM }], template: { sections: [{ kind: 'figures', ids: ['b'] }] } },
      '/template/sections/0/ids/0',
      'b',
    ],
    [
      'two figures of one id',
      {
        figures: [
          { id: 'a', label: 'x', measure: SUM },
          { id: 'a', label: 'y', measure: SUM },
        ],
      },
      '/figures/1/id',
      'a',
    ],
  ])('%s', (_, more, path, words) => {
    expect(faults(more)).toContainEqual({ path, message: expect.stringContaining(words) });
  });

  test('columns of files are not guessed at', () => {
    expect(faults({ data: [{ file: { file: 'file_1' } }], figures: [{ label: 'x', measure: SUM }] })).toEqual([]);
  });

  test('recipients are not offered', () => {
    expect(reportInput.safeParse({ data: DATA, recipients: ['a@b.c'] }).success).toBe(false);
  });
});
