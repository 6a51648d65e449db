/** What may stand in an audit row. */
import type { AuditEvent } from './types.ts';

// Ids, actions and small figures; anything longer is a payload in disguise.
const TEXT_MAX = 256;
const DATA_MAX_BYTES = 4096;
// Printable ASCII only, so that no line break or terminal sequence reaches a log or a screen.
const PLAIN = /^[\x20-\x7e]*$/;

/** The first field that does not belong into an audit row, or undefined when all do. */
export function findUnfit(event: AuditEvent): string | undefined {
  const { data = {}, ...fields } = event;
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && (value.length > TEXT_MAX || !PLAIN.test(value))) return name;
  }
  for (const [name, value] of Object.entries(data)) {
    if (!PLAIN.test(name)) return 'data';
    if (typeof value === 'string' && (value.length > TEXT_MAX || !PLAIN.test(value))) return `data.${name}`;
  }
  return JSON.stringify(data).length > DATA_MAX_BYTES ? 'data' : undefined;
}
