/** Serves a list of routes: one place that authenticates, parses, transacts, answers and translates errors. */

import multipart from '@fastify/multipart';
import type { Scope } from '@guildhall/contract';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../clock/index.ts';
import type { Db } from '../db/index.ts';
import { GuildhallError } from '../errors/index.ts';
import type { Ids } from '../ids/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { authErrors, httpErrors } from './errors.ts';
import { once, readIdempotencyKey, requestHash } from './idempotency.ts';
import { parse } from './parse.ts';
import { normalizeError, toProblem } from './problem.ts';
import type { Answer, Call, LimitVerdict, Principal, RouteDefinition } from './types.ts';

export interface HttpOptions {
  readonly db: Db;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly log: Logger;
  readonly routes: readonly RouteDefinition[];
  /** Largest uploaded file in bytes. */
  readonly fileMaxBytes: number;
  /** @throws 401 for a key that is unknown, expired or revoked. */
  authenticate(presented: string, ip: string): Promise<Principal>;
  /** Counts the request against its limits. */
  limit(input: { principal: Principal | undefined; ip: string; route: RouteDefinition }): Promise<LimitVerdict>;
  observe(input: { method: string; route: string; status: number; seconds: number; code: string | undefined }): void;
}

// JSON bodies carry references to files, not files; inline data has room enough.
const BODY_MAX_BYTES = 1024 * 1024;
// A slow sender may not hold a socket for ever; a 256 MiB file at 1 MB/s takes four minutes.
const REQUEST_TIMEOUT_MS = 300_000;
const HEADERS_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 65_000;

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'strict-transport-security': 'max-age=63072000; includeSubDomains; preload',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-dns-prefetch-control': 'off',
  'x-frame-options': 'DENY',
  // The old filter of browsers made holes of its own; 0 turns it off.
  'x-xss-protection': '0',
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
};

const outputSchema = (schema: z.ZodType): unknown => z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' });

/** Answers by status, compiled once, so that members nobody declared cannot leave. */
function responseSchemas(route: RouteDefinition): Record<number, unknown> {
  const entries = Object.entries(route.responses).filter((entry): entry is [string, z.ZodType] => entry[1] !== null);
  return Object.fromEntries(entries.map(([status, schema]) => [status, outputSchema(schema)]));
}

function presentedKey(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers;
  const bearer = authorization?.match(/^Bearer ([^\s]{1,256})$/i)?.[1];
  const header = request.headers['x-api-key'];
  return bearer ?? (typeof header === 'string' ? header : undefined);
}

/** The address with its escapes undone; one that cannot be undone is looked at as it is. */
function plainUrl(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}

function refuseKeyInUrl(request: FastifyRequest): void {
  if (/gld_(live|test)_/.test(plainUrl(request.url))) throw new GuildhallError(authErrors.keyInUrl);
}

function assertScope(principal: Principal, scope: Scope): void {
  if (principal.scopes.includes(scope)) return;
  throw new GuildhallError(authErrors.scope, { detail: `It lacks the scope "${scope}".` });
}

const NOBODY: Principal = Object.freeze({ orgId: '', keyId: '', mode: 'live', scopes: [] });

class Edge {
  readonly options: HttpOptions;
  constructor(options: HttpOptions) {
    this.options = options;
  }

  async principal(route: RouteDefinition, request: FastifyRequest): Promise<Principal> {
    refuseKeyInUrl(request);
    if (route.scope === 'public') return NOBODY;
    const presented = presentedKey(request);
    if (!presented) throw new GuildhallError(authErrors.missing);
    const principal = await this.options.authenticate(presented, request.ip);
    assertScope(principal, route.scope);
    return principal;
  }

  call(
    route: RouteDefinition,
    request: FastifyRequest,
    reply: FastifyReply,
    principal: Principal,
  ): Call<unknown, unknown, unknown> {
    const { db } = this.options;
    const abort = new AbortController();
    reply.raw.once('close', () => abort.abort());
    const parsed = (schema: unknown, value: unknown, where: 'body' | 'query' | 'path') =>
      schema === undefined ? undefined : parse(schema as z.ZodType, value, where);
    return {
      params: parsed(route.params, request.params, 'path') as never,
      query: parsed(route.query ?? z.strictObject({}), request.query, 'query') as never,
      body: parsed(route.body, request.body, 'body') as never,
      principal,
      requestId: request.id,
      signal: abort.signal,
      raw: request,
      reply,
      read: (work) => db.tenant(principal.orgId, work),
      mutate: (work, content) => this.mutate(request, principal, work, content),
    };
  }

  async mutate<T extends object>(
    request: FastifyRequest,
    principal: Principal,
    work: Parameters<Call<unknown, unknown, unknown>['mutate']>[0],
    content: string | undefined,
  ): Promise<Answer<T>> {
    const key = readIdempotencyKey(request.headers['idempotency-key']);
    const run = this.options.db.tenant(principal.orgId, (tx) => {
      if (key === undefined) return work(tx);
      const hash = requestHash([request.method, request.url, content ?? JSON.stringify(request.body ?? null)]);
      return once(tx, { orgId: principal.orgId, key, hash }, () => work(tx));
    });
    // The stored body has the shape that `work` gave it the first time.
    return (await run) as Answer<T>;
  }

  async handle(
    route: RouteDefinition,
    request: FastifyRequest,
    reply: FastifyReply,
    principal: Principal,
  ): Promise<unknown> {
    const answer = await route.handler(this.call(route, request, reply, principal));
    if (!answer) return reply;
    reply.code(answer.status);
    return answer.status === 204 ? reply.send() : reply.send(answer.body);
  }
}

function addRoute(app: FastifyInstance, edge: Edge, route: RouteDefinition): void {
  const principals = new WeakMap<FastifyRequest, Principal>();
  app.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    bodyLimit: route.bodyMaxBytes ?? BODY_MAX_BYTES,
    schema: { response: responseSchemas(route) },
    // Before the body is read: a stranger cannot make us take in megabytes.
    onRequest: async (request, reply) => {
      const principal = await edge.principal(route, request);
      principals.set(request, principal);
      const principalOrNone = route.scope === 'public' ? undefined : principal;
      const { headers, refusal } = await edge.options.limit({ principal: principalOrNone, ip: request.ip, route });
      reply.headers(headers);
      if (refusal) throw refusal;
    },
    handler: (request, reply) => edge.handle(route, request, reply, principals.get(request) ?? NOBODY),
  });
}

function setErrorAnswers(app: FastifyInstance, options: HttpOptions): void {
  app.setErrorHandler((thrown, request, reply) => {
    const error = normalizeError(thrown);
    const level = error.spec.kind === 'refusal' ? 'info' : 'error';
    options.log[level](error.message, {
      requestId: request.id,
      code: error.spec.code,
      ...(level === 'error' ? { error: error.details.cause ?? error } : {}),
    });
    const problem = toProblem(error, request.id);
    codes.set(request, problem.code);
    if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', String(problem.retryAfterSeconds));
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="guildhall"');
    // Serialized here: the declared schemas are those of successes.
    return reply.code(problem.status).type('application/problem+json').serializer(String).send(JSON.stringify(problem));
  });
  app.setNotFoundHandler((request, reply) => {
    refuseKeyInUrl(request);
    const problem = toProblem(new GuildhallError(httpErrors.notFound), request.id);
    return reply.code(404).type('application/problem+json').serializer(String).send(JSON.stringify(problem));
  });
}

// The code of a request's problem, for the metric that counts errors by code.
const codes = new WeakMap<FastifyRequest, string>();

/** Builds the server without a port: `inject` serves tests, `listen` the world. */
export async function createHttp(options: HttpOptions): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    genReqId: () => options.ids.make('req'),
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    routerOptions: { maxParamLength: 128 },
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
  });
  app.setValidatorCompiler(() => () => true);
  await app.register(multipart, { limits: { fileSize: options.fileMaxBytes, files: 1, fields: 0 } });
  const started = new WeakMap<FastifyRequest, number>();
  app.addHook('onRequest', async (request, reply) => {
    started.set(request, options.clock.monotonicMs());
    reply.headers({ ...SECURITY_HEADERS, 'x-request-id': request.id });
  });
  app.addHook('onResponse', async (request, reply) => {
    const seconds = (options.clock.monotonicMs() - (started.get(request) ?? options.clock.monotonicMs())) / 1_000;
    const route = request.routeOptions.url ?? 'unmatched';
    options.observe({ method: request.method, route, status: reply.statusCode, seconds, code: codes.get(request) });
  });
  setErrorAnswers(app, options);
  const edge = new Edge(options);
  for (const route of options.routes) addRoute(app, edge, route);
  return app;
}
