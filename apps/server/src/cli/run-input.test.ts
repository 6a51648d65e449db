import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import dataProcessor from '@guildhall/agent-data-processor';
import { reportGenerator } from '@guildhall/agent-report-generator';
import { workflowOrchestrator } from '@guildhall/agent-workflow-orchestrator';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { findFilePlace, placeFiles, readInputParts, setMember } from './run-input.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'run-input-'));
afterAll(() => rmSync(folder, { recursive: true }));
const put = (name: string, text: string): string => {
  writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
};
const noInput = async (): Promise<string> => {
  throw new Error('standard input was read');
};

test('a file goes where each built-in agent takes one', () => {
  const placeOf = (input: z.ZodType) => findFilePlace(z.toJSONSchema(input, { io: 'input' }));
  expect(placeOf(dataProcessor.input)).toEqual({ member: 'sources', shape: 'id' });
  expect(placeOf(reportGenerator.input)).toEqual({ member: 'data', shape: 'reference' });
  expect(placeOf(workflowOrchestrator.input)).toBeUndefined();
});

test('uploaded files follow the sources that the input already names', () => {
  const input = { sources: [{ data: 'a\n1\n' }], outputs: ['csv'] };
  expect(placeFiles(input, { member: 'sources', shape: 'id' }, ['file_1', 'file_2'])).toEqual({
    sources: [{ data: 'a\n1\n' }, { file: 'file_1' }, { file: 'file_2' }],
    outputs: ['csv'],
  });
  expect(placeFiles({}, { member: 'data', shape: 'reference' }, ['file_1'])).toEqual({
    data: [{ file: { file: 'file_1' } }],
  });
  expect(() => placeFiles({ sources: 'all' }, { member: 'sources', shape: 'id' }, ['file_1'])).toThrow(
    /must be a list/,
  );
});

test.each([
  ['title=Orders', { title: 'Orders' }],
  ['outputs=["parquet"]', { outputs: ['parquet'] }],
  ['rejects.inlineMax=5', { rejects: { inlineMax: 5 } }],
  ['steps.0.step=rename', { steps: [{ step: 'rename' }] }],
  ['note=a=b', { note: 'a=b' }],
])('--set %s sets that member', (assignment, expected) => {
  expect(setMember({}, assignment)).toEqual(expected);
});

test('--set keeps what stands beside the member', () => {
  const input = { sources: [{ name: 'a', format: 'csv' }], outputs: ['csv'] };
  expect(setMember(input, 'sources.0.format=tsv')).toEqual({
    sources: [{ name: 'a', format: 'tsv' }],
    outputs: ['csv'],
  });
  expect(input.sources[0]?.format).toBe('csv');
});

test.each(['novalue', '=5', 'a..b=1', '__proto__.x=1', 'a.constructor=1'])('--set %s is refused', (assignment) => {
  expect(() => setMember({}, assignment)).toThrow(/write path=value/);
});

test('--set cannot leave a gap in a list or reach into a plain value', () => {
  expect(() => setMember({ list: [] }, 'list.2=x')).toThrow(/no member 2/);
  expect(() => setMember({ name: 'x' }, 'name.first=y')).toThrow(/cannot be set/);
});

test('a .json file is the input, another file is uploaded, and --json-input wins over the file', async () => {
  const json = put('input.json', '{"onError":"fail","outputs":["csv"]}');
  const csv = put('orders.csv', 'a\n1\n');
  const parts = await readInputParts({ input: [json, csv], jsonInput: '{"onError":"coerce"}' }, noInput);
  expect(parts).toEqual({ base: { onError: 'coerce', outputs: ['csv'] }, uploads: [csv] });
});

test('- reads the input from standard input', async () => {
  expect((await readInputParts({ input: ['-'] }, async () => '{"a":1}')).base).toEqual({ a: 1 });
});

test('a missing file, broken JSON and JSON that is no object are named', async () => {
  await expect(readInputParts({ input: [path.join(folder, 'none.csv')] }, noInput)).rejects.toThrow(
    /no file .*none\.csv/,
  );
  await expect(readInputParts({ input: [put('broken.json', '{')] }, noInput)).rejects.toThrow(
    /broken\.json is not valid JSON/,
  );
  await expect(readInputParts({ jsonInput: '[1]' }, noInput)).rejects.toThrow(/must hold a JSON object/);
});
