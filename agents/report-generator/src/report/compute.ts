/** From sources to exact facts. */
import { AgentError } from '@guildhall/agent-sdk';
import { computeChart } from '../charts/compute.ts';
import { computeFinding } from '../findings/compute.ts';
import type { ReportInput } from '../input/schema.ts';
import { computeFigure } from '../measures/figure.ts';
import { type Period, periodOf } from '../measures/period.ts';
import { type PeriodRows, rowsOfPeriod } from '../measures/rows.ts';
import { loadSources, type ReadySource } from '../sources/load.ts';
import type { Table } from '../sources/table.ts';
import { computeTable } from '../tables/compute.ts';
import { type Content, suggest } from '../templates/suggest.ts';
import { wordsOf } from '../wording/index.ts';
import type { Facts } from './model.ts';
import { summarise } from './summary.ts';

/** The facts, and the tables that texts may walk over. */
export interface Computed {
  readonly facts: Facts;
  readonly tables: readonly Placed[];
  readonly period: Period | undefined;
}

export interface Placed {
  readonly table: Table;
  readonly rows: PeriodRows;
}

export async function computeReport(input: ReportInput, sources: readonly ReadySource[]): Promise<Computed> {
  const { tables, notes } = await loadSources(sources, input.timeZone);
  const period = input.period && periodOf(input.period.from, input.period.to, input.period.compareWith);
  const placed = new Map(
    tables.map((table): [string, Placed] => [table.id, { table, rows: rowsOfPeriod(table, period) }]),
  );
  const summaries = tables.map((table, index) =>
    summarise(table, sources[index]?.label ?? table.id, placedOf(placed, table.id).rows),
  );
  const [main] = summaries;
  if (main === undefined) throw new AgentError('source-empty', 'The report has no source.');
  const isCompared = placedOf(placed, main.id).rows.previous !== undefined;
  const content = contentOf(input, () =>
    suggest(
      typeof input.template === 'string' ? input.template : 'analytics',
      main,
      wordsOf(input.language),
      isCompared,
    ),
  );
  const at = (source: string | undefined): Placed => placedOf(placed, source ?? main.id);
  const span = period?.current;
  const facts: Facts = {
    figures: content.figures.map((request, index) => {
      const { table, rows } = at(request.source);
      return computeFigure(request, request.id ?? `figure-${index + 1}`, table, rows);
    }),
    charts: content.charts.map((request, index) => {
      const { table, rows } = at(request.source);
      return computeChart(request, request.id ?? `chart-${index + 1}`, table, { rows: rows.current, span });
    }),
    tables: content.tables.map((request, index) => {
      const { table, rows } = at(request.source);
      return computeTable(request, request.id ?? `table-${index + 1}`, table, { rows: rows.current, span });
    }),
    findings: content.findings.map((request, index) => {
      const { table, rows } = at(request.source);
      return computeFinding(request, request.id ?? `finding-${index + 1}`, table, { rows, span });
    }),
    sources: summaries,
    notes: [...notes, ...periodNotes(placed.values(), period)],
  };
  return { facts, tables: [...placed.values()], period };
}

/** An own template shows what it names; a house template fills the gaps. */
function contentOf(input: ReportInput, propose: () => Content): Content {
  const { figures, charts, tables, findings } = input;
  const isHouse = typeof input.template === 'string';
  const proposed: Content =
    isHouse && !(figures && charts && tables && findings)
      ? propose()
      : { figures: [], charts: [], tables: [], findings: [] };
  return {
    figures: figures ?? proposed.figures,
    charts: charts ?? proposed.charts,
    tables: tables ?? proposed.tables,
    findings: findings ?? proposed.findings,
  };
}

function placedOf(placed: ReadonlyMap<string, Placed>, source: string): Placed {
  const found = placed.get(source);
  if (found !== undefined) return found;
  throw new AgentError(
    'source-unknown',
    `There is no source "${source}". There are: ${[...placed.keys()].join(', ')}.`,
  );
}

/** Why a source was not treated as the period asks. */
function periodNotes(placed: Iterable<Placed>, period: Period | undefined): string[] {
  if (period === undefined) return [];
  return [...placed].flatMap(({ table, rows }): string[] => {
    if (table.dateColumn === undefined)
      return [`Source "${table.id}" has no column of dates: all its rows count, and nothing of it is compared.`];
    if (rows.current.length === 0) return [`Source "${table.id}" has no rows in the period.`];
    const isBare = period.previous !== undefined && rows.previous === undefined;
    return isBare ? [`Source "${table.id}" has no rows in the period before: nothing of it is compared.`] : [];
  });
}
