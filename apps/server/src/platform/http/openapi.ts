/** OpenAPI 3.1 from the very declarations that the edge serves. */
import { problem } from '@guildhall/contract';
import { z } from 'zod';
import { SESSION_COOKIE } from './credential.ts';
import type { RouteDefinition } from './types.ts';

type JsonObject = Record<string, unknown>;

const PROBLEM_REF = { $ref: '#/components/schemas/Problem' };
const ERROR_ANSWERS: Readonly<Record<string, string>> = {
  '4XX': 'The request was refused; nothing was changed and nothing charged.',
  '5XX': 'Something failed on our side; safe to repeat with the same Idempotency-Key.',
};

/** Moves the named parts of a schema to the components they share. */
function hoist(schema: z.ZodType, io: 'input' | 'output', components: JsonObject): JsonObject {
  const {
    $defs,
    $schema: _,
    ...rest
  } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonObject & { $defs?: JsonObject };
  const relink = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(relink);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) =>
        key === '$ref' && typeof item === 'string'
          ? [key, item.replace('#/$defs/', '#/components/schemas/')]
          : [key, relink(item)],
      ),
    );
  };
  for (const [name, definition] of Object.entries($defs ?? {}))
    components[name] = withoutId(relink(definition) as JsonObject);
  const id = rest.id;
  if (typeof id !== 'string') return relink(rest) as JsonObject;
  components[id] = withoutId(relink(rest) as JsonObject);
  return { $ref: `#/components/schemas/${id}` };
}

const withoutId = ({ id: _, ...rest }: JsonObject): JsonObject => rest;

function parameters(schema: unknown, where: 'path' | 'query', components: JsonObject): JsonObject[] {
  if (schema === undefined) return [];
  // Routes declare their parameters as objects.
  const object = hoist(schema as z.ZodType, 'input', components) as {
    properties?: Record<string, JsonObject>;
    required?: string[];
  };
  return Object.entries(object.properties ?? {}).map(([name, definition]) => ({
    name,
    in: where,
    required: where === 'path' || (object.required ?? []).includes(name),
    schema: definition,
  }));
}

function requestBody(route: RouteDefinition, components: JsonObject): JsonObject {
  if (route.rawBody) {
    const schema = { type: 'object', required: ['file'], properties: { file: { type: 'string', format: 'binary' } } };
    return { requestBody: { required: true, content: { 'multipart/form-data': { schema } } } };
  }
  if (route.body === undefined) return {};
  return {
    requestBody: {
      required: true,
      content: { 'application/json': { schema: hoist(route.body as z.ZodType, 'input', components) } },
    },
  };
}

function responses(route: RouteDefinition, components: JsonObject): JsonObject {
  const good = Object.entries(route.responses).map(([status, schema]) => {
    const content = schema ? { content: { 'application/json': { schema: hoist(schema, 'output', components) } } } : {};
    return [status, { description: route.summary, ...content }];
  });
  const bad = Object.entries(ERROR_ANSWERS).map(([status, description]) => [
    status,
    { description, content: { 'application/problem+json': { schema: PROBLEM_REF } } },
  ]);
  return Object.fromEntries([...good, ...bad]);
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'Repeating a request with the same key gives the first answer again, for 30 days.',
  schema: { type: 'string', maxLength: 255 },
};

function accessTo(route: RouteDefinition): JsonObject {
  if (route.scope === 'public') return { security: [] };
  const fresh = route.stepUp ? ' A person must have shown a factor within ten minutes.' : '';
  if (route.scope === 'person')
    return { description: `For a person who is signed in.${fresh}`, security: [{ session: [] }] };
  if (route.scope === 'directory')
    return { description: 'For the directory of an organisation, with a SCIM token.', security: [{ directory: [] }] };
  return { description: `Needs the scope \`${route.scope}\`.${fresh}`, security: [{ key: [] }, { session: [] }] };
}

function operation(route: RouteDefinition, components: JsonObject): JsonObject {
  // Nobody's requests cannot be told apart by a key.
  const keyed = route.method === 'POST' && route.scope !== 'public' ? [IDEMPOTENCY_KEY] : [];
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.tag],
    ...accessTo(route),
    parameters: [
      ...parameters(route.params, 'path', components),
      ...parameters(route.query, 'query', components),
      ...keyed,
    ],
    ...requestBody(route, components),
    responses: responses(route, components),
  };
}

const operationId = (route: RouteDefinition): string =>
  `${route.method.toLowerCase()}${route.path.replaceAll(/[^a-zA-Z0-9]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`;

/** The whole document. `extraSchemas` adds components that no route mentions (the inputs of agents). */
export function openApi(
  routes: readonly RouteDefinition[],
  about: { version: string; url: string; extraSchemas?: JsonObject },
): JsonObject {
  const components: JsonObject = { ...about.extraSchemas };
  hoist(problem, 'output', components);
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const item = paths[route.path] ?? {};
    item[route.method.toLowerCase()] = operation(route, components);
    paths[route.path] = item;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Guildhall',
      version: about.version,
      summary: 'Runs agents as durable, exactly metered, exactly billed runs.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: about.url }],
    security: [{ key: [] }],
    tags: [...new Set(routes.map((route) => route.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key, `gld_live_…` or `gld_test_…`.' },
        directory: { type: 'http', scheme: 'bearer', description: 'A SCIM token, `gls_…`.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: SESSION_COOKIE,
          description:
            'Set by POST /v1/auth/sign-in. What changes something also needs the header `guildhall-request: 1`.',
        },
      },
    },
  };
}
