/** The steps of a report: usage, files, check, then one step for each format, side by side. */
import { AgentError, type Json, type RunContext, type StepScope } from '@guildhall/agent-sdk';
import type { z } from 'zod';
import type { Checked, Order, Rendered } from './child/order.ts';
import type { ReportFormat, ReportInput } from './input/schema.ts';
import type { reportOutput } from './output.ts';
import { type FoundSources, findSources } from './sources/find.ts';

const MIB = 1024 * 1024;
/** A report of 5,000 rows takes about a second; the rest is for the largest data on a loaded machine. */
const CHILD_WALL_MS = 120_000;
/** 200,000 rows of ten columns need about 400 MiB. */
const CHILD_MEMORY_BYTES = 1_024 * MIB;

const MEDIA_TYPES: Readonly<Record<ReportFormat, string>> = {
  pdf: 'application/pdf',
  html: 'text/html',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  json: 'application/json',
};

const ROUNDING =
  'Sums, counts, smallest and largest are exact; quotients keep 12 digits after the point, rounded half away from zero.';

/**
 * Nothing is written before `check` has read all data, computed every fact and rendered every text: what is wrong with a report fails
 * there. Each format is then made by a child of its own from the same input, and proves by hash that it saw the same facts.
 */
export async function runReport(ctx: RunContext, input: ReportInput): Promise<z.input<typeof reportOutput>> {
  const found = await findSources(ctx, input);
  const base: Omit<Order, 'task'> = {
    input: withoutRecords(input),
    sources: found.sources,
    logoPath: found.logoPath,
    createdAt: ctx.createdAt.toISOString(),
  };
  const checked = await ctx.step(
    'compute',
    (step) => runChild<Checked & Json>(step, { ...base, task: 'check' }, found),
    { kind: 'transform' },
  );
  const formats = [...new Set(input.outputs)];
  const artifacts = await Promise.all(
    formats.map(async (format) => ({
      format,
      ...(await ctx.step(`render ${format}`, (step) => renderFormat(step, { ...base, task: format }, found, checked), {
        kind: 'render',
      })),
    })),
  );
  return {
    title: checked.title,
    artifacts,
    figures: checked.figures.map(({ id, label, formula, source, value, previous, change }) => ({
      id,
      label,
      formula,
      source,
      value,
      previous,
      change,
    })),
    findings: checked.findings.map((finding) => ({ ...finding })),
    sources: checked.sources.map(({ id, rows, rowsInPeriod, rowsInPrevious, dateColumn }) => ({
      id,
      rows,
      rowsInPeriod,
      rowsInPrevious,
      dateColumn,
    })),
    charts: checked.charts,
    tables: checked.tables,
    notes: [...checked.notes],
    rounding: ROUNDING,
    factsSha256: checked.factsSha256,
  };
}

/** Inline rows travel once, as a source. */
const withoutRecords = (input: ReportInput): ReportInput => ({
  ...input,
  data: input.data.map((source) => ('records' in source ? { ...source, records: [] } : source)),
});

/** What is remembered of a file; a type alias, because it must be JSON. */
type Kept = { id: string; name: string; mediaType: string; size: number; sha256: string };

async function renderFormat(
  step: StepScope,
  order: Order & { readonly task: ReportFormat },
  found: FoundSources,
  checked: Checked,
): Promise<Kept> {
  const { file, factsSha256 } = await runChild<Rendered & Json>(step, order, found);
  // The files of a run never change, so this can only be a fault of the program; a report whose parts disagree must not leave the house.
  if (factsSha256 !== checked.factsSha256)
    throw new Error(`the facts changed between compute and render ${order.task}`);
  const { id, name, mediaType, size, sha256 } = await step.artifact({
    name: fileName(checked.title, order.task),
    mediaType: MEDIA_TYPES[order.task],
    content: { path: file },
  });
  return { id, name, mediaType, size, sha256 };
}

/** Letters and digits of any script stay; everything a file system or a header may stumble over becomes a hyphen. */
function fileName(title: string, format: ReportFormat): string {
  const stem = title
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60);
  return `${stem || 'report'}.${format}`;
}

async function runChild<Answer extends Json>(step: StepScope, order: Order, found: FoundSources): Promise<Answer> {
  try {
    return await step.sandbox<Answer>({
      entry: new URL('./child/report-child.ts', import.meta.url),
      // Plain data, as the types of Order say.
      input: order as unknown as Json,
      readPaths: found.readPaths,
      writeDir: step.workdir,
      limits: { wallMs: CHILD_WALL_MS, memoryMaxBytes: CHILD_MEMORY_BYTES },
    });
  } catch (error) {
    throw error instanceof AgentError && error.reason.startsWith('sandbox-') ? tooHeavy(error, order) : error;
  }
}

/** A child that was stopped says what the reader can do about a report. */
function tooHeavy(error: AgentError, order: Order): AgentError {
  const what = order.task === 'check' ? 'Computing the report' : `Making the ${order.task.toUpperCase()}`;
  const isLimit =
    error.reason === 'sandbox-timeout' || error.reason === 'sandbox-memory' || error.reason === 'sandbox-output';
  if (!isLimit) return error;
  return new AgentError('report-too-large', `${what} was stopped: ${error.message}`, {
    advice: 'Give fewer rows, shorten tables and loops in texts, or aggregate with data-processor first.',
    cause: error,
  });
}
