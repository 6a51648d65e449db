/** Runs the work of the agent inside the test's own process: the same code as in the child, without the time a process takes to start. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentError } from '@guildhall/agent-sdk';
import type { z } from 'zod';
import inspect from '../src/child/inspect.ts';
import type { ProcessResult } from '../src/child/order.ts';
import work from '../src/child/process.ts';
import { inputSchema, outputsOf, sourceName } from '../src/input/request.ts';
import { validateRequest } from '../src/input/validate.ts';
import type { Inspection } from '../src/read/source.ts';

export type Input = z.input<typeof inputSchema>;
/** Files by the id that the input names. */
export type Files = Readonly<Record<string, string | Uint8Array | { readonly path: string }>>;

export interface Outcome {
  readonly result: ProcessResult;
  readonly inspections: readonly Inspection[];
  /** The bytes of a file of the result. */
  bytes(name: string): Buffer;
  text(name: string): string;
  /** The records of `result.ndjson`. */
  records(): readonly Record<string, unknown>[];
}

/** @throws whatever the work throws; also an AgentError `invalid` with the faults that validation finds. */
export async function processed(input: Input, files: Files = {}): Promise<Outcome> {
  const request = inputSchema.parse(input);
  const faults = validateRequest(request);
  if (faults.length > 0) throw new AgentError('invalid', faults[0]?.message ?? '', { errors: faults });
  const dir = mkdtempSync(join(tmpdir(), 'data-processor-'));
  try {
    mkdirSync(join(dir, 'in'));
    const sources = request.sources.map((source, index) => {
      const given = files[source.file ?? ''];
      const path = typeof given === 'object' && 'path' in given ? given.path : join(dir, 'in', String(index));
      const inline = source.records?.map((record) => JSON.stringify(record)).join('\n') ?? source.data ?? '';
      if (typeof given !== 'object' || !('path' in given)) writeFileSync(path, given ?? inline);
      const { format, encoding, delimiter, header, columns, nulls, sheet, record } = source;
      const options = {
        format: source.records === undefined ? format : 'ndjson',
        encoding,
        delimiter,
        header,
        columns,
        nulls,
        sheet,
        record,
      };
      return {
        name: sourceName(source, index),
        index,
        path,
        fileName: source.file ?? 'inline',
        options: { ...options, ...(source.file === undefined ? { encoding: 'utf-8' } : {}) },
      };
    });
    const io = { writeDir: dir, progress: () => {} };
    // As the sandbox does it: both ways through JSON.
    const inspections = JSON.parse(JSON.stringify(await inspect(JSON.parse(JSON.stringify({ sources })), io)));
    const { schema, steps, onError, rejects } = request;
    const order = JSON.parse(
      JSON.stringify({ sources, inspections, schema, steps, onError, rejects, outputs: outputsOf(request) }),
    );
    const result: ProcessResult = JSON.parse(JSON.stringify(await work(order, io)));
    const kept = new Map(
      [...result.files.map((file) => file.name), ...(result.rejects.file === null ? [] : [result.rejects.file])].map(
        (name) => [name, readFileSync(join(dir, name))],
      ),
    );
    return outcome(result, inspections, kept);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function outcome(
  result: ProcessResult,
  inspections: readonly Inspection[],
  kept: ReadonlyMap<string, Buffer>,
): Outcome {
  const bytes = (name: string): Buffer => {
    const found = kept.get(name);
    if (found === undefined) throw new Error(`no file ${name}; there are ${[...kept.keys()].join(', ')}`);
    return found;
  };
  const text = (name: string): string => bytes(name).toString('utf8');
  return {
    result,
    inspections,
    bytes,
    text,
    records: () =>
      text('result.ndjson')
        .split('\n')
        .filter((line) => line !== '')
        .map((line): Record<string, unknown> => JSON.parse(line)),
  };
}

/** The error of work that must fail. */
export async function failure(input: Input, files: Files = {}): Promise<AgentError> {
  try {
    await processed(input, files);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
  throw new Error('the work should have failed');
}
