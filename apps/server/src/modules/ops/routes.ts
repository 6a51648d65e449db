/** Health, metrics, the reference of the interface, and the first page. */
import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Secret } from '../../platform/crypto/index.ts';
import { randomName } from '../../platform/crypto/index.ts';
import { GuildhallError } from '../../platform/errors/index.ts';
import { pageHeaders, type RouteDefinition, route } from '../../platform/http/index.ts';
import type { OpsDeps } from './deps.ts';
import { opsErrors } from './errors.ts';
import { readiness, warningsNow } from './health.ts';
import { mailboxPage } from './mailbox-page.ts';
import { homePage } from './page.ts';
import type { Language } from './page-parts.ts';
import { loadReferenceScript, referencePage } from './reference-page.ts';

const alive = z.object({ status: z.literal('ok'), version: z.string() });
const ready = z.object({
  status: z.enum(['ready', 'not-ready']),
  version: z.string(),
  checks: z.record(z.string(), z.object({ status: z.enum(['ok', 'failed']), detail: z.string(), ms: z.number() })),
  warnings: z.array(z.string()),
});

const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

function healthRoutes(deps: OpsDeps): RouteDefinition[] {
  const about = (path: string, summary: string) => ({
    method: 'GET' as const,
    path,
    summary,
    tag: 'Health',
    scope: 'public' as const,
  });
  const live = async () => ({ status: 200, body: { status: 'ok' as const, version: deps.version } });
  return ['', '/api/v1'].flatMap((prefix) => [
    route({ ...about(`${prefix}/live`, 'Is the process up?'), responses: { 200: alive }, handler: live }),
    route({ ...about(`${prefix}/health`, 'Is the process up?'), responses: { 200: alive }, handler: live }),
    route({
      ...about(`${prefix}/ready`, 'Can the process work?'),
      responses: { 200: ready, 503: ready },
      handler: async () => {
        const [{ ready, checks }, warnings] = await Promise.all([
          readiness(deps.checks, deps.clock.monotonicMs),
          warningsNow(deps.warnings),
        ]);
        return {
          status: ready ? 200 : 503,
          body: { status: ready ? 'ready' : 'not-ready', version: deps.version, checks, warnings: [...warnings] },
        };
      },
    }),
  ]);
}

/** Revealed at each request: the tokens may be changed while the process lives. */
function isToken(header: string | undefined, tokens: Secret | undefined): boolean {
  if (tokens === undefined || header === undefined) return false;
  const given = Buffer.from(header);
  const all = tokens
    .reveal()
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '');
  const wanted = all.map((token) => Buffer.from(`Bearer ${token}`));
  return wanted.filter((one) => given.length === one.length && timingSafeEqual(given, one)).length > 0;
}

/** By the socket's own address, since a header could claim anything; and not through a proxy, which may stand for anybody. */
const isLocal = (raw: FastifyRequest): boolean =>
  LOOPBACK.has(raw.socket.remoteAddress ?? '') && raw.headers['x-forwarded-for'] === undefined;

function metricsRoute(deps: OpsDeps): RouteDefinition {
  return route({
    method: 'GET',
    path: '/metrics',
    summary: 'Metrics for Prometheus',
    tag: 'Health',
    scope: 'public',
    responses: { 200: null },
    handler: async ({ raw, reply }) => {
      if (!isLocal(raw) && !isToken(raw.headers.authorization, deps.metricsToken))
        throw new GuildhallError(opsErrors.metricsClosed);
      const page = await deps.metrics.scrape();
      await reply.header('content-type', page.contentType).send(page.body);
      return undefined;
    },
  });
}

function pageRoutes(deps: OpsDeps): RouteDefinition[] {
  const shown = { tag: 'Pages', scope: 'public' as const, responses: { 200: null } };
  return [
    route({
      ...shown,
      method: 'GET',
      path: '/',
      summary: 'The first page: state and first steps',
      query: z.looseObject({
        lang: z.enum(['en', 'ar']).optional().catch(undefined),
      }),
      handler: async ({ query, reply, raw }) => {
        const state = await readiness(deps.checks, deps.clock.monotonicMs);
        const nonce = randomName();
        const html = homePage({
          language: languageOf(query.lang, raw),
          nonce,
          version: deps.version,
          url: deps.publicUrl(),
          state,
          agents: deps.agents(),
        });
        await reply.headers(pageHeaders({ nonce })).send(html);
        return undefined;
      },
    }),
    route({
      ...shown,
      method: 'GET',
      path: '/openapi.json',
      summary: 'This interface as OpenAPI 3.1',
      handler: async ({ reply }) => {
        await reply
          .header('content-type', 'application/json; charset=utf-8')
          .header('cache-control', 'no-cache')
          .send(JSON.stringify(deps.openApi()));
        return undefined;
      },
    }),
  ];
}

const languageOf = (chosen: Language | undefined, raw: FastifyRequest): Language =>
  chosen ?? (/^ar\b/i.test(raw.headers['accept-language'] ?? '') ? 'ar' : 'en');

function mailboxRoute({ keptMails }: OpsDeps): RouteDefinition {
  return route({
    method: 'GET',
    path: '/dev/mailbox',
    summary: 'The mails that would have been sent, where no server for them is set; from this machine alone',
    tag: 'Pages',
    scope: 'public',
    query: z.looseObject({ lang: z.enum(['en', 'ar']).optional().catch(undefined) }),
    responses: { 200: null },
    handler: async ({ query, reply, raw }) => {
      if (keptMails === undefined || !isLocal(raw)) throw new GuildhallError(opsErrors.noMailbox);
      const [language, nonce] = [languageOf(query.lang, raw), randomName()];
      const html = mailboxPage({ language, nonce, mails: await keptMails() });
      await reply.headers(pageHeaders({ nonce })).send(html);
      return undefined;
    },
  });
}

function referenceRoutes(): RouteDefinition[] {
  let script: Promise<string> | undefined;
  const shown = { method: 'GET' as const, tag: 'Pages', scope: 'public' as const, responses: { 200: null } };
  return [
    route({
      ...shown,
      path: '/docs/api',
      summary: 'The interactive reference',
      handler: async ({ reply }) => {
        const nonce = randomName();
        // Its library writes styles while it runs.
        await reply.headers(pageHeaders({ nonce, looseStyles: true })).send(referencePage(nonce));
        return undefined;
      },
    }),
    route({
      ...shown,
      path: '/docs/api/reference.js',
      summary: 'The script of the interactive reference',
      handler: async ({ reply }) => {
        script ??= loadReferenceScript();
        await reply
          .header('content-type', 'text/javascript; charset=utf-8')
          .header('cache-control', 'public, max-age=3600')
          .send(await script);
        return undefined;
      },
    }),
  ];
}

export function opsRoutes(deps: OpsDeps): RouteDefinition[] {
  return [...healthRoutes(deps), metricsRoute(deps), ...pageRoutes(deps), mailboxRoute(deps), ...referenceRoutes()];
}
