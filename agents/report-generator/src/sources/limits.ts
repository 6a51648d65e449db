/** How much a report reads. */
import { AgentError } from '@guildhall/agent-sdk';

/** A report for people; larger data is for data-processor, whose aggregate can be given here. */
export const ROWS_MAX = 200_000;
export const FILE_BYTES_MAX = 64 * 1024 * 1024;
export const COLUMNS_MAX = 300;
/** An XLSX file unpacks to its XML; past this it is taken for a bomb. */
export const UNPACKED_BYTES_MAX = 512 * 1024 * 1024;

export function limitRows(rows: number, source: string): void {
  if (rows <= ROWS_MAX) return;
  throw new AgentError('too-many-rows', `Source "${source}" has ${rows} rows; a report reads at most ${ROWS_MAX}.`, {
    advice: 'Aggregate it with data-processor first and give its output to the report.',
  });
}

export function limitBytes(bytes: number, source: string): void {
  if (bytes <= FILE_BYTES_MAX) return;
  throw new AgentError(
    'file-too-large',
    `The file of source "${source}" has ${bytes} bytes; a report reads at most ${FILE_BYTES_MAX}.`,
    {
      advice: 'Aggregate it with data-processor first and give its output to the report.',
    },
  );
}
