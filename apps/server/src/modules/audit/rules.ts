/** What may stand in an audit row. */
import type { AuditEvent } from './types.ts';

// Ids, actions and small figures; anything longer is a payload in disguise.
const TEXT_MAX = 256;
const DATA_MAX_BYTES = 4096;
// Printable ASCII, so that an id from outside cannot bring line breaks or terminal sequences into a log or onto a screen.
const PLAIN = /^[\x20-\x7e]*$/;
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The first id or action that does not belong into an audit row, or undefined when all do. */
export function findUnfit(event: AuditEvent): string | undefined {
  const { data = {}, ...fields } = event;
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && (value.length > TEXT_MAX || !PLAIN.test(value))) return name;
  }
  return JSON.stringify(data).length > DATA_MAX_BYTES ? 'data' : undefined;
}

const harmless = (text: string): string => text.replace(INVISIBLE, '\uFFFD').slice(0, TEXT_MAX);

type Data = NonNullable<AuditEvent['data']>;

/** Words in `data` are cut to length, and every character that steers a screen instead of showing is replaced. */
export function harmlessData(data: Data): Data {
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [harmless(name), typeof value === 'string' ? harmless(value) : value]),
  );
}
