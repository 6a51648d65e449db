/** Words for names, cells and subjects. */
import type { Category, ReportTable, ShownFormat, Subject, TableCell } from '../report/model.ts';
import { measureLabel } from '../templates/suggest.ts';
import { humanise } from '../wording/humanise.ts';
import type { NumberWriter } from '../wording/number-text.ts';
import type { Words } from '../wording/words.ts';

export interface Speech {
  readonly words: Words;
  readonly write: NumberWriter;
}

export const WHOLE: ShownFormat = { style: 'number', decimals: 0 };

export function categoryText(category: Category, { words, write }: Speech): string {
  switch (category.kind) {
    case 'name':
      return category.name;
    case 'time':
      return write.bucket(category.start, category.bucket);
    case 'empty':
      return words.empty;
    case 'other':
      return words.other(write.number(String(category.count), WHOLE));
    default:
      return category satisfies never;
  }
}

export function subjectText(subject: Subject, { words }: Speech): string {
  if ('label' in subject) return subject.label;
  if ('column' in subject) return humanise(subject.column);
  return measureLabel(subject.measure, words);
}

export function cellText(cell: TableCell, column: ReportTable['columns'][number], speech: Speech): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return categoryText(cell, speech);
  if (column.kind === 'number' && column.format !== null) return speech.write.number(cell, column.format);
  return column.kind === 'date' ? speech.write.moment(cell) : cell;
}
