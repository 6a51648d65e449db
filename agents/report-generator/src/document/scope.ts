/** What a text template may name. Plain objects only: no functions, no prototypes, nothing beyond this report. */
import type { ReportInput } from '../input/schema.ts';
import { templateNumber } from '../prose/decimal-filters.ts';
import type { Computed } from '../report/compute.ts';
import type { Amount } from '../report/model.ts';
import type { Table } from '../sources/table.ts';
import type { Speech } from './cells.ts';
import { wordFinding } from './findings.ts';
import { cardOf } from './parts.ts';

/** Rows of a source that a template sees, the first ones of the period. */
const ROWS_MAX = 2_000;

export function templateScope(input: ReportInput, title: string, computed: Computed, speech: Speech): object {
  const { facts, period } = computed;
  const number = (amount: Amount | null): number | string | null =>
    amount === null ? null : templateNumber(amount.value);
  return {
    report: { title, subtitle: input.subtitle ?? '', author: input.author ?? '', language: input.language },
    period:
      period === undefined
        ? null
        : {
            from: period.current.from,
            to: period.current.to,
            text: speech.write.span(period.current.from, period.current.to),
          },
    figures: Object.fromEntries(
      facts.figures.map((figure) => {
        const card = cardOf(figure, speech);
        const change = {
          change: number(figure.change?.absolute ?? null),
          relative: number(figure.change?.relative ?? null),
          changeText: card.change?.text ?? '',
        };
        return [
          figure.id,
          {
            label: figure.label,
            value: number(figure.value),
            text: card.value,
            previous: number(figure.previous),
            previousText: card.previous,
            ...change,
          },
        ];
      }),
    ),
    findings: facts.findings.map((finding) => {
      const worded = wordFinding(finding, speech);
      return {
        id: finding.id,
        kind: finding.kind,
        title: worded.kind,
        sentence: worded.sentence,
        formula: worded.formula,
      };
    }),
    data: Object.fromEntries(computed.tables.map(({ table, rows }) => [table.id, rowsOf(table, rows.current)])),
  };
}

function rowsOf(table: Table, rows: readonly number[]): object[] {
  const columns = [...table.columns.values()];
  return rows.slice(0, ROWS_MAX).map((row) =>
    Object.fromEntries(
      columns.map((column) => {
        const cell = column.cells[row] ?? null;
        return [column.name, cell !== null && column.type === 'number' ? templateNumber(cell) : cell];
      }),
    ),
  );
}
