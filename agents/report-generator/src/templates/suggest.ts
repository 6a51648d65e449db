/** Proposes what a house template shows when the input leaves it open: from the kinds of the columns, and by a few words in their names. */
import type { Measure } from '../input/common.ts';
import type { ChartRequest, FigureRequest, FindingRequest, TableRequest } from '../input/content.ts';
import type { HouseTemplate } from '../input/template.ts';
import type { ColumnSummary, SourceSummary } from '../report/model.ts';
import { humanise } from '../wording/humanise.ts';
import type { Words } from '../wording/words.ts';

export interface Content {
  readonly figures: readonly FigureRequest[];
  readonly charts: readonly ChartRequest[];
  readonly tables: readonly TableRequest[];
  readonly findings: readonly FindingRequest[];
}

/** What the first source offers. */
interface Shape {
  readonly source: string;
  readonly numbers: readonly ColumnSummary[];
  /** Text columns with few enough values to stand on an axis. */
  readonly names: readonly ColumnSummary[];
  readonly date: string | undefined;
  readonly columns: readonly ColumnSummary[];
  readonly isCompared: boolean;
}

const NAMES_MAX = 60;
/** Columns whose values are rates or sizes of one thing: an average speaks, a sum does not. */
const RATE =
  /(rate|ratio|percent|pct|price|score|age|latency|duration|seconds|minutes|hours|_ms$|temperature|average|avg|mean|margin)/i;
/** What a reader most likely came for. */
const VALUE = /(amount|revenue|sales|turnover|total|cost|value|spend|المبلغ|الإيراد|المبيعات|القيمة|التكلفة)/i;
const CODE = /(^|[_\s-])(id|no|nr|number|code|zip|phone|year|month|day)$/i;

export function suggest(template: HouseTemplate, source: SourceSummary, words: Words, isCompared: boolean): Content {
  const shape = shapeOf(source, isCompared);
  const plan = PLANS[template];
  return {
    figures: figures(shape, words, plan.figures),
    charts: charts(shape, words, plan.charts),
    tables: tables(shape, words, plan.tables),
    findings: findings(shape, plan.findings),
  };
}

interface Plan {
  readonly figures: number;
  readonly charts: readonly ('line' | 'area' | 'bar' | 'stacked-bar' | 'pie' | 'scatter')[];
  readonly tables: { readonly groups: number; readonly limit: number; readonly rows: number };
  readonly findings: readonly FindingRequest['kind'][];
}

const PLANS: Readonly<Record<HouseTemplate, Plan>> = {
  analytics: {
    figures: 4,
    charts: ['line', 'bar', 'stacked-bar', 'scatter'],
    tables: { groups: 1, limit: 20, rows: 0 },
    findings: ['trend', 'largest-contributor', 'strongest-change', 'outliers'],
  },
  financial: {
    figures: 4,
    charts: ['stacked-bar', 'pie'],
    tables: { groups: 2, limit: 40, rows: 0 },
    findings: ['strongest-change', 'largest-contributor', 'trend'],
  },
  operational: {
    figures: 6,
    charts: ['area', 'bar'],
    tables: { groups: 1, limit: 30, rows: 25 },
    findings: ['outliers', 'trend', 'strongest-change'],
  },
  executive: {
    figures: 4,
    charts: ['line'],
    tables: { groups: 1, limit: 5, rows: 0 },
    findings: ['strongest-change', 'largest-contributor', 'trend'],
  },
  technical: {
    figures: 6,
    charts: ['line', 'bar', 'scatter'],
    tables: { groups: 1, limit: 50, rows: 200 },
    findings: ['outliers', 'trend', 'largest-contributor'],
  },
};

function shapeOf(source: SourceSummary, isCompared: boolean): Shape {
  const weight = (column: ColumnSummary): number => (VALUE.test(column.name) ? 0 : RATE.test(column.name) ? 2 : 1);
  const numbers = source.columns
    .filter((column) => column.type === 'number' && !CODE.test(column.name))
    .sort((a, b) => weight(a) - weight(b));
  const names = source.columns.filter(
    (column) =>
      column.type === 'text' && column.distinct >= 2 && column.distinct <= NAMES_MAX && column.distinct < source.rows,
  );
  return {
    source: source.id,
    numbers,
    names,
    date: source.dateColumn ?? undefined,
    columns: source.columns,
    isCompared,
  };
}

const measureOf = (column: ColumnSummary): Measure => ({
  aggregation: RATE.test(column.name) ? 'avg' : 'sum',
  column: column.name,
});
const RECORDS: Measure = { aggregation: 'count' };

export function measureLabel(measure: Measure, words: Words): string {
  if (measure.aggregation === 'ratio')
    return `${measureLabel(measure.numerator, words)} ÷ ${measureLabel(measure.denominator, words)}`;
  return words.aggregation[measure.aggregation](humanise(measure.column ?? ''));
}

/** The measure a template speaks about: the first number, values before counts before rates, else how many rows there are. */
function mainMeasure(shape: Shape): Measure {
  const [first] = shape.numbers;
  return first === undefined ? RECORDS : measureOf(first);
}

function figures(shape: Shape, words: Words, count: number): FigureRequest[] {
  const measures: Measure[] = [...shape.numbers.map(measureOf), RECORDS];
  const extra: Measure[] = shape.numbers.flatMap((column) => [
    { aggregation: 'avg', column: column.name },
    { aggregation: 'max', column: column.name },
  ]);
  const distinct: Measure[] = shape.names
    .slice(0, 1)
    .map((column) => ({ aggregation: 'distinct', column: column.name }));
  const all = [...measures.slice(0, 3), RECORDS, ...distinct, ...extra];
  const seen = new Map(all.map((measure) => [measureLabel(measure, words), measure]));
  return [...seen]
    .slice(0, count)
    .map(([label, measure]) => ({ label, measure, source: shape.source, where: [], better: 'up' }));
}

function charts(shape: Shape, words: Words, kinds: Plan['charts']): ChartRequest[] {
  const main = mainMeasure(shape);
  const what = measureLabel(main, words);
  const [name, second] = shape.names;
  const base = { source: shape.source, where: [], top: 10 };
  const proposed = kinds.map((kind): ChartRequest | undefined => {
    if (kind === 'scatter') return scatter(shape);
    const y = [{ label: what, measure: main }];
    const isTimed = kind === 'line' || kind === 'area' || kind === 'stacked-bar';
    if (isTimed && shape.date !== undefined) {
      const split = kind === 'stacked-bar' && name !== undefined ? { splitBy: name.name } : {};
      const title =
        kind === 'stacked-bar' && name !== undefined
          ? words.by(words.overTime(what), humanise(name.name))
          : words.overTime(what);
      return { ...base, kind, title, x: shape.date, y, ...split };
    }
    const axis = kind === 'stacked-bar' ? (second ?? name) : name;
    if (axis === undefined) return undefined;
    return { ...base, kind: isTimed ? 'bar' : kind, title: words.by(what, humanise(axis.name)), x: axis.name, y };
  });
  const distinct = new Map(
    proposed.flatMap((chart) => (chart === undefined ? [] : [[`${chart.kind} ${chart.title}`, chart]])),
  );
  return [...distinct.values()];
}

function scatter(shape: Shape): ChartRequest | undefined {
  const [y, x] = shape.numbers;
  if (x === undefined || y === undefined) return undefined;
  return {
    kind: 'scatter',
    title: `${humanise(y.name)} × ${humanise(x.name)}`,
    x: x.name,
    y: y.name,
    source: shape.source,
    where: [],
    pointsMax: 1_000,
  };
}

function tables(shape: Shape, words: Words, plan: Plan['tables']): TableRequest[] {
  const main = mainMeasure(shape);
  const measures = [
    { label: measureLabel(RECORDS, words), measure: RECORDS },
    ...shape.numbers
      .slice(0, 4)
      .map((column) => ({ label: measureLabel(measureOf(column), words), measure: measureOf(column) })),
  ];
  const grouped = shape.names.slice(0, plan.groups).map(
    (name): TableRequest => ({
      source: shape.source,
      where: [],
      title: words.by(measureLabel(main, words), humanise(name.name)),
      groupBy: name.name,
      measures,
      sort: { by: measureLabel(main, words), direction: 'descending' },
      limit: plan.limit,
      totals: true,
    }),
  );
  if (plan.rows === 0) return grouped;
  return [...grouped, { source: shape.source, where: [], title: words.data, limit: plan.rows, totals: false }];
}

function findings(shape: Shape, kinds: Plan['findings']): FindingRequest[] {
  const main = mainMeasure(shape);
  const [name] = shape.names;
  const [number] = shape.numbers;
  const base = { source: shape.source, where: [] };
  return kinds.flatMap((kind): FindingRequest[] => {
    switch (kind) {
      case 'largest-contributor':
        return name === undefined || main.aggregation !== 'sum'
          ? []
          : [{ ...base, kind, column: main.column, by: name.name }];
      case 'strongest-change':
        return shape.isCompared
          ? [{ ...base, kind, measure: main, ...(name === undefined ? {} : { by: name.name }) }]
          : [];
      case 'outliers':
        return number === undefined
          ? []
          : [{ ...base, kind, column: number.name, rule: 'iqr', ...(name === undefined ? {} : { name: name.name }) }];
      case 'trend':
        return shape.date === undefined ? [] : [{ ...base, kind, measure: main }];
      default:
        return kind satisfies never;
    }
  });
}
