/** Serves a list of routes: one place that authenticates, parses, transacts, answers and translates errors. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import cookie from '@fastify/cookie';
import multipart from '@fastify/multipart';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../clock/index.ts';
import type { Db } from '../db/index.ts';
import { GuildhallError } from '../errors/index.ts';
import type { Ids } from '../ids/index.ts';
import { RateLimitError } from '../limits/index.ts';
import { type Logger, noTracer, type Tracer } from '../telemetry/index.ts';
import { createMethodFinder, hasKey } from './address.ts';
import { bytesOf, setBodyParsers } from './bodies.ts';
import { endConnections } from './connections.ts';
import { allowOrigins } from './cors.ts';
import {
  assertNoForeignPage,
  assertOpen,
  assertOwnPage,
  namedOrganisation,
  presentedKey,
  presentedSession,
} from './credential.ts';
import { authErrors, httpErrors } from './errors.ts';
import { FORM } from './form.ts';
import { requireHttps } from './https.ts';
import { once, readIdempotencyKey, requestHash } from './idempotency.ts';
import { parse } from './parse.ts';
import { boundBodies, PATIENCE, type Patience } from './patience.ts';
import { createPlaces, isBulk, type Place, type Places } from './places.ts';
import { normalizeError, toProblem } from './problem.ts';
import { createArrivals, setAddresses, type TrustedProxies } from './proxies.ts';
import { noteCaller, type Refused, refusedIn } from './refused.ts';
import { responseSchemas } from './response-schema.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import { assertSound } from './shape.ts';
import { traceRequests } from './trace.ts';
import type { Answer, Call, LimitVerdict, Principal, RouteDefinition, Sessions } from './types.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    problemBody?: RouteDefinition['problemBody'];
    problemPage?: RouteDefinition['problemPage'];
    keepsBytes?: RouteDefinition['keepsBytes'];
    isBulk?: boolean;
    form?: true | undefined;
    mediaType?: string | undefined;
  }
}

export interface HttpOptions {
  readonly db: Db;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly log: Logger;
  /** Left out, requests are not traced. */
  readonly tracer?: Tracer;
  readonly routes: readonly RouteDefinition[];
  /** Largest uploaded file in bytes. */
  readonly fileMaxBytes: number;
  /** Requests answered at once; the last fifth is kept from work in bulk. Default 2,000. */
  readonly requestsAtOnceMax?: number;
  /** How long senders may take; left out, as `PATIENCE` says. */
  readonly patience?: Patience;
  /** Left out, no proxy is believed. */
  readonly trustedProxies?: TrustedProxies;
  /** Pages of these origins may ask; left out, of none. */
  readonly corsOrigins?: readonly string[];
  /** Where it begins with https, nothing is answered in clear. */
  readonly publicUrl?: string | undefined;
  /** @throws 401 for a key or access token that is unknown, expired or revoked. */
  authenticate(presented: string, ip: string, organisation: string | undefined): Promise<Principal>;
  /** Left out, cookies are not looked at. */
  readonly sessions?: Sessions;
  /** Counts the request against its limits. */
  limit(input: { principal: Principal | undefined; ip: string; route: RouteDefinition }): Promise<LimitVerdict>;
  /** Told of every answer 401, 403 and 404 to somebody known. */
  refused?(refused: Refused): void;
  observe(input: { method: string; route: string; status: number; seconds: number; code: string | undefined }): void;
}

// JSON bodies carry references to files, not files; inline data has room enough.
const BODY_MAX_BYTES = 1024 * 1024;
const KEEP_ALIVE_MS = 65_000;
// How often the server looks for senders whose time is up.
const LOOK_MS = 1_000;
const AT_ONCE_MAX = 2_000;

function refuseKeyInUrl(request: FastifyRequest): void {
  if (hasKey(request.url)) throw new GuildhallError(authErrors.keyInUrl);
}

/** Said before a byte of the body is read: what a route cannot take is not taken in. */
function assertMediaType(route: RouteDefinition, request: FastifyRequest): void {
  const type = request.headers['content-type'];
  const isForm = type !== undefined && /^multipart\/form-data\s*;/i.test(type);
  if (route.form && type?.split(';')[0]?.trim().toLowerCase() !== FORM)
    throw new GuildhallError(httpErrors.unsupportedMediaType);
  if (route.rawBody ? isForm : !type || !/^multipart\//i.test(type)) return;
  throw new GuildhallError(httpErrors.unsupportedMediaType);
}

const NO_QUERY = z.strictObject({});
// Routes without a body of their own take an empty object as well, which many clients always send.
const NO_BODY = NO_QUERY.nullish();

const NOBODY: Principal = Object.freeze({ orgId: '', keyId: '', mode: 'live', scopes: [] });

/** A person is a tenant of their own. Only routes of scope `person` act as one, and nobody but a person comes there. */
const tenantOf = (route: RouteDefinition, { orgId, personId }: Principal): string =>
  route.scope === 'person' ? (personId ?? '') : orgId;

class Edge {
  readonly options: HttpOptions;
  readonly places = new WeakMap<FastifyRequest, Place>();
  /** Refusals that a handler judges. */
  readonly overLimit = new WeakMap<FastifyRequest, GuildhallError>();
  readonly #room: Places;
  constructor(options: HttpOptions) {
    this.options = options;
    this.#room = createPlaces(options.requestsAtOnceMax ?? AT_ONCE_MAX);
  }

  /** What has no route is nobody's important request. */
  seat(request: FastifyRequest, reply: FastifyReply): void {
    this.places.set(request, this.#room.enter(reply.raw, request.routeOptions.config.isBulk ?? true));
  }

  async principal(route: RouteDefinition, request: FastifyRequest): Promise<Principal> {
    refuseKeyInUrl(request);
    const { sessions, clock } = this.options;
    if (route.scope === 'public') {
      if (sessions && !route.crossSite) assertNoForeignPage(request, sessions);
      return NOBODY;
    }
    const principal = await this.caller(route, request);
    noteCaller(request, principal);
    assertOpen(route, principal, clock);
    return principal;
  }

  async caller(route: RouteDefinition, request: FastifyRequest): Promise<Principal> {
    const { sessions, authenticate } = this.options;
    const presented = presentedKey(request);
    if (presented) return authenticate(presented, request.ip, namedOrganisation(request));
    const token = sessions && presentedSession(request);
    if (!token) throw new GuildhallError(route.scope === 'person' ? authErrors.notSignedIn : authErrors.missing);
    assertOwnPage(request, sessions);
    return sessions.authenticate(token, namedOrganisation(request));
  }

  call(
    route: RouteDefinition,
    request: FastifyRequest,
    reply: FastifyReply,
    principal: Principal,
  ): Call<unknown, unknown, unknown> {
    const { db } = this.options;
    const tenant = tenantOf(route, principal);
    const abort = new AbortController();
    // Every answer closes; only a caller who left before its end is worth an abort, which costs a stack trace.
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) abort.abort();
    });
    const parsed = (schema: unknown, value: unknown, where: 'body' | 'query' | 'path') => {
      assertSound(value, where);
      return schema === undefined ? undefined : parse(schema as z.ZodType, value, where);
    };
    return {
      params: parsed(route.params, request.params, 'path') as never,
      query: parsed(route.query ?? NO_QUERY, request.query, 'query') as never,
      body: parsed(route.body ?? NO_BODY, request.body, 'body') as never,
      principal,
      requestId: request.id,
      signal: abort.signal,
      bytes: bytesOf(request),
      overLimit: this.overLimit.get(request),
      raw: request,
      reply,
      read: (work) => db.tenant(tenant, work),
      mutate: (work, content) => this.mutate(request, tenant, work, content),
    };
  }

  async mutate<T extends object>(
    request: FastifyRequest,
    tenant: string,
    work: Parameters<Call<unknown, unknown, unknown>['mutate']>[0],
    content: string | undefined,
  ): Promise<Answer<T>> {
    const key = readIdempotencyKey(request.headers['idempotency-key']);
    const run = this.options.db.tenant(tenant, (tx) => {
      if (key === undefined) return work(tx);
      const hash = requestHash([request.method, request.url, content ?? JSON.stringify(request.body ?? null)]);
      return once(tx, { orgId: tenant, key, hash }, () => work(tx));
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
    if (route.mediaType !== undefined && answer.status !== 204) reply.type(route.mediaType);
    return answer.status === 204 ? reply.send() : reply.send(answer.body);
  }
}

const routerPath = ({ path }: RouteDefinition): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

function addRoute(app: FastifyInstance, edge: Edge, route: RouteDefinition): void {
  const principals = new WeakMap<FastifyRequest, Principal>();
  app.route({
    method: route.method,
    url: routerPath(route),
    bodyLimit: route.bodyMaxBytes ?? BODY_MAX_BYTES,
    schema: { response: responseSchemas(route) },
    config: {
      problemBody: route.problemBody,
      problemPage: route.problemPage,
      keepsBytes: route.keepsBytes,
      isBulk: isBulk(route),
      form: route.form,
      mediaType: route.mediaType,
    },
    // Before the body is read: a stranger cannot make us take in megabytes.
    onRequest: async (request, reply) => {
      const principal = await edge.principal(route, request);
      assertMediaType(route, request);
      principals.set(request, principal);
      if (principal.orgId !== '') edge.places.get(request)?.assign(principal.orgId);
      const principalOrNone = route.scope === 'public' ? undefined : principal;
      const verdict = await edge.options.limit({ principal: principalOrNone, ip: request.ip, route });
      reply.headers(verdict.headers);
      if (!verdict.refusal) return;
      if (!verdict.isOwn || !route.judgesLimits) throw verdict.refusal;
      edge.overLimit.set(request, verdict.refusal);
    },
    handler: (request, reply) => edge.handle(route, request, reply, principals.get(request) ?? NOBODY),
  });
}

function answerProblem(request: FastifyRequest, reply: FastifyReply, error: GuildhallError): FastifyReply {
  const problem = toProblem(error, request.id);
  codes.set(request, problem.code);
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', String(problem.retryAfterSeconds));
  if (error instanceof RateLimitError) reply.headers(error.headers);
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="guildhall"');
  const { problemBody, problemPage, mediaType = 'application/json' } = request.routeOptions.config;
  if (problemPage && /\btext\/html\b/i.test(request.headers.accept ?? '')) {
    const { headers, html } = problemPage(problem, request.headers['accept-language']);
    return reply.code(problem.status).headers(headers).serializer(String).send(html);
  }
  const [type, body] = problemBody ? [mediaType, problemBody(problem)] : ['application/problem+json', problem];
  // Serialized here: the declared schemas are those of successes.
  return reply.code(problem.status).type(type).serializer(String).send(JSON.stringify(body));
}

function setErrorAnswers(app: FastifyInstance, options: HttpOptions): void {
  const methodsAt = createMethodFinder(options.routes);
  app.setErrorHandler((thrown, request, reply) => {
    const error = normalizeError(thrown);
    const level = error.spec.kind === 'refusal' ? 'info' : 'error';
    options.log[level](error.message, {
      requestId: request.id,
      code: error.spec.code,
      ...(level === 'error' ? { error: error.details.cause ?? error } : {}),
    });
    return answerProblem(request, reply, error);
  });
  app.setNotFoundHandler((request, reply) => {
    refuseKeyInUrl(request);
    const methods = methodsAt(request.url);
    if (methods.length === 0) throw new GuildhallError(httpErrors.notFound);
    reply.header('allow', methods.join(', '));
    throw new GuildhallError(httpErrors.methodNotAllowed, { detail: `It accepts ${methods.join(', ')}.` });
  });
}

/** Addresses that the router cannot read reach no hook and no handler, so they get what all others get here. */
function answerUnroutable(thrown: Error, request: FastifyRequest, reply: FastifyReply): void {
  const error = hasKey(request.url) ? new GuildhallError(authErrors.keyInUrl) : normalizeError(thrown);
  reply.headers({ ...SECURITY_HEADERS, 'x-request-id': request.id });
  void answerProblem(request, reply, error);
}

/** What is not HTTP has no request and no reply: the answer is written to the socket, which is closed behind it. */
function answerBrokenHttp(options: HttpOptions, thrown: Error & { code?: string }, socket: Socket): void {
  if (thrown.code === 'ECONNRESET' || !socket.writable) return;
  const known = normalizeError(thrown);
  const error = known.spec === httpErrors.internal ? new GuildhallError(httpErrors.malformedRequest) : known;
  const requestId = options.ids.make('req');
  const body = JSON.stringify(toProblem(error, requestId));
  const headers = {
    ...SECURITY_HEADERS,
    'x-request-id': requestId,
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const { status } = error.spec;
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', body].join('\r\n'));
}

// The code of a request's problem, for the metric that counts errors by code.
const codes = new WeakMap<FastifyRequest, string>();

/** Builds the server without a port: `inject` serves tests, `listen` the world. */
export async function createHttp(options: HttpOptions): Promise<FastifyInstance> {
  const patience = options.patience ?? PATIENCE;
  const app = fastify({
    logger: false,
    genReqId: () => options.ids.make('req'),
    requestTimeout: patience.requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    http: { headersTimeout: patience.headersMs, connectionsCheckingInterval: Math.min(LOOK_MS, patience.headersMs) },
    routerOptions: { maxParamLength: 128 },
    frameworkErrors: answerUnroutable,
    clientErrorHandler: (error, socket) => answerBrokenHttp(options, error, socket),
  });
  setBodyParsers(app);
  app.setValidatorCompiler(() => () => true);
  await app.register(cookie);
  await app.register(multipart, { limits: { fileSize: options.fileMaxBytes, files: 1, fields: 0 } });
  traceRequests(app, options.tracer ?? noTracer);
  const started = new WeakMap<FastifyRequest, number>();
  app.addHook('onRequest', async (request, reply) => {
    started.set(request, options.clock.monotonicMs());
    reply.headers({ ...SECURITY_HEADERS, 'x-request-id': request.id });
  });
  const arrivals = createArrivals(options.trustedProxies ?? 0);
  setAddresses(app, arrivals);
  allowOrigins(app, options.corsOrigins ?? []);
  requireHttps(app, { publicUrl: options.publicUrl, arrivals, routes: options.routes });
  const edge = new Edge(options);
  app.addHook('onRequest', async (request, reply) => edge.seat(request, reply));
  const uploads = new Set(options.routes.filter((route) => route.rawBody).map(routerPath));
  boundBodies(app, patience.bodyMs, (url) => uploads.has(url));
  app.addHook('onResponse', async (request, reply) => {
    const seconds = (options.clock.monotonicMs() - (started.get(request) ?? options.clock.monotonicMs())) / 1_000;
    const route = request.routeOptions.url ?? 'unmatched';
    const code = codes.get(request);
    options.observe({ method: request.method, route, status: reply.statusCode, seconds, code });
    const refused = refusedIn(request, reply.statusCode, code);
    if (refused) options.refused?.(refused);
  });
  endConnections(app);
  setErrorAnswers(app, options);
  for (const route of options.routes) addRoute(app, edge, route);
  return app;
}
