/** Reads every source of a report into tables. */
import { readFile, stat } from 'node:fs/promises';
import { AgentError } from '@guildhall/agent-sdk';
import type { FileSource } from '../input/source.ts';
import { readDelimited } from './delimited.ts';
import { decode } from './encoding.ts';
import { type ColumnRule, typeTable } from './infer.ts';
import { limitBytes } from './limits.ts';
import { readJson, readNdjson, readRecords } from './records.ts';
import type { RawTable, Table } from './table.ts';
import { readWorkbook } from './workbook.ts';

/** A source whose file has been found, or whose records are at hand. */
export interface ReadySource {
  readonly id: string;
  readonly label: string;
  readonly dateColumn: string | undefined;
  readonly columns: Readonly<Record<string, ColumnRule>>;
  readonly content:
    | {
        readonly kind: 'file';
        readonly path: string;
        readonly name: string;
        readonly reading: Pick<FileSource, 'format' | 'encoding' | 'delimiter' | 'sheet' | 'pointer'>;
      }
    | { readonly kind: 'records'; readonly records: readonly unknown[] };
}

export interface LoadedSources {
  readonly tables: readonly Table[];
  readonly notes: readonly string[];
}

export async function loadSources(sources: readonly ReadySource[], timeZone: string): Promise<LoadedSources> {
  const tables: Table[] = [];
  const notes: string[] = [];
  for (const source of sources) {
    const raw =
      source.content.kind === 'file'
        ? await readFileSource(source.id, source.content)
        : readRecords(source.content.records, source.id);
    if (raw.names.length === 0) throw new AgentError('source-empty', `Source "${source.id}" has no columns.`);
    tables.push(typeTable(raw, { id: source.id, timeZone, dateColumn: source.dateColumn, columns: source.columns }));
    notes.push(...raw.notes);
  }
  return { tables, notes };
}

type FileContent = Extract<ReadySource['content'], { kind: 'file' }>;

async function readFileSource(id: string, content: FileContent): Promise<RawTable> {
  limitBytes((await stat(content.path)).size, id);
  const bytes = await readFile(content.path);
  const { encoding, delimiter, sheet, pointer } = content.reading;
  const format = content.reading.format === 'auto' ? formatOf(bytes, content.name, id) : content.reading.format;
  switch (format) {
    case 'xlsx':
      return readWorkbook(bytes, id, sheet);
    case 'json':
      return readJson(decode(bytes, encoding, id), id, pointer);
    case 'ndjson':
      return readNdjson(decode(bytes, encoding, id), id);
    case 'tsv':
      return readDelimited(decode(bytes, encoding, id), id, '\t');
    case 'csv':
      return readDelimited(decode(bytes, encoding, id), id, delimiter);
    default:
      return format satisfies never;
  }
}

type KnownFormat = Exclude<FileSource['format'], 'auto'>;

/** By the name of the file, and for XLSX by its first bytes. */
function formatOf(bytes: Uint8Array, name: string, id: string): KnownFormat {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return 'xlsx';
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  const known: Readonly<Record<string, KnownFormat>> = {
    csv: 'csv',
    txt: 'csv',
    tsv: 'tsv',
    tab: 'tsv',
    json: 'json',
    ndjson: 'ndjson',
    jsonl: 'ndjson',
    xlsx: 'xlsx',
  };
  const format = known[extension];
  if (format !== undefined) return format;
  throw new AgentError('format-unknown', `The file "${name.slice(0, 100)}" of source "${id}" is of no known format.`, {
    advice: 'Name its format: csv, tsv, json, ndjson or xlsx.',
  });
}
