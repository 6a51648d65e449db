/** Cuts a JSON array, or objects one after the other, into one numbered record a line. */
import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../input/request.ts';
import { utf8Chunks } from './encoding.ts';
import { sourceError } from './fail.ts';
import { JsonRecordScanner } from './json-record.ts';
import { RecordFile } from './record-file.ts';
import { type Staged, type StageOptions, VALUE_SHOWN_CHARS } from './source.ts';

/** Between number and record; JSON text cannot hold it. */
export const JSON_SEPARATOR = '\x1f';
const RECORD_BYTES_MAX = 16 * LIMITS.cellBytes;
const LF = 10;

/** @throws AgentError when the text is no JSON, is nested too deep, or holds no record. */
export function stageJson(options: StageOptions): Staged {
  const file = new RecordFile(options.target, JSON_SEPARATOR);
  const scanner = new JsonRecordScanner({
    record: (bytes) => {
      sink.record(bytes, 0, bytes.length, undefined);
    },
    fail: (reason, message, advice) => sourceError(options.source, reason, message, advice),
  });
  const sink = new RecordSink(options, file);
  let seen = 0;
  for (const chunk of utf8Chunks(options.source.path, options.inspection.encoding ?? 'utf-8')) {
    scanner.take(chunk);
    seen += chunk.length;
    options.progress(seen);
  }
  scanner.finish();
  return sink.finish();
}

/** NDJSON: a line that is no JSON is a bad row and the next line is read as if nothing had been. */
export function stageLines(options: StageOptions): Staged {
  const sink = new RecordSink(options, new RecordFile(options.target, JSON_SEPARATOR));
  let rest: Buffer = Buffer.alloc(0);
  let line = 0;
  let seen = 0;
  const lines = (bytes: Buffer, last: boolean): Buffer => {
    let at = 0;
    for (;;) {
      const feed = bytes.indexOf(LF, at);
      if (feed === -1 && !last) return bytes.subarray(at);
      const end = feed === -1 ? bytes.length : feed;
      line++;
      if (!isBlank(bytes, at, end)) sink.line(bytes.subarray(at, end), line);
      if (feed === -1) return Buffer.alloc(0);
      at = feed + 1;
    }
  };
  for (const chunk of utf8Chunks(
    options.source.path,
    options.inspection.encoding ?? 'utf-8',
    options.inspection.lineBreak,
  )) {
    rest = Buffer.from(lines(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), false));
    if (rest.length > RECORD_BYTES_MAX)
      throw sourceError(
        options.source,
        'record-size',
        `line ${line + 1} is longer than ${RECORD_BYTES_MAX} bytes`,
        'NDJSON holds one record a line; for a JSON array give the format json.',
      );
    seen += chunk.length;
    options.progress(seen);
  }
  lines(rest, true);
  return sink.finish();
}

/** Records that a reader of another format has already made. Values are JSON's own kinds; `untyped` says that all are texts. */
export function stageRecords(
  options: StageOptions,
  records: Iterable<Readonly<Record<string, unknown>>>,
  untyped: boolean,
): Staged {
  const sink = new RecordSink(options, new RecordFile(options.target, JSON_SEPARATOR));
  for (const record of records) {
    const bytes = Buffer.from(JSON.stringify(record));
    sink.record(bytes, 0, bytes.length, undefined);
  }
  return sink.finish(untyped);
}

class RecordSink {
  readonly #options: StageOptions;
  readonly #file: RecordFile;
  #row = 0;
  #dropped = 0;

  constructor(options: StageOptions, file: RecordFile) {
    this.#options = options;
    this.#file = file;
  }

  /** A line goes through the record scanner too, which keeps the digits of long numbers and counts the depth. */
  line(bytes: Buffer, line: number): void {
    const found: Buffer[] = [];
    const fail = (_reason: string, message: string): Error => new LineFault(message);
    try {
      const scanner = new JsonRecordScanner({ record: (record) => found.push(Buffer.from(record)), fail });
      scanner.take(bytes);
      scanner.finish();
    } catch (error) {
      if (!(error instanceof LineFault)) throw error;
      this.#row++;
      this.#report(bytes, 'json', error.message, line);
      return;
    }
    const [record] = found;
    if (record === undefined || found.length > 1 || bytes.subarray(0, 64).toString().trimStart().startsWith('[')) {
      this.#row++;
      this.#report(bytes, 'json', 'the line is not one JSON object', line);
      return;
    }
    this.record(record, 0, record.length, line);
  }

  record(bytes: Buffer, start: number, end: number, line: number | undefined): void {
    this.#row++;
    const fault = recordFault(bytes, start, end);
    if (fault === undefined) this.#file.write(this.#row, bytes, start, end);
    else this.#report(bytes, ...fault, line);
  }

  finish(untyped = false): Staged {
    this.#file.close();
    const { source, target } = this.#options;
    if (this.#row === 0)
      throw sourceError(
        source,
        'no-rows',
        'there is not one record',
        'Send a list of JSON objects with at least one in it.',
      );
    return {
      path: target,
      records: this.#row,
      dropped: this.#dropped,
      longest: this.#file.longest,
      shape: { type: 'json', untyped },
    };
  }

  #report(bytes: Buffer, rule: string, message: string, line: number | undefined): void {
    this.#dropped++;
    this.#options.problems.add({
      source: this.#options.source.name,
      row: this.#row,
      ...(line === undefined ? {} : { line }),
      value: bytes
        .toString('utf8', 0, 4 * VALUE_SHOWN_CHARS)
        .toWellFormed()
        .slice(0, VALUE_SHOWN_CHARS),
      rule,
      message: line === undefined ? message : `${message} (line ${line})`,
      outcome: 'rejected',
    });
  }
}

function recordFault(bytes: Buffer, start: number, end: number): readonly [rule: string, message: string] | undefined {
  if (!isUtf8(bytes)) return ['encoding', 'the record holds bytes that are not UTF-8'];
  if (bytes[start] !== 0x7b) return ['record', 'the record is not a JSON object'];
  if (end - start > RECORD_BYTES_MAX) return ['record-size', `the record is larger than ${RECORD_BYTES_MAX} bytes`];
  return undefined;
}

class LineFault extends Error {}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((bytes[at] ?? 0) > 0x20) return false;
  return true;
}
