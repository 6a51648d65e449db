/** Makes order lists of any length, the same for the same seed: quoted fields, Arabic, 0.5 % bad rows. */
import { closeSync, openSync, writeSync } from 'node:fs';

export interface MadeCsv {
  readonly rows: number;
  readonly badRows: number;
  readonly bytes: number;
}

const FIRST = ['نورة', 'محمد', 'سارة', 'خالد', 'Lina', 'Omar', 'Huda', 'Majid'] as const;
const LAST = ['الحربي', 'العمري', 'Khan', 'Said', 'Ali', 'Hadi'] as const;
const CITIES = ['الرياض', 'جدة', 'الدمام', 'مكة', 'Dammam', 'Riyadh'] as const;
const NOTES = ['"urgent, call"', '"said ""ok"""', '"تسليم، غدا"', 'standard', '"box 2, top"', ''] as const;
const HEADER = 'order_id,customer,email,city,amount,ordered,note\n';
const CHUNK_CHARS = 1024 * 1024;
/** One row in so many is bad. */
const BAD_EVERY = 200;

/** The schema that the good rows meet. */
export const ORDER_SCHEMA = {
  type: 'object',
  properties: {
    order_id: { type: 'integer', minimum: 1 },
    customer: { type: 'string', minLength: 1 },
    email: { type: 'string', format: 'email' },
    city: { type: 'string' },
    amount: { type: 'number', minimum: 0 },
    ordered: { type: 'string', format: 'date' },
    note: { type: ['string', 'null'] },
  },
  required: ['order_id', 'customer', 'email', 'amount', 'ordered'],
} as const;

/** The rows of a list, header first, each with its line break. */
export function* orderLines(rows: number, seed = 1): Generator<{ readonly line: string; readonly bad: boolean }> {
  const random = mulberry32(seed);
  const pick = <T>(list: readonly T[]): T => {
    const item = list[Math.floor(random() * list.length)];
    if (item === undefined) throw new Error('lists are not empty');
    return item;
  };
  yield { line: HEADER, bad: false };
  for (let row = 1; row <= rows; row++) {
    const customer = `"${pick(FIRST)} ${pick(LAST)}"`;
    const email = `u${Math.floor(random() * 1e6)}@mail.sa`;
    const amount = (random() * 5000).toFixed(2);
    const day = `2026-${String(1 + Math.floor(random() * 12)).padStart(2, '0')}-${String(1 + Math.floor(random() * 28)).padStart(2, '0')}`;
    const bad = row % BAD_EVERY === 0;
    const fields = [String(row), customer, email, pick(CITIES), amount, day, pick(NOTES)];
    yield { line: `${bad ? spoilt(fields, (row / BAD_EVERY) % 5) : fields.join(',')}\n`, bad };
  }
}

/** Writes a list to `path` without holding it in memory. */
export function makeCsv(path: string, rows: number, seed = 1): MadeCsv {
  const file = openSync(path, 'w');
  let text = '';
  let [badRows, bytes] = [0, 0];
  for (const { line, bad } of orderLines(rows, seed)) {
    text += line;
    if (bad) badRows++;
    if (text.length < CHUNK_CHARS) continue;
    bytes += writeSync(file, text);
    text = '';
  }
  bytes += writeSync(file, text);
  closeSync(file);
  return { rows, badRows, bytes };
}

/** The five ways in which a row of real life is bad. */
function spoilt(fields: readonly string[], way: number): string {
  const [id = '', customer = '', email = '', city = '', amount = '', day = '', note = ''] = fields;
  if (way === 0) return [id, customer, 'not-an-address', city, amount, day, note].join(',');
  if (way === 1) return [id, customer, email, city, 'abc', day, note].join(',');
  if (way === 2) return [id, customer, email, city, amount, '2026-02-30', note].join(',');
  if (way === 3) return [id, customer, email, city, amount, day].join(',');
  return [id, customer.slice(0, -1), email, city, amount, day, 'standard'].join(',');
}

/** A small generator of numbers from 0 to 1, the same on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}
