/** Every part of the content with its place, its source and the columns it names. */
import type { Condition, Measure } from '../input/common.ts';
import type { ReportInput } from '../input/schema.ts';

export interface Named {
  readonly path: string;
  readonly column: string;
  /** What the column must hold for the part to make sense. */
  readonly needs: 'number' | 'any';
}

export interface Request {
  readonly kind: 'figures' | 'charts' | 'tables' | 'findings';
  readonly path: string;
  readonly id: string | undefined;
  readonly source: string | undefined;
  readonly where: readonly Condition[];
  readonly columns: readonly Named[];
  readonly formatPaths: readonly {
    readonly path: string;
    readonly format: { readonly style: string; readonly currency?: string | undefined } | undefined;
  }[];
}

export function requestsOf(input: ReportInput): readonly Request[] {
  return [...figures(input), ...charts(input), ...tables(input), ...findings(input)];
}

const named = (path: string, column: string | undefined, needs: Named['needs'] = 'any'): Named[] =>
  column === undefined ? [] : [{ path, column, needs }];

function measured(measure: Measure, path: string): Named[] {
  if (measure.aggregation === 'ratio')
    return [
      ...measured(measure.numerator, `${path}/numerator`),
      ...measured(measure.denominator, `${path}/denominator`),
    ];
  const isCounted = measure.aggregation === 'count' || measure.aggregation === 'distinct';
  return named(`${path}/column`, measure.column, isCounted ? 'any' : 'number');
}

function figures({ figures: list = [] }: ReportInput): Request[] {
  return list.map((figure, index) => {
    const path = `/figures/${index}`;
    return {
      kind: 'figures',
      path,
      id: figure.id,
      source: figure.source,
      where: figure.where,
      columns: measured(figure.measure, `${path}/measure`),
      formatPaths: [{ path: `${path}/format`, format: figure.format }],
    };
  });
}

function charts({ charts: list = [] }: ReportInput): Request[] {
  return list.map((chart, index) => {
    const path = `/charts/${index}`;
    const split = named(`${path}/splitBy`, chart.splitBy);
    const axes =
      chart.kind === 'scatter'
        ? [...named(`${path}/x`, chart.x, 'number'), ...named(`${path}/y`, chart.y, 'number')]
        : [
            ...named(`${path}/x`, chart.x),
            ...chart.y.flatMap((entry, at) => measured(entry.measure, `${path}/y/${at}/measure`)),
          ];
    return {
      kind: 'charts',
      path,
      id: chart.id,
      source: chart.source,
      where: chart.where,
      columns: [...axes, ...split],
      formatPaths: [{ path: `${path}/format`, format: chart.format }],
    };
  });
}

function tables({ tables: list = [] }: ReportInput): Request[] {
  return list.map((table, index) => {
    const path = `/tables/${index}`;
    const columns = [
      ...(table.columns ?? []).flatMap((entry, at) => named(`${path}/columns/${at}/column`, entry.column)),
      ...named(`${path}/groupBy`, table.groupBy),
      ...(table.measures ?? []).flatMap((entry, at) => measured(entry.measure, `${path}/measures/${at}/measure`)),
    ];
    const formatPaths = [
      ...(table.columns ?? []).map((entry, at) => ({ path: `${path}/columns/${at}/format`, format: entry.format })),
      ...(table.measures ?? []).map((entry, at) => ({ path: `${path}/measures/${at}/format`, format: entry.format })),
    ];
    return { kind: 'tables', path, id: table.id, source: table.source, where: table.where, columns, formatPaths };
  });
}

function findings({ findings: list = [] }: ReportInput): Request[] {
  return list.map((finding, index) => {
    const path = `/findings/${index}`;
    const columns =
      finding.kind === 'largest-contributor'
        ? [...named(`${path}/column`, finding.column, 'number'), ...named(`${path}/by`, finding.by)]
        : finding.kind === 'outliers'
          ? [...named(`${path}/column`, finding.column, 'number'), ...named(`${path}/name`, finding.name)]
          : [
              ...measured(finding.measure, `${path}/measure`),
              ...(finding.kind === 'strongest-change' ? named(`${path}/by`, finding.by) : []),
            ];
    return {
      kind: 'findings',
      path,
      id: finding.id,
      source: finding.source,
      where: finding.where,
      columns,
      formatPaths: [{ path: `${path}/format`, format: finding.format }],
    };
  });
}
