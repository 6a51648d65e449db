/** data-processor: reads tables in seven formats, transforms and checks them, and says exactly what it found. */
import { writeFile } from 'node:fs/promises';
import { type Artifact, defineAgent, type RunContext, type RunFile, type StepScope } from '@guildhall/agent-sdk';
import type { z } from 'zod';
import type { ProcessOrder, ProcessResult } from './child/order.ts';
import { description } from './description.ts';
import { examples } from './examples.ts';
import { inputSchema, outputsOf, type Request, type Source, sourceName } from './input/request.ts';
import { validateRequest } from './input/validate.ts';
import { outputSchema } from './output.ts';
import type { Inspection, SourceFile } from './read/source.ts';
import { FENCE } from './report/profile.ts';

const MIB = 1024 * 1024;
const LIMITS = {
  /** A look reads every byte once, to know its encoding. */
  inspect: { wallMs: 60_000, memoryMaxBytes: 400 * MIB },
  /** The engine is held to 240 MB; the rest is for Node, its native library, and the readers of XML and XLSX. */
  process: { wallMs: 180_000, memoryMaxBytes: 900 * MIB },
} as const;

export default defineAgent({
  id: 'data-processor',
  version: '1.0.0',
  title: 'Data processor',
  summary:
    'Converts, cleans, checks and joins tables, and reports every bad row, the profile of each column and a quality score.',
  description,
  category: 'data',
  needsModel: false,
  input: inputSchema,
  output: outputSchema,
  examples,
  limits: { timeoutMs: 300_000, stepsMax: 4 },
  validate: validateRequest,
  async run(ctx, input) {
    const files = await Promise.all(
      input.sources.map((source) => (source.file === undefined ? undefined : ctx.file({ file: source.file }))),
    );
    const inspections = await inspect(ctx, input, files);
    const { result, artifacts } = await processAll(ctx, input, files, inspections);
    const fileOf = (name: string): { file: string; name: string; format: string; bytes: number; sha256: string } => {
      const artifact = artifacts.find((one) => one.name === name);
      if (artifact === undefined) throw new Error(`no artifact was kept for ${name}`);
      return {
        file: artifact.id,
        name,
        format: name.slice(name.lastIndexOf('.') + 1),
        bytes: artifact.size,
        sha256: artifact.sha256,
      };
    };
    const { timings: _timings, peakMemoryBytes: _peak, processorMs: _processor, ...rest } = result;
    const output = {
      ...rest,
      files: result.files.map((file) => ({ ...fileOf(file.name), format: file.format })),
      rejects: { ...result.rejects, file: result.rejects.file === null ? null : fileOf(result.rejects.file) },
      profileFile: result.profileFile === null ? null : fileOf(result.profileFile),
      outlierRule: `below q1 - ${FENCE} × (q3 - q1) or above q3 + ${FENCE} × (q3 - q1)`,
    };
    // The same shape; only that the lists of a result cannot be changed.
    return output as unknown as z.input<typeof outputSchema>;
  },
});

type Files = readonly (RunFile | undefined)[];

async function inspect(ctx: RunContext, input: Request, files: Files): Promise<readonly Inspection[]> {
  const found = await ctx.step(
    'inspect',
    async (step) => {
      const sources = await placed(step, input, files);
      return step.sandbox({
        entry: new URL('./child/inspect.ts', import.meta.url),
        input: { sources: sources.map(asJson) },
        readPaths: pathsOf(files),
        writeDir: step.workdir,
        limits: LIMITS.inspect,
      });
    },
    { kind: 'inspect' },
  );
  // The child returns one Inspection for each source.
  return found as unknown as readonly Inspection[];
}

type Processed = { readonly result: ProcessResult; readonly artifacts: readonly Artifact[] };

/** Reading, transforming and writing are one step: between them lie hundreds of megabytes that are sooner computed again than stored. */
async function processAll(
  ctx: RunContext,
  input: Request,
  files: Files,
  inspections: readonly Inspection[],
): Promise<Processed> {
  const done = await ctx.step(
    'process',
    async (step) => {
      const sources = await placed(step, input, files);
      const { schema, steps, onError, rejects } = input;
      const order: ProcessOrder = { sources, inspections, schema, steps, onError, rejects, outputs: outputsOf(input) };
      const result = await step.sandbox<ProcessResult>({
        entry: new URL('./child/process.ts', import.meta.url),
        input: asJson(order),
        readPaths: pathsOf(files),
        writeDir: step.workdir,
        limits: LIMITS.process,
      });
      step.log(
        'info',
        `${result.rows} rows from ${result.sources.reduce((sum, source) => sum + source.records, 0)} records`,
        { timings: result.timings, peakMemoryBytes: result.peakMemoryBytes, processorMs: result.processorMs },
      );
      const artifacts = await keep(step, result);
      return { result, artifacts: artifacts.map(asJson) };
    },
    { kind: 'transform' },
  );
  // Written just above; a replay gives back the same.
  return done as unknown as Processed;
}

async function keep(step: StepScope, result: ProcessResult): Promise<readonly Artifact[]> {
  const extra = [
    ...(result.rejects.file === null
      ? []
      : [
          {
            name: result.rejects.file,
            mediaType: result.rejects.file.endsWith('.csv') ? 'text/csv; charset=utf-8' : 'application/x-ndjson',
          },
        ]),
    ...(result.profileFile === null ? [] : [{ name: result.profileFile, mediaType: 'application/json' }]),
  ];
  const kept: Artifact[] = [];
  for (const { name, mediaType } of [...result.files, ...extra]) {
    kept.push(await step.artifact({ name, mediaType, content: { path: `${step.workdir}/${name}` } }));
  }
  return kept;
}

/** Every source as a file: inline data are written into the folder of the step. */
async function placed(step: StepScope, input: Request, files: Files): Promise<readonly SourceFile[]> {
  return Promise.all(
    input.sources.map(async (source, index): Promise<SourceFile> => {
      const file = files[index];
      const path = file?.path ?? `${step.workdir}/inline-${index}`;
      if (file === undefined) await writeFile(path, inlineText(source));
      return {
        name: sourceName(source, index),
        index,
        path,
        fileName: file?.name ?? 'inline',
        options: optionsOf(source),
      };
    }),
  );
}

function inlineText(source: Source): string {
  return source.records === undefined
    ? (source.data ?? '')
    : source.records.map((record) => JSON.stringify(record)).join('\n');
}

function optionsOf(source: Source): SourceFile['options'] {
  const { format, encoding, delimiter, header, columns, nulls, sheet, record } = source;
  const inline = source.file === undefined ? ({ encoding: 'utf-8' } as const) : {};
  return {
    format: source.records === undefined ? format : 'ndjson',
    encoding,
    delimiter,
    header,
    columns,
    nulls,
    sheet,
    record,
    ...inline,
  };
}

function pathsOf(files: Files): readonly string[] {
  return files.flatMap((file) => (file === undefined ? [] : [file.path]));
}

/** The value as it will be after its way through JSON: what is undefined is left out. */
function asJson(value: unknown): Record<string, never> {
  return JSON.parse(JSON.stringify(value));
}
