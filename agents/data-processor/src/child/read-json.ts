/** Turns staged JSON records into a table of texts, with what JSON says of their types. */
import { identifier, type Kind, literal, ROW } from '../columns.ts';
import { sourceError } from '../read/fail.ts';
import { NUMBER_MARK } from '../read/json-record.ts';
import { columnNames } from '../read/names.ts';
import type { SourceFile, Staged } from '../read/source.ts';
import { ALL_KINDS } from '../typing/infer.ts';
import type { Job } from './job.ts';
import { linesRelation, type TextRelation } from './relation.ts';

const NUMBERS: readonly Kind[] = ['integer', 'decimal', 'number'];
const MOMENTS: readonly Kind[] = ['date', 'timestamp'];

/** @throws AgentError when no record is an object, or two keys differ only in case. */
export async function jsonRelation(job: Job, source: SourceFile, staged: Staged): Promise<TextRelation> {
  const { engine } = job;
  const lines = linesRelation(staged);
  const valid = job.newTable();
  await engine.run(`CREATE TABLE ${valid} AS SELECT ${ROW}, line, json_valid(line) AS ok FROM ${lines}`);
  const bad = Number((await engine.one(`SELECT count(*) AS n FROM ${valid} WHERE NOT ok`)).n);
  if (bad > 0) await reportInvalid(job, source, valid, bad);
  const keys = (
    await engine.all(
      `SELECT k, min(${ROW}) AS r, min(p) AS p FROM (SELECT ${ROW}, unnest(ks) AS k, generate_subscripts(ks, 1) AS p FROM (SELECT ${ROW}, json_keys(line) AS ks FROM ${valid} WHERE ok)) GROUP BY k ORDER BY r, p`,
    )
  ).map((row) => String(row.k));
  if (keys.length === 0)
    throw sourceError(source, 'no-columns', 'the records have no fields', 'Send objects with at least one field.');
  const names = columnNames(keys, source);
  const paths = `[${keys.map((key) => literal(`/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)).join(', ')}]`;
  const table = job.newTable();
  const nulls = source.options.nulls.map(literal).join(', ');
  const value = (index: number): string => {
    const text = `ltrim(v[${index + 1}], chr(${NUMBER_MARK.charCodeAt(0)}))`;
    return nulls === '' ? text : `CASE WHEN ${text} NOT IN (${nulls}) THEN ${text} END`;
  };
  await engine.run(
    `CREATE TABLE ${table} AS SELECT ${ROW}, ${names.map((name, index) => `${value(index)} AS ${identifier(name)}`).join(', ')} FROM (SELECT ${ROW}, json_extract_string(line, ${paths}) AS v FROM ${valid} WHERE ok)`,
  );
  const candidates =
    staged.shape.type === 'json' && staged.shape.untyped
      ? new Map(names.map((name) => [name, ALL_KINDS]))
      : await kinds(job, valid, paths, names);
  await engine.run(`DROP TABLE ${valid}`);
  return { relation: table, table, names, candidates };
}

async function kinds(
  job: Job,
  valid: string,
  paths: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly Kind[]>> {
  const marked = (index: number): string =>
    `CASE WHEN starts_with(v[${index + 1}], chr(1)) THEN 'DOUBLE' ELSE t[${index + 1}] END`;
  const found = await job.engine.one(
    `SELECT ${names.map((_, index) => `string_agg(DISTINCT ${marked(index)}, ',') AS t${index}`).join(', ')} FROM (SELECT json_type(line, ${paths}) AS t, json_extract_string(line, ${paths}) AS v FROM ${valid} WHERE ok)`,
  );
  return new Map(
    names.map((name, index) => [
      name,
      kindsOf(
        String(found[`t${index}`] ?? '')
          .split(',')
          .filter((type) => type !== '' && type !== 'NULL'),
      ),
    ]),
  );
}

/** A JSON text is never taken for a number: "007" and "1" were texts on purpose. */
function kindsOf(types: readonly string[]): readonly Kind[] {
  if (types.length === 0) return [];
  if (types.every((type) => ['BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE'].includes(type))) return NUMBERS;
  if (types.every((type) => type === 'VARCHAR')) return MOMENTS;
  if (types.every((type) => type === 'BOOLEAN')) return ['boolean'];
  if (types.every((type) => type === 'OBJECT' || type === 'ARRAY')) return ['json'];
  return [];
}

async function reportInvalid(job: Job, source: SourceFile, valid: string, bad: number): Promise<void> {
  await job.engine.run(
    `INSERT INTO problems SELECT ${literal(source.name)}, ${ROW}, NULL, NULL, left(line, 200), 'json', 'the record is not valid JSON', 'rejected' FROM ${valid} WHERE NOT ok`,
  );
  job.count(source.name, bad, 0);
  if (job.onError !== 'fail') return;
  const first = await job.engine.one(`SELECT min(${ROW}) AS n FROM ${valid} WHERE NOT ok`);
  throw sourceError(
    source,
    'bad-rows',
    `${bad} ${bad === 1 ? 'record is' : 'records are'} not valid JSON, the first is record ${first.n}`,
    'Correct them, or set onError to reject.',
  );
}
