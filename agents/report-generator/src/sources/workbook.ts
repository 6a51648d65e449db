/** XLSX: the first row with content is the heading. */
import { AgentError } from '@guildhall/agent-sdk';
import { unzipSync } from 'fflate';
import readXlsxFile, { type CellValue } from 'read-excel-file/node';
import { distinctNames } from './delimited.ts';
import { limitRows, UNPACKED_BYTES_MAX } from './limits.ts';
import type { RawTable } from './table.ts';

/** @throws AgentError `workbook-unreadable`, `sheet-unknown` */
export async function readWorkbook(bytes: Uint8Array, source: string, sheet: string | undefined): Promise<RawTable> {
  refuseBomb(bytes, source);
  const sheets = await readXlsxFile(Buffer.from(bytes), { parseNumber: (text) => text }).catch((cause: unknown) => {
    throw unreadable(source, 'it cannot be read', cause);
  });
  const chosen = sheet === undefined ? sheets[0] : sheets.find((candidate) => candidate.sheet === sheet);
  if (chosen === undefined)
    throw sheetUnknown(
      source,
      sheet,
      sheets.map((candidate) => candidate.sheet),
    );
  const filled = chosen.data.filter((row) => row.some((cell) => cell !== null));
  const [header, ...rows] = filled.map((row) => row.map(cellText));
  if (header === undefined) throw unreadable(source, 'its sheet is empty');
  limitRows(rows.length, source);
  return {
    names: distinctNames(
      header.map((name) => name ?? ''),
      source,
    ),
    rows,
    notes: [],
  };
}

function cellText(cell: CellValue<string> | null): string | null {
  if (cell === null) return null;
  if (!(cell instanceof Date)) return String(cell);
  const text = cell.toISOString();
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text.slice(0, 19);
}

/** The sizes stand in the directory of the archive: nothing is unpacked to add them up. */
function refuseBomb(bytes: Uint8Array, source: string): void {
  let unpacked = 0;
  try {
    unzipSync(bytes, {
      filter: (entry) => {
        unpacked += entry.originalSize;
        return false;
      },
    });
  } catch (cause) {
    throw unreadable(source, 'it is not an XLSX file', cause);
  }
  if (unpacked > UNPACKED_BYTES_MAX) throw unreadable(source, `it unpacks to more than ${UNPACKED_BYTES_MAX} bytes`);
}

const unreadable = (source: string, why: string, cause?: unknown): AgentError =>
  new AgentError('workbook-unreadable', `The workbook of source "${source}" was refused: ${why}.`, {
    advice: 'Save it again as XLSX, or give the sheet as CSV.',
    cause,
  });

const sheetUnknown = (source: string, sheet: string | undefined, known: readonly string[]): AgentError =>
  new AgentError(
    'sheet-unknown',
    `The workbook of source "${source}" has no sheet "${sheet}". It has: ${known.slice(0, 20).join(', ')}.`,
    {
      advice: 'Name one of the listed sheets.',
    },
  );
