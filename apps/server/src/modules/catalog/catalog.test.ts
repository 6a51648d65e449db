import { defineAgent } from '@guildhall/agent-sdk';
import { agentPage, agent as agentSchema } from '@guildhall/contract';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { FieldError } from '../../platform/errors/index.ts';
import { catalogErrors } from './errors.ts';
import { createCatalog } from './index.ts';

const file = z.strictObject({ file: z.string().regex(/^file_/) });

const base = {
  version: '1.2.0',
  title: 'Reporter',
  summary: 'Writes reports.',
  description: 'Writes *reports*.',
  category: 'reports',
  needsModel: false,
  output: z.strictObject({ pages: z.number().int(), madeAt: z.string() }),
  examples: [],
  limits: { timeoutMs: 60_000, stepsMax: 10 },
  run: async () => ({ pages: 1, madeAt: '' }),
};

const reporter = defineAgent({
  ...base,
  id: 'reporter',
  input: z.strictObject({
    sources: z.array(file).min(1),
    title: z.string().default('Report'),
    'a/b~c': z.number().optional(),
    format: z.union([z.enum(['pdf', 'html']), z.strictObject({ name: z.string() })]).optional(),
  }),
  examples: [{ title: 'One source', input: { sources: [{ file: 'file_1' }] } }],
  validate: ({ sources }) =>
    sources.flatMap(({ file: id }, index) =>
      sources.findIndex((other) => other.file === id) < index
        ? [{ path: `/sources/${index}/file`, message: 'stands here twice' }]
        : [],
    ),
});

const other = defineAgent({ ...base, id: 'alpha', input: z.strictObject({}) });

const PRICES = new Map([
  ['reporter', [{ id: 'basic', priceNanos: 47_500_000n }]],
  ['alpha', [{ id: 'basic', priceNanos: 0n }]],
]);
const prices = { tiers: (id: string) => PRICES.get(id) ?? [] };
const catalog = createCatalog({ agents: [reporter, other], prices });

const faults = (input: unknown): readonly FieldError[] => {
  try {
    catalog.parseInput(reporter, input);
  } catch (error) {
    expect(error).toMatchObject({ spec: catalogErrors.invalidInput });
    // The line above has shown what it is.
    return (error as { details: { errors: readonly FieldError[] } }).details.errors;
  }
  return [];
};
const paths = (input: unknown) => faults(input).map(({ path }) => path);

test('an agent is found by its id, and only by that', () => {
  expect(catalog.find('reporter')).toBe(reporter);
  expect(catalog.get('reporter')).toBe(reporter);
  expect(catalog.find('Reporter')).toBeUndefined();
  expect(catalog.find('constructor')).toBeUndefined();
});

test('an unknown agent is a refusal that says where the agents are listed', async () => {
  const refusal = expect.objectContaining({ spec: catalogErrors.agentNotFound });
  expect(() => catalog.get('nobody')).toThrow(refusal);
  expect(() => catalog.schemas('nobody')).toThrow(refusal);
  await expect(catalog.entry('nobody')).rejects.toEqual(refusal);
  expect(catalogErrors.agentNotFound).toMatchObject({ status: 404, advice: expect.stringContaining('GET /v1/agents') });
});

test('a good input comes back with its defaults', () => {
  expect(catalog.parseInput(reporter, { sources: [{ file: 'file_1' }] })).toEqual({
    sources: [{ file: 'file_1' }],
    title: 'Report',
  });
});

test('all faults of an input are named at once, each by its place in the request', () => {
  const input = {
    sources: [{ file: 7 }, { file: 'file_2', extra: 1 }],
    title: null,
    'a/b~c': 'x',
    format: { name: 1 },
    unknown: true,
  };
  expect(paths(input).sort()).toEqual([
    '/input/a~1b~0c',
    '/input/format/name',
    '/input/sources/0/file',
    '/input/sources/1/extra',
    '/input/title',
    '/input/unknown',
  ]);
});

test.each([
  ['missing', undefined],
  ['null', null],
  ['a list', []],
  ['a text', 'x'],
])('an input that is %s is one fault at /input', (_what, input) => {
  expect(paths(input)).toEqual(['/input']);
});

test('what only the agent can see is found once the shape is right, in the same form', () => {
  expect(faults({ sources: [{ file: 'file_1' }, { file: 'file_1' }] })).toEqual([
    { path: '/input/sources/1/file', message: 'stands here twice' },
  ]);
});

test('an input with thousands of faults is answered with a bounded list', () => {
  expect(paths({ sources: Array.from({ length: 5_000 }, () => ({ file: 1 })) }).length).toBeLessThanOrEqual(100);
});

test('an agent that would ignore misspelt members is not offered', () => {
  const loose = defineAgent({
    ...base,
    id: 'loose',
    input: z.strictObject({ options: z.object({ a: z.string().optional() }) }),
  });
  expect(() => createCatalog({ agents: [loose], prices })).toThrow(/loose.*properties\/options.*strictObject/);
});

test('two agents cannot share an id', () => {
  expect(() => createCatalog({ agents: [reporter, reporter], prices })).toThrow('share an id');
});

test('the schemas are JSON Schema 2020-12 of what may be sent and of what comes back', () => {
  const { input, output } = catalog.schemas('reporter');
  expect(input).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    required: ['sources'],
    additionalProperties: false,
  });
  expect(output).toMatchObject({ required: ['pages', 'madeAt'] });
});

test('pages of agents are ordered by id and end', async () => {
  const first = await catalog.list({ limit: 1 });
  expect(first.entries.map(({ agent }) => agent.id)).toEqual(['alpha']);
  const second = await catalog.list({ limit: 1, afterId: first.nextAfterId });
  expect(second.entries.map(({ agent }) => agent.id)).toEqual(['reporter']);
  expect(second.nextAfterId).toBeUndefined();
});

test('the contract describes what the routes answer', async () => {
  const call = (index: number, parts: object) =>
    // Only these parts of a call are used by the routes of the catalog.
    catalog.routes[index]?.handler({ params: {}, query: { limit: 50 }, ...parts } as never);
  const list = await call(0, {});
  expect(agentPage.parse(list?.body).data[1]).toEqual({
    id: 'reporter',
    version: '1.2.0',
    title: 'Reporter',
    summary: 'Writes reports.',
    category: 'reports',
    needsModel: false,
    tiers: [{ id: 'basic', price: { nanos: '47500000', currency: 'USD' } }],
  });
  const one = await call(1, { params: { id: 'reporter' } });
  expect(agentSchema.strict().parse(one?.body)).toEqual(one?.body);
});
