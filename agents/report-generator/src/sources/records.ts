/** JSON, NDJSON and inline records. Numbers keep the digits they were written with. */
import { AgentError } from '@guildhall/agent-sdk';
import { COLUMNS_MAX, limitRows } from './limits.ts';
import type { RawTable } from './table.ts';

const NESTING_MAX = 4;
type Flat = Map<string, string | null>;

export function readJson(text: string, source: string, pointer: string | undefined): RawTable {
  const root = parseExact(text, source, undefined);
  const list = pointer === undefined ? firstList(root) : at(root, pointer, source);
  if (!Array.isArray(list))
    throw notRecords(source, pointer === undefined ? 'holds no array of records' : `has no array at ${pointer}`);
  return readRecords(list, source);
}

export function readNdjson(text: string, source: string): RawTable {
  const records: unknown[] = [];
  text.split('\n').forEach((line, index) => {
    if (line.trim() !== '') records.push(parseExact(line, source, index + 1));
  });
  return readRecords(records, source);
}

/** The columns are all names that occur, in order of first appearance; nested objects become `outer.inner`. */
export function readRecords(records: readonly unknown[], source: string): RawTable {
  limitRows(records.length, source);
  const names = new Set<string>();
  const flats = records.map((record, index) => {
    if (typeof record !== 'object' || record === null || Array.isArray(record))
      throw notRecords(source, `has a record at position ${index + 1} that is no object`);
    const flat: Flat = new Map();
    flatten(record, '', flat, 0);
    for (const name of flat.keys()) names.add(name);
    if (names.size > COLUMNS_MAX) throw notRecords(source, `has more than ${COLUMNS_MAX} columns`);
    return flat;
  });
  const order = [...names];
  return { names: order, rows: flats.map((flat) => order.map((name) => flat.get(name) ?? null)), notes: [] };
}

function flatten(record: object, prefix: string, into: Flat, depth: number): void {
  for (const [key, value] of Object.entries(record)) {
    const name = prefix + key;
    if (value instanceof Digits) into.set(name, value.text);
    else if (value === null) into.set(name, null);
    else if (typeof value === 'object' && !Array.isArray(value) && depth < NESTING_MAX)
      flatten(value, `${name}.`, into, depth + 1);
    else into.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
}

/** A JSON number as written: `0.10` and twenty-digit integers survive. */
class Digits {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toJSON(): string {
    return this.text;
  }
}

type ExactReviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;

function parseExact(text: string, source: string, line: number | undefined): unknown {
  const keepDigits: ExactReviver = (_key, value, context) =>
    typeof value === 'number' ? new Digits(context.source ?? String(value)) : value;
  try {
    // The third argument of a reviver is in the runtime, though not yet in the typed library.
    return JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown);
  } catch (cause) {
    throw notRecords(source, `is not JSON${line === undefined ? '' : ` in line ${line}`}`, cause);
  }
}

/** A list at the top, or the only list one level below it. */
function firstList(root: unknown): unknown {
  if (Array.isArray(root) || typeof root !== 'object' || root === null) return root;
  const lists = Object.values(root).filter((value) => Array.isArray(value));
  return lists.length === 1 ? lists[0] : undefined;
}

function at(root: unknown, pointer: string, source: string): unknown {
  let here = root;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key))
      throw notRecords(source, `has nothing at ${pointer}`);
    here = Reflect.get(here, key);
  }
  return here;
}

const notRecords = (source: string, why: string, cause?: unknown): AgentError =>
  new AgentError('records-unreadable', `Source "${source}" ${why}.`, {
    advice: 'Give an array of objects, or a JSON Pointer to one.',
    cause,
  });
