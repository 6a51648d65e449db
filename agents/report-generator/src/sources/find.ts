/** Turns the sources of the input into files and records at hand. The order of calls depends on the input alone. */
import { AgentError, type RunContext, type UsageRow } from '@guildhall/agent-sdk';
import type { ReportInput } from '../input/schema.ts';
import type { Source } from '../input/source.ts';
import { periodOf } from '../measures/period.ts';
import { addDays } from '../numbers/calendar.ts';
import { decimalOf, dividedBy, plain } from '../numbers/decimal.ts';
import { FILE_BYTES_MAX } from './limits.ts';
import type { ReadySource } from './load.ts';

export interface FoundSources {
  readonly sources: readonly ReadySource[];
  readonly logoPath: string | null;
  readonly readPaths: readonly string[];
}

export async function findSources(ctx: RunContext, input: ReportInput): Promise<FoundSources> {
  const sources: ReadySource[] = [];
  for (const source of input.data) sources.push(await findSource(ctx, input, source));
  const logoPath = input.branding.logo === undefined ? null : (await ctx.file(input.branding.logo)).path;
  const files = sources.flatMap((source) => (source.content.kind === 'file' ? source.content.path : []));
  return { sources, logoPath, readPaths: [...files, ...(logoPath === null ? [] : [logoPath])] };
}

async function findSource(ctx: RunContext, input: ReportInput, source: Source): Promise<ReadySource> {
  const base = {
    id: source.id,
    label: source.label ?? source.id,
    dateColumn: source.dateColumn,
    columns: source.columns,
  };
  if ('records' in source) return { ...base, content: { kind: 'records', records: source.records } };
  if ('usage' in source)
    return {
      ...base,
      ...usageDates(source, base.dateColumn),
      content: { kind: 'records', records: await usageRecords(ctx, input, source) },
    };
  const file = await ctx.file(source.file);
  if (file.size > FILE_BYTES_MAX) throw tooLarge(source.id, file.size);
  const { format, encoding, delimiter, sheet, pointer } = source;
  return {
    ...base,
    content: {
      kind: 'file',
      path: file.path,
      name: file.name,
      reading: { format, encoding, delimiter, sheet, pointer },
    },
  };
}

type UsageSource = Extract<Source, { usage: object }>;

const usageDates = (source: UsageSource, dateColumn: string | undefined) =>
  source.usage.groupBy === 'day' ? { dateColumn: dateColumn ?? 'key' } : {};

/** The days of the period and, so that there is something to compare with, those before it. */
async function usageRecords(ctx: RunContext, input: ReportInput, source: UsageSource): Promise<readonly object[]> {
  const { groupBy, from, to } = source.usage;
  const period = input.period && periodOf(input.period.from, input.period.to, input.period.compareWith);
  const first = from ?? (groupBy === 'day' ? (period?.previous ?? period?.current)?.from : period?.current.from);
  const last = to ?? period?.current.to;
  const rows = await ctx.usage(`usage ${source.id}`, {
    groupBy,
    ...(first === undefined ? {} : { from: `${first}T00:00:00.000Z` }),
    ...(last === undefined ? {} : { to: `${addDays(last, 1)}T00:00:00.000Z` }),
  });
  if (rows.length === 0)
    throw new AgentError('usage-empty', `There is no usage for source "${source.id}" in these days.`, {
      advice: 'Choose other days.',
    });
  return rows.map(usageRecord);
}

const NANOS_PER_USD = 1_000_000_000n;

/** Nanos are shown as dollars, to the last digit. */
function usageRecord(row: UsageRow): object {
  const usd = dividedBy(decimalOf(row.costNanos), decimalOf(NANOS_PER_USD));
  return {
    key: row.key.slice(0, 10).match(/^\d{4}-\d{2}-\d{2}$/) ? row.key.slice(0, 10) : row.key,
    runs: row.runs,
    inputTokens: row.inputTokens,
    outputTokens: row.outputTokens,
    costUsd: usd === undefined ? '0' : plain(usd.amount),
  };
}

const tooLarge = (source: string, bytes: number): AgentError =>
  new AgentError(
    'file-too-large',
    `The file of source "${source}" has ${bytes} bytes; a report reads at most ${FILE_BYTES_MAX}.`,
    {
      advice: 'Aggregate it with data-processor first and give its output to the report.',
    },
  );
