/** A workbook: summary, findings, one sheet for each chart and table. */
import writeXlsxFile, { type Sheet } from 'write-excel-file/node';
import { categoryText, type Speech, subjectText } from '../../document/cells.ts';
import type { ReportDocument } from '../../document/document.ts';
import { wordFinding } from '../../document/findings.ts';
import type { Category, Chart, Facts, ReportTable, TableCell } from '../../report/model.ts';
import { heading } from '../../wording/humanise.ts';
import { dateCell, headCell, numberCell, strongCell, textCell } from './cells.ts';

type Row = Sheet<Buffer>['data'][number];
type Made = {
  readonly name: string;
  readonly rows: Row[];
  readonly widths: readonly number[];
  readonly headRows: number;
};

/** Excel's limit for the name of a sheet. */
const SHEET_NAME_MAX = 31;
const CHANGE = { style: 'percent', decimals: 1 } as const;

export async function renderXlsx(document: ReportDocument, facts: Facts, speech: Speech): Promise<Uint8Array> {
  const { words } = speech;
  const made: Made[] = [
    summarySheet(document, facts, speech),
    ...(facts.findings.length === 0 ? [] : [findingSheet(document, facts, speech)]),
    ...facts.tables.map((table) => tableSheet(table, document.primary, speech)),
    ...facts.charts.map((chart) => chartSheet(chart, document.primary, speech)),
  ];
  const names = distinct(made.map((sheet) => sheetName(sheet.name, words.data)));
  const sheets: Sheet<Buffer>[] = made.map((sheet, index) => ({
    sheet: names[index] ?? `${index + 1}`,
    data: sheet.rows,
    columns: sheet.widths.map((width) => ({ width })),
    stickyRowsCount: sheet.headRows,
    rightToLeft: document.direction === 'rtl',
  }));
  return writeXlsxFile(sheets).toBuffer();
}

/** Signs that Excel refuses in the name of a sheet. */
const sheetName = (title: string, otherwise: string): string =>
  title
    .replace(/[\\/?*[\]:']/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, SHEET_NAME_MAX) || otherwise;

function distinct(names: readonly string[]): string[] {
  const used = new Set<string>();
  return names.map((name) => {
    let candidate = name;
    for (let count = 2; used.has(candidate.toLowerCase()); count += 1)
      candidate = `${name.slice(0, SHEET_NAME_MAX - 4)} ${count}`;
    used.add(candidate.toLowerCase());
    return candidate;
  });
}

function summarySheet(document: ReportDocument, facts: Facts, { words }: Speech): Made {
  const head = [
    words.figure,
    words.value,
    words.previous,
    words.change,
    `${words.change} %`,
    words.formula,
    words.profile.source,
  ];
  const rows: Row[] = [
    [{ ...strongCell(document.title), fontSize: 16 }],
    ...(document.subtitle === '' ? [] : [[textCell(document.subtitle)]]),
    ...document.facts.map((fact): Row => [strongCell(fact.label), textCell(fact.text)]),
    [],
    head.map((label) => headCell(label, document.primary)),
    ...facts.figures.map(
      (figure): Row => [
        textCell(figure.label),
        figure.value && numberCell(figure.value.value, figure.format),
        figure.previous && numberCell(figure.previous.value, figure.format),
        figure.change && numberCell(figure.change.absolute.value, figure.format),
        figure.change?.relative ? numberCell(figure.change.relative.value, CHANGE) : null,
        textCell(figure.formula),
        textCell(figure.source),
      ],
    ),
    [],
    ...facts.notes.map((note): Row => [textCell(note)]),
    [textCell(words.rounding)],
  ];
  return { name: words.keyFigures, rows, widths: [32, 18, 18, 18, 12, 44, 16], headRows: 0 };
}

function findingSheet(document: ReportDocument, facts: Facts, speech: Speech): Made {
  const { words } = speech;
  const rows: Row[] = [[words.finding, '', words.formula].map((label) => headCell(label, document.primary))];
  for (const finding of facts.findings) {
    const worded = wordFinding(finding, speech);
    rows.push([strongCell(worded.kind), { ...textCell(worded.sentence), wrap: true }, textCell(finding.formula)]);
    for (const input of finding.inputs) {
      const name = typeof input.name === 'string' ? input.name : categoryText(input.name, speech);
      rows.push([
        textCell(subjectText(finding.subject, speech)),
        textCell(name),
        numberCell(input.value, finding.format),
        input.previous ? numberCell(input.previous, finding.format) : null,
      ]);
    }
  }
  return { name: words.findings, rows, widths: [26, 70, 40, 18], headRows: 1 };
}

function tableSheet(table: ReportTable, colour: string, speech: Speech): Made {
  const cell = (value: TableCell, index: number): Row[number] => {
    const column = table.columns[index];
    if (value === null || column === undefined) return null;
    if (typeof value !== 'string') return categoryCell(value, speech);
    if (column.kind === 'number' && column.format !== null) return numberCell(value, column.format);
    return column.kind === 'date' ? dateCell(value) : textCell(value);
  };
  const totals = table.totals?.map((value, index) => {
    const format = table.columns[index]?.format;
    if (value === null || !format) return index === 0 ? strongCell(speech.words.total) : null;
    return { ...numberCell(value, format), fontWeight: 'bold' as const };
  });
  const rows: Row[] = [
    table.columns.map((column) => headCell(heading(column.label), colour)),
    ...table.rows.map((row) => row.map(cell)),
    ...(totals ? [totals] : []),
  ];
  return {
    name: table.title,
    rows,
    widths: table.columns.map((column) => (column.kind === 'number' ? 16 : 24)),
    headRows: 1,
  };
}

function chartSheet(chart: Chart, colour: string, speech: Speech): Made {
  if (chart.kind === 'scatter') {
    const head = [heading(chart.xLabel), heading(chart.yLabel), speech.words.name].map((label) =>
      headCell(label, colour),
    );
    const exactFormat = { style: 'number', decimals: 2 } as const;
    const points = chart.scatter.flatMap((series) =>
      series.points.map(
        ([x, y]): Row => [numberCell(x, exactFormat), numberCell(y, chart.format), textCell(series.label)],
      ),
    );
    return { name: chart.title, rows: [head, ...points], widths: [16, 16, 24], headRows: 1 };
  }
  const head = [heading(chart.xLabel), ...chart.series.map((series) => series.label)].map((label) =>
    headCell(label, colour),
  );
  const rows = chart.categories.map((category, index): Row => {
    const values = chart.series.map((series) => series.values[index] ?? null);
    return [categoryCell(category, speech), ...values.map((value) => value && numberCell(value.value, chart.format))];
  });
  return { name: chart.title, rows: [head, ...rows], widths: [24, ...chart.series.map(() => 16)], headRows: 1 };
}

function categoryCell(category: Category, speech: Speech): Row[number] {
  return category.kind === 'time' && category.bucket !== 'hour'
    ? dateCell(category.start)
    : textCell(categoryText(category, speech));
}
