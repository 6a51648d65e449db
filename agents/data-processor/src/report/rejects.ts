/** The report of bad rows: a file with all of them, and the first few for the answer. */
import type { Job } from '../child/job.ts';
import { literal } from '../columns.ts';
import { formulaSafe } from '../write/text-cells.ts';

// A type, not an interface: it must fit Json.
export type Reject = {
  readonly source: string;
  readonly row: number | null;
  readonly column: string | null;
  readonly value: string | null;
  readonly rule: string;
  readonly message: string;
  readonly outcome: string;
};

export interface RejectReport {
  readonly problems: number;
  readonly byRule: readonly { readonly rule: string; readonly column: string | null; readonly problems: number }[];
  readonly first: readonly Reject[];
  readonly file: string | undefined;
}

const RULES_SHOWN = 100;

/** Writes `rejects.ndjson` or `rejects.csv` into `dir` when there is anything to report. */
export async function writeRejects(
  job: Job,
  sources: readonly string[],
  dir: string,
  options: { readonly format: 'ndjson' | 'csv'; readonly inlineMax: number },
): Promise<RejectReport> {
  const { engine } = job;
  const problems = Number((await engine.one('SELECT count(*) AS n FROM problems')).n);
  if (problems === 0) return { problems, byRule: [], first: [], file: undefined };
  const place = `CASE source ${sources.map((source, index) => `WHEN ${literal(source)} THEN ${index}`).join(' ')} END`;
  const order = `ORDER BY ${place}, "row" NULLS LAST, rule, "column" NULLS FIRST, value`;
  const safe = (name: string): string =>
    options.format === 'csv' ? `${formulaSafe(`"${name}"`)} AS "${name}"` : `"${name}"`;
  const select = `SELECT source, "row", line, ${['column', 'value'].map(safe).join(', ')}, rule, ${safe('message')}, outcome FROM problems ${order}`;
  const file = `rejects.${options.format}`;
  await engine.run(
    `COPY (${select}) TO ${literal(`${dir}/${file}`)} (FORMAT ${options.format === 'csv' ? 'csv, HEADER true' : 'json'})`,
  );
  const rules = await engine.all(
    `SELECT rule, "column" AS c, count(*) AS n FROM problems GROUP BY ALL ORDER BY n DESC, rule, c LIMIT ${RULES_SHOWN}`,
  );
  const first =
    options.inlineMax === 0 ? [] : await engine.all(`SELECT * FROM problems ${order} LIMIT ${options.inlineMax}`);
  return {
    problems,
    byRule: rules.map((row) => ({ rule: String(row.rule), column: optional(row.c), problems: Number(row.n) })),
    first: first.map(toReject),
    file,
  };
}

function toReject(row: Record<string, unknown>): Reject {
  return {
    source: String(row.source),
    row: row.row === null ? null : Number(row.row),
    column: optional(row.column),
    value: optional(row.value),
    rule: String(row.rule),
    message: String(row.message),
    outcome: String(row.outcome),
  };
}

function optional(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}
