/** The trail as a table for spreadsheets (RFC 4180). */
import type { AuditEventView } from '@guildhall/contract';

const COLUMNS = [
  'seq',
  'id',
  'createdAt',
  'actorType',
  'actorId',
  'action',
  'targetType',
  'targetId',
  'requestId',
  'data',
  'prevHash',
  'hash',
] as const satisfies readonly (keyof AuditEventView)[];

// What a spreadsheet would take for a formula, also behind blanks, which some of them skip. The wide signs count as the narrow ones.
const FORMULA = /^[\s]*[=+\-@\t\r\n\0＝＋－＠]/;

/** A field that is shown and never computed: what looks like a formula gets a quote before it. */
export function csvField(value: string): string {
  const harmless = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) || harmless !== value ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

export const CSV_HEAD = `${COLUMNS.join(',')}\r\n`;

export function csvLine(event: AuditEventView): string {
  const fields = COLUMNS.map((name) => (name === 'data' ? JSON.stringify(event.data) : (event[name] ?? '')));
  return `${fields.map(csvField).join(',')}\r\n`;
}
