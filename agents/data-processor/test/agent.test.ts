import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentError } from '@guildhall/agent-sdk';
import { runAgent } from '@guildhall/agent-sdk/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import agent from '../src/index.ts';
import { makeCsv, ORDER_SCHEMA } from './make-csv.ts';

const SAMPLE = new URL('../examples/orders.csv', import.meta.url).pathname;
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'data-processor-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the agent', () => {
  it.each(agent.examples.map((example) => [example.title, example.input] as const))(
    'runs its own example: %s',
    async (_title, input) => {
      const run = await runAgent(agent, input);
      expect(run.error).toBeUndefined();
      expect(run.output?.files.map((file) => file.name)).toEqual(
        (input.outputs ?? []).map((output) => `result.${typeof output === 'string' ? output : output.format}`),
      );
    },
    60_000,
  );

  it('finds the five bad rows of the sample and nothing else', async () => {
    expect(statSync(SAMPLE).size).toBeLessThanOrEqual(50_000);
    const run = await runAgent(
      agent,
      { sources: [{ name: 'orders', file: 'file_1' }], schema: ORDER_SCHEMA, outputs: ['csv', 'parquet'] },
      { files: { file_1: SAMPLE } },
    );
    expect(run.error).toBeUndefined();
    expect(run.output).toMatchObject({
      rows: 500,
      rejects: { rows: 5, problems: 5 },
      sources: [{ records: 505, format: 'csv', encoding: 'utf-8', delimiter: ',' }],
    });
    expect(run.output?.rejects.first.map((reject) => reject.rule).sort()).toEqual([
      'columns',
      'format',
      'quotes',
      'type',
      'type',
    ]);
    expect(run.artifacts.map((artifact) => artifact.name)).toEqual(['result.csv', 'result.parquet', 'rejects.ndjson']);
    expect(run.output?.files.map((file) => file.file)).toEqual(
      run.artifacts.slice(0, 2).map((artifact) => artifact.id),
    );
  }, 60_000);

  it.each([1, 2])(
    'gives the same after a crash behind step %i',
    async (crashAfterStep) => {
      const input = agent.examples[0]?.input;
      if (input === undefined) throw new Error('there are examples');
      const [whole, crashed] = [await runAgent(agent, input), await runAgent(agent, input, { crashAfterStep })];
      expect(crashed.error).toBeUndefined();
      expect(crashed.steps.filter((step) => step.replayed)).toHaveLength(crashAfterStep);
      const shape = (run: typeof whole) => JSON.stringify(run.output).replaceAll(/art_\w+/g, 'art');
      expect(shape(crashed)).toBe(shape(whole));
    },
    60_000,
  );

  it('calls no other agent and needs no model', () => {
    expect([agent.plannedCalls, agent.needsModel]).toEqual([undefined, false]);
  });

  it('passes on what is wrong with a source from its child, and keeps no file', async () => {
    const run = await runAgent(agent, { sources: [{ data: 'a,a\n1,2\n' }] });
    expect(run.error).toBeInstanceOf(AgentError);
    expect(run.error).toMatchObject({ reason: 'duplicate-columns', errors: [{ path: '/sources/0' }] });
    expect(run.artifacts).toEqual([]);
  }, 60_000);

  it('shows how far it is', async () => {
    const path = join(folder, 'progress.csv');
    makeCsv(path, 20_000);
    const run = await runAgent(
      agent,
      { sources: [{ file: 'file_1' }], outputs: ['parquet'] },
      { files: { file_1: path } },
    );
    const seen = run.progress.filter((one) => one.step.startsWith('process')).map((one) => one.done);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen).toEqual([...seen].sort((one, other) => one - other));
  }, 60_000);
});

describe('100,000 rows', () => {
  it('are checked, transformed and written twice in seconds and little memory, every bad row reported', async () => {
    const path = join(folder, 'orders.csv');
    const made = makeCsv(path, 100_000);
    const run = await runAgent(
      agent,
      {
        sources: [{ name: 'orders', file: 'file_1' }],
        schema: ORDER_SCHEMA,
        steps: [{ step: 'trim' }, { step: 'derive', columns: { with_tax: 'round(amount * 1.15, 2)' } }],
        outputs: ['parquet', 'ndjson'],
      },
      { files: { file_1: path } },
    );
    expect(run.error).toBeUndefined();
    expect(run.output).toMatchObject({ rows: 100_000 - made.badRows, rejects: { rows: made.badRows } });
    const rejects = run.artifacts.find((artifact) => artifact.name === 'rejects.ndjson');
    expect(
      readFileSync(rejects?.path ?? '', 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(made.badRows);
    // Processor time, because the clock also counts what other tests do on the same two cores.
    const { processorMs, peakMemoryBytes } = z
      .object({ processorMs: z.number(), peakMemoryBytes: z.number() })
      .parse(run.logs[0]?.data);
    expect(processorMs).toBeLessThan(5000);
    expect(peakMemoryBytes).toBeLessThan(600e6);
  }, 60_000);
});
