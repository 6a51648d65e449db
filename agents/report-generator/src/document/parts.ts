/** Figures, tables and the data profile in words. */
import type { Chart, Figure, ReportTable, SourceSummary, TableColumn } from '../report/model.ts';
import { heading, humanise } from '../wording/humanise.ts';
import { categoryText, cellText, type Speech, WHOLE } from './cells.ts';
import { directionOf } from './direction.ts';
import type { Card, Direction, DrawnColumn, DrawnTable, Tone } from './document.ts';

export function cardOf(figure: Figure, speech: Speech): Card {
  const { words, write } = speech;
  const value = figure.value === null ? words.noValue : write.number(figure.value.value, figure.format);
  if (figure.previous === null) return { label: figure.label, value, change: null, previous: '' };
  const previous = `${words.previous} ${write.number(figure.previous.value, figure.format)}`;
  if (figure.change === null) return { label: figure.label, value, change: null, previous };
  const direction = directionOf(figure.change.absolute.value);
  const relative = figure.change.relative;
  // A share moves by points, not by percent of a percent.
  const isShare = figure.format.style === 'percent';
  const moved =
    isShare || relative === null
      ? write.signed(figure.change.absolute.value, figure.format)
      : write.signedPercent(relative.value);
  const text = direction === 'flat' ? words.noChange : moved;
  return { label: figure.label, value, change: { text, direction, tone: toneOf(direction, figure.better) }, previous };
}

function toneOf(direction: Direction, better: Figure['better']): Tone {
  if (direction === 'flat' || better === 'neutral') return 'neutral';
  return direction === better ? 'good' : 'bad';
}

/** Wider cells than this get the room that is left. */
const LONG_CHARACTERS = 24;
const ROWS_LOOKED_AT = 200;

export function tableOf(table: ReportTable, speech: Speech): DrawnTable {
  const { words, write } = speech;
  const rows = table.rows.map((row) =>
    row.map((cell, index) => cellText(cell, table.columns[index] ?? { label: '', kind: 'text', format: null }, speech)),
  );
  const totals = table.totals?.map((cell, index) => {
    const column = table.columns[index];
    if (cell === null || column?.format == null) return index === 0 ? words.total : '';
    return write.number(cell, column.format);
  });
  const count = (value: number): string => write.number(String(value), WHOLE);
  return {
    title: table.title,
    columns: table.columns.map((column, index) => ({
      label: heading(column.label),
      isNumber: column.kind === 'number',
      isCode: false,
      width: widthOf(column.kind, rows, index),
    })),
    rows,
    totals: totals ?? null,
    note: table.rowsInAll > rows.length ? words.rowsShown(count(rows.length), count(table.rowsInAll)) : '',
  };
}

function widthOf(kind: TableColumn['kind'], rows: readonly (readonly string[])[], index: number): DrawnColumn['width'] {
  if (kind === 'number' || kind === 'date') return 'narrow';
  return rows.slice(0, ROWS_LOOKED_AT).some((row) => (row[index] ?? '').length > LONG_CHARACTERS) ? 'wide' : 'normal';
}

export function profileOf(sources: readonly SourceSummary[], speech: Speech): DrawnTable {
  const { words, write } = speech;
  const count = (value: number): string => write.number(String(value), WHOLE);
  const labels = words.profile;
  const isSeveral = sources.length > 1;
  const heads = [labels.column, labels.type, labels.filled, labels.distinct, labels.min, labels.max];
  const rows = sources.flatMap((source) =>
    source.columns.map((column) => {
      const bound = (value: string | null): string =>
        value === null ? '' : column.type === 'date' ? write.moment(value) : value;
      const cells = [
        column.name,
        words.types[column.type],
        count(column.filled),
        count(column.distinct),
        bound(column.min),
        bound(column.max),
      ];
      return isSeveral ? [source.label, ...cells] : cells;
    }),
  );
  const names = isSeveral ? [labels.source, ...heads] : heads;
  const firstNumber = isSeveral ? 3 : 2;
  return {
    title: labels.title,
    columns: names.map((label, index) => ({
      label,
      isNumber: index >= firstNumber,
      width: index >= firstNumber ? 'narrow' : 'normal',
      isCode: false,
    })),
    rows,
    totals: null,
    note: '',
  };
}

/** The figures of a report with the formula of each, so that a reader can follow them. */
export function methodOf(figures: readonly Figure[], speech: Speech): DrawnTable {
  const { words, write } = speech;
  return {
    title: words.method,
    columns: [words.figure, words.formula, words.profile.source, words.value].map((label, index) => ({
      label,
      isNumber: index === 3,
      width: index === 3 ? 'narrow' : index === 1 ? 'wide' : 'normal',
      isCode: index === 1,
    })),
    rows: figures.map((figure) => [
      figure.label,
      figure.formula,
      figure.source,
      figure.value === null ? words.noValue : write.number(figure.value.value, figure.format),
    ]),
    totals: null,
    note: '',
  };
}

/** A chart in a sentence: its largest value, for whoever cannot see it. */
export function describeChart(chart: Chart, speech: Speech): string {
  if (chart.kind === 'scatter') return `${chart.title}: ${humanise(chart.xLabel)} × ${humanise(chart.yLabel)}`;
  const names = chart.categories.slice(0, 30).map((category, index) => {
    const values = chart.series.map((series) => series.values[index]?.value);
    const shown = values.map((value) =>
      value === undefined ? speech.words.noValue : speech.write.number(value, chart.format),
    );
    return `${categoryText(category, speech)}: ${shown.join(', ')}`;
  });
  return `${chart.title}. ${names.join('; ')}`;
}
