/** Brings a source into the engine as a typed flow: staged, given names, given types. */
import { type Column, identifier, type Kind, kindOf, literal, ROW } from '../columns.ts';
import { sourceError } from '../read/fail.ts';
import { columnNames } from '../read/names.ts';
import { ProblemFile } from '../read/problem-file.ts';
import type { Inspection, SourceFile, Staged, StageOptions } from '../read/source.ts';
import { stageCsv } from '../read/stage-csv.ts';
import { stageJson, stageLines } from '../read/stage-json.ts';
import { stageXlsx } from '../read/stage-xlsx.ts';
import { stageXml } from '../read/stage-xml.ts';
import { checked } from '../typing/checked.ts';
import { ALL_KINDS, inferTypes } from '../typing/infer.ts';
import { readText } from '../typing/read-text.ts';
import { casts, type Wanted } from '../typing/wanted.ts';
import { columnsOf } from './engine.ts';
import type { Flow } from './flow.ts';
import type { Job } from './job.ts';
import { jsonRelation } from './read-json.ts';
import { buffers, type TextRelation } from './relation.ts';

export interface ReadSource {
  readonly flow: Flow;
  /** Records in the source, bad ones included. */
  readonly records: number;
}

export interface ReadOptions {
  readonly source: SourceFile;
  readonly inspection: Inspection;
  readonly dir: string;
  /** The kinds that the schema wants for columns of this source; others are inferred. */
  readonly hints: ReadonlyMap<string, Kind>;
  readonly progress: (bytesDone: number) => void;
}

/** @throws AgentError for a source that cannot be read, and for bad rows when the policy is to fail. */
export async function readSource(job: Job, options: ReadOptions): Promise<ReadSource> {
  const { source, inspection } = options;
  if (inspection.format === 'parquet') return readParquet(job, options);
  const problems = new ProblemFile(`${options.dir}/problems-${source.index}.ndjson`);
  const staged = await stage({
    source,
    inspection,
    onError: job.onError,
    target: `${options.dir}/staged-${source.index}`,
    problems,
    progress: options.progress,
  });
  problems.close();
  await loadProblems(job, options, problems, staged.dropped);
  if (staged.records === staged.dropped)
    throw sourceError(
      source,
      'no-rows',
      'not one row can be read',
      'Check the format, the delimiter and the encoding.',
    );
  const text =
    staged.shape.type === 'json'
      ? await jsonRelation(job, source, staged)
      : delimitedRelation(source, staged, staged.shape);
  const flow = await typed(job, options, { ...text, rows: staged.records - staged.dropped });
  return { flow, records: staged.records };
}

async function stage(options: StageOptions): Promise<Staged> {
  switch (options.inspection.format) {
    case 'csv':
    case 'tsv':
      return stageCsv(options);
    case 'json':
      return stageJson(options);
    case 'ndjson':
      return stageLines(options);
    case 'xml':
      return stageXml(options);
    case 'xlsx':
      return stageXlsx(options);
    default:
      throw new Error(`${options.inspection.format} is not staged`);
  }
}

type Delimited = Extract<Staged['shape'], { type: 'delimited' }>;

function delimitedRelation(source: SourceFile, staged: Staged, shape: Delimited): TextRelation {
  const names = [ROW, ...shape.columns].map(
    (name, index) => `${literal(name)}: '${index === 0 ? 'BIGINT' : 'VARCHAR'}'`,
  );
  const nulls =
    source.options.nulls.length > 0
      ? `, nullstr=[${source.options.nulls.map(literal).join(', ')}], allow_quoted_nulls=true`
      : '';
  // Quoted line breaks can only be followed from the start of a file, so such a file is read by one thread.
  const relation = `read_csv(${literal(staged.path)}, auto_detect=false, header=false, delim=${literal(shape.delimiter)}, quote='"', escape='"', new_line='\\n', ${buffers(staged)}, parallel=${!shape.multiline}, columns={${names.join(', ')}}${nulls})`;
  return { relation, names: shape.columns, candidates: new Map(shape.columns.map((name) => [name, ALL_KINDS])) };
}

/** A wide file is kept as a table while its types are found: opening it anew for each query costs more. */
const WIDE_COLUMNS = 60;

async function typed(job: Job, options: ReadOptions, read: TextRelation & { rows: number }): Promise<Flow> {
  const { engine } = job;
  const text = read.table === undefined && read.names.length > WIDE_COLUMNS ? await kept(job, read) : read;
  const columns: readonly Column[] = text.names.map((name) => ({ name, kind: 'text', sql: 'VARCHAR' }));
  const open = new Map([...text.candidates].filter(([name]) => !options.hints.has(name)));
  const inferred = await inferTypes(engine, text.relation, open);
  const wanted: Wanted[] = [...options.hints]
    .filter(([name]) => text.names.includes(name))
    .map(([name, kind]) => ({ name, kind }));
  const hinted = new Map((await casts(engine, text.relation, columns, wanted)).map((cast) => [cast.column.name, cast]));
  const flow: Flow = { relation: text.relation, table: text.table, columns, rows: text.rows, tracked: true };
  const all = columns.map((column) => {
    const hint = hinted.get(column.name);
    if (hint !== undefined) return hint;
    const nested = text.candidates.get(column.name)?.[0] === 'json';
    const type = nested
      ? { kind: 'json' as const, type: 'JSON' }
      : (inferred.get(column.name) ?? { kind: 'text' as const, type: 'VARCHAR' });
    return type.kind === 'text'
      ? { column, checks: [], required: false }
      : { column, value: readText(identifier(column.name), type), checks: [], required: false };
  });
  return checked(job, flow, all, options.source.name);
}

async function kept<T extends TextRelation>(job: Job, read: T): Promise<T> {
  const table = job.newTable();
  await job.engine.run(`CREATE TABLE ${table} AS SELECT * FROM ${read.relation}`);
  return { ...read, relation: table, table };
}

async function loadProblems(job: Job, options: ReadOptions, problems: ProblemFile, dropped: number): Promise<void> {
  if (problems.count === 0) return;
  const columns =
    "{source: 'VARCHAR', \"row\": 'BIGINT', line: 'BIGINT', \"column\": 'VARCHAR', value: 'VARCHAR', rule: 'VARCHAR', message: 'VARCHAR', outcome: 'VARCHAR'}";
  await job.engine.run(
    `INSERT INTO problems SELECT * FROM read_json(${literal(problems.path)}, format='newline_delimited', columns=${columns})`,
  );
  job.count(options.source.name, dropped, problems.count - dropped);
  if (job.onError !== 'fail') return;
  const shown = await job.engine.all('SELECT "row", message FROM problems ORDER BY "row" LIMIT 20');
  const error = sourceError(
    options.source,
    'bad-rows',
    `${problems.count} ${problems.count === 1 ? 'row' : 'rows'} cannot be read`,
    'Correct these rows, or set onError to reject or coerce.',
  );
  Object.assign(error, { errors: shown.map((row) => ({ path: `/rows/${row.row}`, message: String(row.message) })) });
  throw error;
}

async function readParquet(job: Job, { source, progress, inspection }: ReadOptions): Promise<ReadSource> {
  const file = `read_parquet(${literal(source.path)}, file_row_number=true)`;
  const found = await job.engine.describe(file).catch((error: unknown) => {
    throw sourceError(
      source,
      'invalid-parquet',
      'the file is not a Parquet file that can be read',
      `Write it again with a current tool (${error instanceof Error ? error.message.split('\n')[0]?.slice(0, 120) : 'unreadable'}).`,
    );
  });
  const own = found.filter(({ name }) => name !== 'file_row_number');
  const names = columnNames(
    own.map(({ name }) => name),
    source,
  );
  const values = own.map(
    ({ name, type }, index) => `${plain(identifier(name), type)} AS ${identifier(names[index] ?? name)}`,
  );
  const relation = `(SELECT file_row_number + 1 AS ${ROW}, ${values.join(', ')} FROM ${file})`;
  const rows = Number((await job.engine.one(`SELECT count(*) AS n FROM ${file}`)).n);
  if (rows === 0) throw sourceError(source, 'no-rows', 'there is not one row', 'Send at least one row of data.');
  progress(inspection.bytes);
  return { flow: { relation, columns: await columnsOf(job.engine, relation), rows, tracked: true }, records: rows };
}

/** Nested values become JSON, bytes become hexadecimal text, everything else that has no kind becomes text. */
function plain(name: string, type: string): string {
  if (kindOf(type) !== undefined) return name;
  if (/^(STRUCT|MAP)|\[\d*\]$/.test(type)) return `to_json(${name})`;
  return type === 'BLOB' ? `hex(${name})` : `CAST(${name} AS VARCHAR)`;
}
