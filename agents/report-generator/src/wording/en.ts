/** English. */
import type { Words } from './words.ts';

export const english: Words = {
  titles: {
    analytics: 'Analytics report',
    financial: 'Financial report',
    operational: 'Operations report',
    executive: 'Executive summary',
    technical: 'Technical report',
  },
  kinds: {
    analytics: 'Analytics',
    financial: 'Finance',
    operational: 'Operations',
    executive: 'Executive',
    technical: 'Technical',
  },
  period: 'Period',
  comparedWith: 'Compared with',
  allRows: 'All data',
  preparedBy: 'Prepared by',
  created: 'Created',
  keyFigures: 'Key figures',
  charts: 'Charts',
  tables: 'Tables',
  findings: 'Findings',
  data: 'Data',
  method: 'How the figures are made',
  previous: 'before',
  noValue: '–',
  noChange: 'unchanged',
  isNew: 'new',
  total: 'Total',
  empty: '(empty)',
  formula: 'Formula',
  inputs: 'Numbers used',
  notes: 'Notes',
  contents: 'Contents',
  name: 'Name',
  value: 'Value',
  change: 'Change',
  row: 'Row',
  figure: 'Figure',
  finding: 'Finding',
  rounding:
    'All figures are computed exactly in decimals; divisions keep 12 digits. Shown values are rounded half away from zero.',
  profile: {
    title: 'Columns of the data',
    source: 'Source',
    column: 'Column',
    type: 'Type',
    filled: 'Filled',
    distinct: 'Distinct',
    min: 'Smallest',
    max: 'Largest',
  },
  types: { number: 'number', date: 'date', text: 'text' },
  aggregation: {
    sum: (column) => `Total ${column}`,
    avg: (column) => `Average ${column}`,
    min: (column) => `Smallest ${column}`,
    max: (column) => `Largest ${column}`,
    count: (column) => (column === '' ? 'Records' : `Filled ${column}`),
    distinct: (column) => `Distinct ${column}`,
  },
  other: (count) => `Other (${count})`,
  rowsShown: (shown, all) => `${shown} of ${all} rows are shown.`,
  pointsLeftOut: (count) => `${count} points are not drawn.`,
  sourceLine: (label, rows) => `${label}: ${rows} rows`,
  sourceInPeriod: (label, rows, all) => `${label}: ${rows} of ${all} rows lie in the period`,
  overTime: (what) => `${what} over time`,
  by: (what, column) => `${what} by ${column}`,
  per: (bucket) => `per ${bucket}`,
  finds: {
    titles: {
      'largest-contributor': 'Largest contributor',
      'strongest-change': 'Strongest change',
      outliers: 'Outliers',
      trend: 'Trend',
    },
    nothing: 'There are too few values to say anything.',
    largest: (f) =>
      `${f.name} contributes ${f.share} of ${f.subject}: ${f.value} of ${f.total}, the largest of ${f.names}.`,
    changed: (f) => {
      const from = `from ${f.previous} to ${f.value}`;
      if (f.direction === 'flat') return `${f.name}: ${f.subject} did not change (${f.value}).`;
      const verb = f.direction === 'up' ? 'rose' : 'fell';
      return `${f.name}: ${f.subject} ${verb} by ${f.absolute}${f.relative === null ? '' : ` (${f.relative})`}, ${from}.`;
    },
    outliers: (f) =>
      f.none
        ? `No value of ${f.subject} lies outside ${f.low} to ${f.high} (${f.of} values).`
        : `${f.count} of ${f.of} values of ${f.subject} lie outside ${f.low} to ${f.high}.`,
    trend: (f) => {
      const fit = f.fit === null ? '' : ` (R² = ${f.fit})`;
      if (f.direction === 'flat') return `${f.subject} is level over ${f.buckets} points.`;
      return `${f.subject} ${f.direction === 'up' ? 'rises' : 'falls'} by ${f.slope} ${f.per} on average over ${f.buckets} points${fit}.`;
    },
  },
};
