/** CSV and TSV. */
import { AgentError } from '@guildhall/agent-sdk';
import papa from 'papaparse';
import { limitRows } from './limits.ts';
import type { RawTable } from './table.ts';

/** @throws AgentError `csv-broken` naming the row */
export function readDelimited(text: string, source: string, delimiter: string | undefined): RawTable {
  const parsed = papa.parse<string[]>(text, {
    delimiter: delimiter ?? '',
    skipEmptyLines: 'greedy',
    delimitersToGuess: [',', ';', '\t', '|'],
  });
  const broken = parsed.errors.find((fault) => fault.type === 'Quotes');
  if (broken !== undefined) throw csvBroken(source, (broken.row ?? 0) + 1, broken.message);
  const [header, ...rows] = parsed.data;
  if (header === undefined) throw csvBroken(source, 1, 'there is no header');
  limitRows(rows.length, source);
  const tooLong = rows.findIndex((row) => row.length > header.length);
  if (tooLong >= 0)
    throw csvBroken(source, tooLong + 2, `it has ${rows[tooLong]?.length} cells under ${header.length} headings`);
  const short = rows.filter((row) => row.length < header.length).length;
  const notes = short === 0 ? [] : [`Source "${source}": ${short} short rows were read with empty cells at their end.`];
  return { names: distinctNames(header, source), rows, notes };
}

/** Names a heading that is empty; two equal ones are refused, for no reference could tell them apart. */
export function distinctNames(header: readonly string[], source: string): string[] {
  const names = header.map((name, index) => name.trim() || `column ${index + 1}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return names;
  throw new AgentError('heading-twice', `Source "${source}" has two columns named "${twice}".`, {
    advice: 'Rename one of them.',
  });
}

const csvBroken = (source: string, row: number, why: string): AgentError =>
  new AgentError('csv-broken', `Source "${source}" is not well-formed CSV at row ${row}: ${why}.`, {
    advice:
      'Close every quotation mark, double those inside a quoted cell, and give each row as many cells as the heading.',
  });
