/** Writes numbered records into a staged file through one flat buffer. */
import { closeSync, openSync, writeSync } from 'node:fs';

const BUFFER_BYTES = 1024 * 1024;
/** A row number never has more digits. */
const NUMBER_BYTES = 16;

export class RecordFile {
  readonly #file: number;
  readonly #separator: number;
  #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #used = 0;
  records = 0;
  /** Bytes of the longest record, its number and line break included. */
  longest = 0;

  /** `separator` stands between the number and the record: one ASCII byte. */
  constructor(path: string, separator: string) {
    this.#file = openSync(path, 'w');
    this.#separator = separator.charCodeAt(0);
  }

  /** Appends one record and its number. `source` may be used again at once. */
  write(row: number, source: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.#used + length + NUMBER_BYTES + 2 > this.#buffer.length) this.#flush(length + NUMBER_BYTES + 2);
    const buffer = this.#buffer;
    let at = this.#used;
    let digits = 1;
    for (let rest = row; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    for (let place = at + digits - 1, rest = row; place >= at; place--, rest = Math.floor(rest / 10))
      buffer[place] = 48 + (rest % 10);
    at += digits;
    buffer[at++] = this.#separator;
    source.copy(buffer, at, start, end);
    at += length;
    buffer[at++] = 10;
    if (at - this.#used > this.longest) this.longest = at - this.#used;
    this.#used = at;
    this.records++;
  }

  close(): void {
    this.#flush(0);
    closeSync(this.#file);
  }

  #flush(needed: number): void {
    let sent = 0;
    while (sent < this.#used) sent += writeSync(this.#file, this.#buffer, sent, this.#used - sent);
    this.#used = 0;
    if (needed > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(needed);
  }
}
