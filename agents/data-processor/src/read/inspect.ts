/** Looks at a source and says what it is, before any of it is read as data. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { Format } from '../input/request.ts';
import { CsvRecordScanner } from './csv-record.ts';
import { detectEncoding, type EncodingFound } from './encoding.ts';
import { sourceError } from './fail.ts';
import type { DetectedBy, Inspection, SourceFile } from './source.ts';

const SAMPLE_BYTES = 64 * 1024;
const SAMPLE_RECORDS = 50;
const DELIMITERS = [',', ';', '\t', '|'] as const;
const BINARY: ReadonlySet<Format> = new Set<Format>(['xlsx', 'parquet']);

/** @throws AgentError when the source is empty or is not what it was said to be. */
export function inspectSource(source: SourceFile): Inspection {
  const bytes = statSync(source.path).size;
  if (bytes === 0) throw sourceError(source, 'empty-source', 'the file is empty', 'Send a file with data in it.');
  const sample = sampleOf(source.path);
  const binary = binaryFormat(sample);
  const given = source.options.format;
  if (given !== undefined && (BINARY.has(given) || binary !== undefined) && given !== binary)
    throw wrong(source, given, binary ?? 'text');
  if (binary !== undefined) {
    return {
      format: binary,
      formatBy: given === undefined ? 'content' : 'given',
      encoding: null,
      encodingBy: null,
      encodingMixed: false,
      delimiter: null,
      lineBreak: 'lf',
      bytes,
    };
  }
  const found: EncodingFound =
    source.options.encoding === undefined
      ? detectEncoding(source.path)
      : { encoding: source.options.encoding, by: 'given', mixed: false };
  const text = new TextDecoder(found.encoding).decode(sample);
  const { format: seen, by } = textFormat(source, text);
  const delimiter =
    seen === 'csv' || seen === 'tsv' ? (source.options.delimiter ?? (seen === 'tsv' ? '\t' : delimiterOf(text))) : null;
  const format = delimiter === '\t' && by !== 'given' ? 'tsv' : seen;
  const marked = found.by === 'content' && sample[0] === 0xef && sample[1] === 0xbb;
  return {
    format,
    formatBy: by,
    encoding: found.encoding,
    encodingBy: marked ? 'byte order mark' : found.by,
    encodingMixed: found.mixed,
    delimiter,
    lineBreak: text.includes('\r') && !text.includes('\n') ? 'cr' : 'lf',
    bytes,
  };
}

function sampleOf(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(SAMPLE_BYTES);
    return buffer.subarray(0, readSync(file, buffer, 0, SAMPLE_BYTES, 0));
  } finally {
    closeSync(file);
  }
}

function binaryFormat(sample: Buffer): Format | undefined {
  const magic = sample.toString('latin1', 0, 4);
  if (magic === 'PAR1') return 'parquet';
  return magic === 'PK\x03\x04' ? 'xlsx' : undefined;
}

function textFormat(source: SourceFile, text: string): { readonly format: Format; readonly by: DetectedBy } {
  const seen = byContent(text);
  const given = source.options.format;
  if (given !== undefined) {
    if (!agrees(given, seen)) throw wrong(source, given, seen ?? 'csv');
    return { format: given, by: 'given' };
  }
  if (seen !== undefined) return { format: seen, by: 'content' };
  const ending = /\.(csv|tsv|tab|txt)$/i.exec(source.fileName)?.[1]?.toLowerCase();
  if (ending === 'tsv' || ending === 'tab') return { format: 'tsv', by: 'file name' };
  return { format: 'csv', by: ending === 'csv' ? 'file name' : 'content' };
}

/** Only what cannot be a table of plain text: XML, a list of JSON values, JSON objects. */
function byContent(text: string): Format | undefined {
  const start = text.trimStart();
  if (/^<[?!A-Za-z_\u0080-\uffff]/.test(start) && /<[^>]*>/.test(start)) return 'xml';
  if (/^\[\s*(\{|\]|$)/.test(start)) return 'json';
  if (!/^\{\s*("|\}|$)/.test(start)) return undefined;
  const [line = ''] = start.split('\n', 1);
  return isJson(line) ? 'ndjson' : 'json';
}

function agrees(given: Format, seen: Format | undefined): boolean {
  if (given === 'json') return seen === 'json' || seen === 'ndjson' || seen === undefined;
  if (given === 'csv' || given === 'tsv') return seen === undefined;
  if (given === 'ndjson') return seen === 'ndjson' || seen === undefined;
  return given === seen;
}

function wrong(source: SourceFile, given: Format, seen: string): Error {
  return sourceError(
    source,
    'wrong-format',
    `it is said to be ${given} but looks like ${seen}`,
    'Correct the format, or leave it out to have it detected.',
  );
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    // Not JSON is the answer here, not a failure.
    return false;
  }
}

/** The sign that cuts most records of the sample into the same number of fields, more than one. */
function delimiterOf(text: string): string {
  const bytes = Buffer.from(text);
  const scored = DELIMITERS.map((delimiter) => ({ delimiter, score: scoreOf(bytes, delimiter) }));
  return scored.reduce((best, one) => (one.score > best.score ? one : best)).delimiter;
}

function scoreOf(bytes: Buffer, delimiter: string): number {
  const scanner = new CsvRecordScanner(delimiter);
  const counts: number[] = [];
  for (let at = 0; at < bytes.length && counts.length < SAMPLE_RECORDS; ) {
    if (scanner.scan(bytes, at, bytes.length, true) !== 0) {
      const feed = bytes.indexOf(10, at);
      if (feed === -1) break;
      at = feed + 1;
      continue;
    }
    if (scanner.end > at) counts.push(scanner.fields);
    at = scanner.next;
  }
  const [header = 1] = counts;
  if (header === 1) return 0;
  return counts.filter((count) => count === header).length / counts.length + Math.min(header, 100) / 1000;
}
