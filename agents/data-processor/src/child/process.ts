/** Child: reads, transforms, checks, profiles and writes. Everything heavy happens here. */
import { statSync, writeFileSync } from 'node:fs';
import { AgentError, type Json, type SandboxIo, sandboxEntry } from '@guildhall/agent-sdk';
import { identifier } from '../columns.ts';
import { profileOf } from '../report/profile.ts';
import { qualityOf } from '../report/quality.ts';
import { writeRejects } from '../report/rejects.ts';
import { type RecordSchema, readSchema } from '../rules/record-schema.ts';
import { enforce, hintsFrom } from '../rules/target.ts';
import { applyStep } from '../steps/apply.ts';
import { engineError } from '../steps/context.ts';
import { MEDIA_TYPES, writeOutput } from '../write/write.ts';
import { type Engine, openEngine } from './engine.ts';
import type { Flow } from './flow.ts';
import { type Job, startJob } from './job.ts';
import type { ProcessOrder, ProcessResult, SourceSummary, StepSummary, WrittenFile } from './order.ts';
import { type ReadSource, readSource } from './read-source.ts';

/** More columns than this go into a file of their own. */
const PROFILE_INLINE_MAX = 300;
/** Shares of the progress bar, by what the phases take for a large CSV. */
const SHARE = { read: 40, steps: 70, profile: 80, write: 100 } as const;

export default sandboxEntry(async (input, io) => {
  // Written by the parent as a ProcessOrder.
  const order = input as unknown as ProcessOrder;
  const parquet = order.sources
    .filter((_, index) => order.inspections[index]?.format === 'parquet')
    .map((source) => source.path);
  const engine = await openEngine(io.writeDir, parquet);
  try {
    const result = await new Work(await startJob(engine, order.onError), order, io).run();
    return result satisfies Json;
  } catch (error) {
    // What the data do to a computation may only show when its result is used.
    throw error instanceof AgentError ? error : engineError('/steps', error);
  } finally {
    engine.close();
  }
});

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return Math.round((user + system) / 1000);
}

class Work {
  readonly #job: Job;
  readonly #engine: Engine;
  readonly #order: ProcessOrder;
  readonly #io: SandboxIo;
  readonly #schema: RecordSchema | undefined;
  readonly #timings: Record<string, number> = {};
  readonly #summaries: StepSummary[] = [];

  constructor(job: Job, order: ProcessOrder, io: SandboxIo) {
    this.#job = job;
    this.#engine = job.engine;
    this.#order = order;
    this.#io = io;
    this.#schema = order.schema === 'infer' ? undefined : readSchema(order.schema).schema;
  }

  async run(): Promise<ProcessResult> {
    const reads = await this.#timed('read', () => this.#read());
    const flow = await this.#timed('steps', () => this.#transform(reads));
    const rejects = await writeRejects(
      this.#job,
      this.#order.sources.map((source) => source.name),
      this.#io.writeDir,
      this.#order.rejects,
    );
    const profile = await this.#timed('profile', () =>
      profileOf(this.#engine, flow, (done) =>
        this.#progress(SHARE.steps + (10 * done) / flow.columns.length, 'profile'),
      ),
    );
    const duplicates = await this.#timed('duplicates', () => this.#duplicates(flow));
    const files = await this.#timed('write', () => this.#write(flow));
    const tallies = [...this.#job.tallies.values()];
    const large = profile.length > PROFILE_INLINE_MAX;
    if (large) writeFileSync(`${this.#io.writeDir}/profile.json`, JSON.stringify(profile));
    const rejected = tallies.reduce((sum, tally) => sum + tally.rejected, 0);
    const faulty = rejected + tallies.reduce((sum, tally) => sum + tally.coerced, 0);
    const recordsRead = reads.reduce((sum, read) => sum + read.records, 0);
    return {
      rows: flow.rows,
      sources: this.#order.sources.map((_, index) => this.#sourceSummary(index, reads)),
      steps: this.#summaries,
      files,
      rejects: {
        rows: rejected,
        problems: rejects.problems,
        file: rejects.file ?? null,
        byRule: rejects.byRule,
        first: rejects.first,
      },
      profile: large ? profile.slice(0, PROFILE_INLINE_MAX) : profile,
      profileFile: large ? 'profile.json' : null,
      quality: qualityOf({
        recordsRead,
        recordsFaulty: Math.min(faulty, recordsRead),
        rows: flow.rows,
        columns: flow.columns.length,
        nullCells: profile.reduce((sum, column) => sum + column.nulls, 0),
        duplicateRows: duplicates,
      }),
      timings: this.#timings,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      processorMs: processorMs(),
    };
  }

  async #read(): Promise<readonly ReadSource[]> {
    const { sources, inspections, steps } = this.#order;
    const hints = this.#schema === undefined ? new Map() : hintsFrom(this.#schema, steps);
    const total = inspections.reduce((sum, inspection) => sum + inspection.bytes, 0);
    const reads: ReadSource[] = [];
    let before = 0;
    for (const [index, source] of sources.entries()) {
      const inspection = inspections[index];
      if (inspection === undefined) throw new Error('every source was inspected');
      const progress = (bytes: number): void =>
        this.#progress((SHARE.read * Math.min(before + bytes, total)) / total, `read ${source.name}`);
      reads.push(
        await readSource(this.#job, {
          source,
          inspection,
          dir: this.#io.writeDir,
          hints: index === 0 ? hints : new Map(),
          progress,
        }),
      );
      before += inspection.bytes;
    }
    return reads;
  }

  async #transform(reads: readonly ReadSource[]): Promise<Flow> {
    const { sources, steps } = this.#order;
    const source = sources[0]?.name ?? '';
    const others = new Map(reads.slice(1).map((read, index) => [sources[index + 1]?.name ?? '', read.flow]));
    let flow = reads[0]?.flow;
    if (flow === undefined) throw new Error('a request has at least one source');
    for (const [index, step] of steps.entries()) {
      this.#progress(
        SHARE.read + ((SHARE.steps - SHARE.read) * index) / (steps.length + 1),
        `step ${index + 1}: ${step.step}`,
      );
      const rowsIn = flow.rows;
      flow = await applyStep({ job: this.#job, path: `/steps/${index}`, others, source }, flow, step);
      this.#summaries.push({ step: step.step, rowsIn, rowsOut: flow.rows, columnsOut: flow.columns.length });
    }
    if (this.#schema === undefined) return this.#settled(flow);
    const rowsIn = flow.rows;
    this.#progress(SHARE.steps - 5, 'check against the schema');
    const checked = await enforce(this.#job, flow, this.#schema, source);
    this.#summaries.push({ step: 'schema', rowsIn, rowsOut: checked.rows, columnsOut: checked.columns.length });
    return this.#settled(checked);
  }

  /** What is read again and again by profile and outputs is computed once. */
  async #settled(flow: Flow): Promise<Flow> {
    if (flow.relation === flow.table) return flow;
    const name = this.#job.newTable();
    await this.#engine.run(
      `CREATE TABLE ${name} AS SELECT ${flow.columns.map((column) => identifier(column.name)).join(', ')} FROM ${flow.relation}`,
    );
    await this.#job.drop(flow);
    return { ...flow, relation: name, table: name, tracked: false };
  }

  async #duplicates(flow: Flow): Promise<number> {
    const columns = flow.columns.map((column) => identifier(column.name)).join(', ');
    const { n } = await this.#engine.one(
      `SELECT count(*) - count(DISTINCT hash(${columns})) AS n FROM ${flow.relation}`,
    );
    return Number(n);
  }

  async #write(flow: Flow): Promise<readonly WrittenFile[]> {
    const { outputs } = this.#order;
    const files: WrittenFile[] = [];
    for (const [index, output] of outputs.entries()) {
      this.#progress(SHARE.profile + ((SHARE.write - SHARE.profile) * index) / outputs.length, `write ${output.name}`);
      const path = `${this.#io.writeDir}/${output.name}`;
      await writeOutput(this.#engine, flow, output, path);
      files.push({
        name: output.name,
        format: output.format,
        mediaType: MEDIA_TYPES[output.format],
        bytes: statSync(path).size,
      });
    }
    return files;
  }

  #sourceSummary(index: number, reads: readonly ReadSource[]): SourceSummary {
    const { sources, inspections } = this.#order;
    const [source, inspection, read] = [sources[index], inspections[index], reads[index]];
    if (source === undefined || inspection === undefined || read === undefined)
      throw new Error('every source was inspected and read');
    const tally = this.#job.tallies.get(source.name) ?? { rejected: 0, coerced: 0 };
    const { format, formatBy, encoding, encodingBy, encodingMixed, delimiter } = inspection;
    const columns = read.flow.columns.map((column) => ({ name: column.name, type: column.kind }));
    return {
      name: source.name,
      format,
      formatBy,
      encoding,
      encodingBy,
      encodingMixed,
      delimiter,
      records: read.records,
      ...tally,
      columns,
    };
  }

  #progress(percent: number, note: string): void {
    this.#io.progress(Math.round(percent), 100, note);
  }

  async #timed<T>(phase: string, work: () => Promise<T>): Promise<T> {
    const from = performance.now();
    const result = await work();
    this.#timings[phase] = Math.round(performance.now() - from);
    return result;
  }
}
