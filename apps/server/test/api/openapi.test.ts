/** The description of the interface is valid, whole, and true of the examples it gives. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtInAgents } from '../../src/agents.ts';
import { type TestPlatform, testPlatform } from '../harness/platform.ts';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly unknown[];
  readonly parameters: readonly { name: string; in: string; required: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: unknown }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: unknown }>> }>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

let platform: TestPlatform;
let document: Document;
beforeAll(async () => {
  platform = await testPlatform({ agents: builtInAgents, role: 'api' });
  document = (await platform.call<Document>('GET', '/openapi.json')).body;
});
afterAll(() => platform.close());

const operations = (): [string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );

describe('the document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(JSON.parse(JSON.stringify(document)))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('has every route, under an id of its own, with its parameters, body, answers and refusals', () => {
    const found = new Map(operations());
    const { routes } = platform.server;
    expect([...found.keys()].toSorted()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).toSorted());
    expect(new Set([...found.values()].map(({ operationId }) => operationId)).size).toBe(routes.length);
    for (const route of routes) {
      const name = `${route.method} ${route.path}`;
      const operation = found.get(name);
      const inPath = (operation?.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect([name, inPath.map((parameter) => [parameter.name, parameter.required])]).toEqual([
        name,
        [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => [match[1], true]),
      ]);
      expect([name, operation?.requestBody !== undefined]).toEqual([
        name,
        route.body !== undefined || route.rawBody === true,
      ]);
      expect([name, operation?.security?.length === 0]).toEqual([name, route.scope === 'public']);
      for (const [status, schema] of Object.entries(route.responses)) {
        const answer = operation?.responses[status];
        expect([name, status, answer?.content?.['application/json'] !== undefined]).toEqual([
          name,
          status,
          schema !== null,
        ]);
      }
      expect(operation?.responses['4XX']?.content?.['application/problem+json']).toBeDefined();
      expect(operation?.summary.length).toBeGreaterThan(5);
    }
  });

  it('points only at parts it has, and each of its schemas compiles', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(refs.length).toBeGreaterThan(50);
    for (const ref of new Set(refs)) {
      expect(ref).toMatch(/^#\/components\/schemas\//);
      expect(document.components.schemas).toHaveProperty([ref.split('/').at(-1) ?? '']);
    }
    const ajv = new Ajv2020({ strict: false, validateFormats: false, schemas: [{ ...document, $id: 'document' }] });
    for (const name of Object.keys(document.components.schemas))
      expect(ajv.getSchema(`document#/components/schemas/${name}`), name).toBeTypeOf('function');
  });

  it('fits what the routes answer', async () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, schemas: [{ ...document, $id: 'document' }] });
    for (const path of ['/v1/agents', '/v1/balance', '/v1/budgets', '/v1/keys', '/v1/runs', '/v1/usage', '/ready']) {
      const place = path.replaceAll('/', '~1');
      const fits = ajv.getSchema(
        `document#/paths/${place}/get/responses/200/content/${encodeURIComponent('application~1json')}/schema`,
      );
      const { status, body } = await platform.call('GET', path);
      expect([path, status, fits?.(body), fits?.errors]).toEqual([path, 200, true, null]);
    }
    const problem = ajv.getSchema('document#/components/schemas/Problem');
    expect(problem?.((await platform.call('GET', '/v1/runs/run_0')).body)).toBe(true);
  });
});

describe('agents', () => {
  it.each(builtInAgents.map(({ id }) => id))('the examples of %s fit the input schema it shows', async (id) => {
    const { body } = await platform.call<{
      inputSchema: object;
      outputSchema: object;
      examples: { title: string; input: unknown }[];
    }>('GET', `/v1/agents/${id}`);
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const fits = ajv.compile(body.inputSchema);
    ajv.compile(body.outputSchema);
    expect(body.examples.length).toBeGreaterThanOrEqual(2);
    for (const { title, input } of body.examples)
      expect([title, fits(structuredClone(input)), fits.errors]).toEqual([title, true, null]);
    expect(fits({ nobodyKnowsThis: 1 })).toBe(false);
  });

  it.each(builtInAgents.map(({ id }) => id))('the examples of %s can be priced as they stand', async (id) => {
    const { body } = await platform.call<{ examples: { input: unknown }[] }>('GET', `/v1/agents/${id}`);
    for (const { input } of body.examples) {
      const priced = await platform.call('POST', `/v1/agents/${id}/estimate`, { input });
      expect(priced).toMatchObject({ status: 200, body: { tier: expect.any(String), basis: 'price-book' } });
    }
  });
});
