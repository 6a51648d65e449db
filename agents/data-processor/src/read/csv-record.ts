/** Finds where one CSV record ends, and reads its fields when that is needed. */

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

export const COMPLETE = 0;
/** The record goes on after the bytes at hand. */
export const PARTIAL = 1;
/** A quote is opened and not closed as it should be. */
export const BROKEN = 2;

/** One scanner is used for all records, so that a million of them make no garbage. */
export class CsvRecordScanner {
  readonly #stop = new Uint8Array(256);
  readonly #delimiter: number;
  fields = 0;
  /** Where the content of the record ends, its line break left out. */
  end = 0;
  /** Where the next record begins. */
  next = 0;
  /** Line breaks inside quotes. */
  breaks = 0;
  /** Legal for us but not for a strict reader: the record must be written anew. */
  odd = false;

  constructor(delimiter: string) {
    this.#delimiter = delimiter.charCodeAt(0);
    for (const byte of [this.#delimiter, QUOTE, LF, CR]) this.#stop[byte] = 1;
  }

  /** `last` says that no bytes come after `limit`. */
  scan(bytes: Buffer, start: number, limit: number, last: boolean): 0 | 1 | 2 {
    this.fields = 1;
    this.breaks = 0;
    this.odd = false;
    let at = start;
    for (;;) {
      at = this.#field(bytes, at, limit, last);
      if (at < 0) return at === -1 ? PARTIAL : BROKEN;
      if (at >= limit) {
        if (!last) return PARTIAL;
        this.end = limit;
        this.next = limit;
        return COMPLETE;
      }
      const byte = bytes[at];
      if (byte === this.#delimiter) {
        this.fields++;
        at++;
        continue;
      }
      this.next = at + 1;
      this.end = at > start && bytes[at - 1] === CR ? at - 1 : at;
      return COMPLETE;
    }
  }

  /** The place of the delimiter or line feed after the field; -1 when bytes are missing, -2 when its quotes are broken. */
  #field(bytes: Buffer, start: number, limit: number, last: boolean): number {
    let at = start;
    while (at < limit && bytes[at] === SPACE) at++;
    if (bytes[at] === QUOTE && at < limit) {
      if (at > start) this.odd = true;
      return this.#quoted(bytes, at + 1, limit, last);
    }
    for (;;) {
      while (at < limit && this.#stop[bytes[at] ?? 0] === 0) at++;
      if (at >= limit) return limit;
      const byte = bytes[at];
      if (byte === this.#delimiter || byte === LF) return at;
      if (byte === QUOTE) this.odd = true;
      else if (at + 1 < limit ? bytes[at + 1] !== LF : last) this.odd = true;
      at++;
    }
  }

  #quoted(bytes: Buffer, start: number, limit: number, last: boolean): number {
    let at = start;
    for (;;) {
      while (at < limit && bytes[at] !== QUOTE) {
        if (bytes[at] === LF) this.breaks++;
        at++;
      }
      if (at >= limit) return last ? -2 : -1;
      if (at + 1 >= limit) return last ? limit : -1;
      if (bytes[at + 1] === QUOTE) {
        at += 2;
        continue;
      }
      at++;
      break;
    }
    while (at < limit && bytes[at] === SPACE) {
      this.odd = true;
      at++;
    }
    if (at >= limit) return last ? limit : -1;
    const byte = bytes[at];
    if (byte === this.#delimiter || byte === LF) return at;
    if (byte === CR) {
      if (at + 1 >= limit) return last ? limit : -1;
      if (bytes[at + 1] === LF) return at + 1;
    }
    return -2;
  }
}

/** The fields of one whole record, by the same rules as the scanner. */
export function fieldsOf(record: string, delimiter: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let start = at;
    while (record[start] === ' ') start++;
    if (record[start] === '"') {
      let value = '';
      let from = start + 1;
      for (;;) {
        const quote = record.indexOf('"', from);
        if (quote === -1) return [...fields, value + record.slice(from)];
        value += record.slice(from, quote);
        if (record[quote + 1] !== '"') {
          at = quote + 1;
          break;
        }
        value += '"';
        from = quote + 2;
      }
      fields.push(value);
      const next = record.indexOf(delimiter, at);
      if (next === -1) return fields;
      at = next + 1;
    } else {
      const next = record.indexOf(delimiter, at);
      fields.push(record.slice(at, next === -1 ? undefined : next).replace(/\r$/, ''));
      if (next === -1) return fields;
      at = next + 1;
    }
  }
}

/** A record that any strict reader understands. */
export function recordOf(fields: readonly string[], delimiter: string): string {
  return fields.map((field) => (field === '' ? '' : `"${field.replaceAll('"', '""')}"`)).join(delimiter);
}
