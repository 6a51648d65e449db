/** Cuts CSV and TSV into well-formed numbered records; what cannot be one is reported and left out. */
import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../input/request.ts';
import { COMPLETE, CsvRecordScanner, fieldsOf, PARTIAL, recordOf } from './csv-record.ts';
import { utf8Chunks } from './encoding.ts';
import { sourceError } from './fail.ts';
import { columnNames } from './names.ts';
import { RecordFile } from './record-file.ts';
import { type Staged, type StageOptions, VALUE_SHOWN_CHARS } from './source.ts';

/** A record that is still open after so many bytes has a quote that is never closed. */
const RECORD_BYTES_MAX = 16 * 1024 * 1024;
const LF = 10;

/** @throws AgentError when there is no header, no row, or a header with the same name twice. */
export function stageCsv(options: StageOptions): Staged {
  const stage = new CsvStage(options);
  let rest: Buffer = Buffer.alloc(0);
  let seen = 0;
  for (const chunk of utf8Chunks(
    options.source.path,
    options.inspection.encoding ?? 'utf-8',
    options.inspection.lineBreak,
  )) {
    seen += chunk.length;
    rest = Buffer.from(stage.take(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), false));
    options.progress(seen);
  }
  stage.take(rest, true);
  return stage.finish();
}

class CsvStage {
  readonly #options: StageOptions;
  readonly #delimiter: string;
  readonly #scanner: CsvRecordScanner;
  readonly #file: RecordFile;
  #columns: readonly string[] | undefined;
  #row = 0;
  #line = 1;
  #dropped = 0;
  #multiline = false;
  #skipping = false;

  constructor(options: StageOptions) {
    this.#options = options;
    this.#delimiter = options.inspection.delimiter ?? ',';
    this.#scanner = new CsvRecordScanner(this.#delimiter);
    this.#file = new RecordFile(options.target, this.#delimiter);
  }

  /** Takes all whole records; gives back the bytes of the one that is not whole yet. */
  take(bytes: Buffer, last: boolean): Buffer {
    const scanner = this.#scanner;
    const suspect = bytes.includes(0) || !isUtf8(last ? bytes : bytes.subarray(0, bytes.lastIndexOf(LF) + 1));
    let at = 0;
    while (at < bytes.length) {
      if (this.#skipping) {
        at = this.#skipLine(bytes, at);
        continue;
      }
      const status = scanner.scan(bytes, at, bytes.length, last);
      if (status === COMPLETE) {
        this.#record(bytes, at, suspect);
        this.#line += 1 + scanner.breaks;
        at = scanner.next;
      } else if (status === PARTIAL && bytes.length - at <= RECORD_BYTES_MAX) return bytes.subarray(at);
      else at = this.#broken(bytes, at);
    }
    return Buffer.alloc(0);
  }

  finish(): Staged {
    this.#file.close();
    const { source } = this.#options;
    if (this.#columns === undefined)
      throw sourceError(source, 'empty-source', 'the file is empty', 'Send a file with a header and at least one row.');
    if (this.#row === 0)
      throw sourceError(source, 'no-rows', 'there is a header but not one row', 'Send at least one row of data.');
    return {
      path: this.#options.target,
      records: this.#row,
      dropped: this.#dropped,
      longest: this.#file.longest,
      shape: { type: 'delimited', delimiter: this.#delimiter, columns: this.#columns, multiline: this.#multiline },
    };
  }

  #record(bytes: Buffer, start: number, suspect: boolean): void {
    const { end, fields, breaks, odd } = this.#scanner;
    if (end === start) return;
    if (this.#columns === undefined) {
      this.#header(bytes.toString('utf8', start, end));
      if (this.#options.source.options.header) return;
    }
    this.#row++;
    const fault = suspect || end - start > LIMITS.cellBytes ? this.#contentFault(bytes, start, end) : undefined;
    if (fault !== undefined) {
      this.#bad(bytes.subarray(start, end), ...fault);
      return;
    }
    const wanted = this.#columns?.length ?? 0;
    if (fields !== wanted) {
      this.#ragged(bytes.toString('utf8', start, end), fields, wanted);
      return;
    }
    if (breaks > 0) this.#multiline = true;
    if (odd) this.#rewritten(fieldsOf(bytes.toString('utf8', start, end), this.#delimiter));
    else this.#file.write(this.#row, bytes, start, end);
  }

  #header(record: string): void {
    const { source } = this.#options;
    const found = fieldsOf(record.replaceAll('\0', '').toWellFormed(), this.#delimiter);
    const given = source.options.columns;
    if (given !== undefined && given.length !== found.length) {
      throw sourceError(
        source,
        'column-count',
        `${given.length} names are given for ${found.length} columns`,
        'Give one name for each column.',
      );
    }
    this.#columns = columnNames(
      given ?? (source.options.header ? found : found.map((_, index) => `column_${index + 1}`)),
      source,
    );
  }

  /** Bytes that are no UTF-8, NUL bytes, and cells past the limit. */
  #contentFault(
    bytes: Buffer,
    start: number,
    end: number,
  ): readonly [rule: string, message: string, repair?: () => string] | undefined {
    const record = bytes.subarray(start, end);
    if (!isUtf8(record))
      return [
        'encoding',
        'the row holds bytes that are not UTF-8',
        () => new TextDecoder('windows-1256').decode(record),
      ];
    if (record.includes(0))
      return ['nul-byte', 'the row holds a NUL byte', () => record.toString('utf8').replaceAll('\0', '')];
    if (
      record.length > LIMITS.cellBytes &&
      fieldsOf(record.toString('utf8'), this.#delimiter).some((field) => Buffer.byteLength(field) > LIMITS.cellBytes)
    ) {
      return ['cell-size', `a cell is larger than ${LIMITS.cellBytes} bytes`];
    }
    return undefined;
  }

  #bad(record: Buffer, rule: string, message: string, repair?: () => string): void {
    if (this.#options.onError !== 'coerce' || repair === undefined) {
      this.#report(record.toString('utf8', 0, 4 * VALUE_SHOWN_CHARS), rule, message, 'rejected');
      return;
    }
    const fields = fieldsOf(repair(), this.#delimiter);
    this.#report(record.toString('utf8', 0, 4 * VALUE_SHOWN_CHARS), rule, message, 'coerced');
    this.#rewritten(this.#columns?.map((_, index) => fields[index] ?? '') ?? []);
  }

  #ragged(record: string, fields: number, wanted: number): void {
    const message = `the row has ${fields} ${fields === 1 ? 'value' : 'values'} where there are ${wanted} columns`;
    if (this.#options.onError !== 'coerce') {
      this.#report(record, 'columns', message, 'rejected');
      return;
    }
    this.#report(record, 'columns', message, 'coerced');
    const found = fieldsOf(record, this.#delimiter);
    this.#rewritten(Array.from({ length: wanted }, (_, index) => found[index] ?? ''));
  }

  #rewritten(fields: readonly string[]): void {
    const text = recordOf(fields, this.#delimiter);
    if (text.includes('\n') || text.includes('\r')) this.#multiline = true;
    const bytes = Buffer.from(text);
    this.#file.write(this.#row, bytes, 0, bytes.length);
  }

  /** Gives up the first line of a record with broken quotes and goes on with the line after it. */
  #broken(bytes: Buffer, start: number): number {
    const feed = bytes.indexOf(LF, start);
    const end = feed === -1 ? bytes.length : feed;
    if (this.#columns === undefined)
      throw sourceError(
        this.#options.source,
        'broken-header',
        'the quotes of the header are broken',
        'Close every quote in the first line, or give the right delimiter.',
      );
    this.#row++;
    this.#report(
      bytes.toString('utf8', start, Math.min(end, start + 4 * VALUE_SHOWN_CHARS)),
      'quotes',
      'a quote is opened and not closed as it should be',
      'rejected',
    );
    this.#line++;
    if (feed !== -1) return feed + 1;
    this.#skipping = true;
    return bytes.length;
  }

  #skipLine(bytes: Buffer, start: number): number {
    const feed = bytes.indexOf(LF, start);
    if (feed === -1) return bytes.length;
    this.#skipping = false;
    return feed + 1;
  }

  #report(value: string, rule: string, message: string, outcome: 'rejected' | 'coerced'): void {
    if (outcome === 'rejected') this.#dropped++;
    this.#options.problems.add({
      source: this.#options.source.name,
      row: this.#row,
      line: this.#line,
      value: value.replaceAll('\0', '\u2400').toWellFormed().slice(0, VALUE_SHOWN_CHARS),
      rule,
      message: `${message} (line ${this.#line})`,
      outcome,
    });
  }
}
