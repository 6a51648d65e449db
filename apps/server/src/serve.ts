/** Roles: what a process does with the platform. `api` answers, `worker` executes, `start` does both in one process. */
import type { AddressInfo } from 'node:net';
import type { AgentDefinition } from '@guildhall/agent-sdk';
import { FILE_MAX_BYTES } from '@guildhall/contract';
import { builtInAgents } from './agents.ts';
import { compose, type Platform } from './compose.ts';
import { type Settings, SettingsError } from './config/index.ts';
import { type Foundation, layFoundation } from './foundation.ts';
import { remindOfSecrets } from './inventory.ts';
import { auditHeadsIn, createRefusals, handOn, sealHeads } from './modules/audit/index.ts';
import { createHttpLimits, createJobs, createLimits, createOps, type Jobs, limitRoutes } from './modules/ops/index.ts';
import { pruneRuns } from './modules/runs/index.ts';
import { sql } from './platform/db/index.ts';
import { createWorker } from './platform/durable/index.ts';
import { type Failpoint, noFailpoints } from './platform/failpoints/index.ts';
import { createHttp, isSameOrigin, openApi, type RouteDefinition } from './platform/http/index.ts';
import type { RateRule } from './platform/limits/index.ts';
import { createPostman, pruneMail } from './platform/mail/index.ts';
import { createOutboxDispatcher } from './platform/outbox/index.ts';
import type { Logger } from './platform/telemetry/index.ts';
import { VERSION } from './version.ts';

export type Role = 'start' | 'api' | 'worker';

export interface Server {
  readonly foundation: Foundation;
  readonly platform: Platform;
  /** Where the API answers; undefined in a worker. */
  readonly url: string | undefined;
  /** Every route that is served; none in a worker. */
  readonly routes: readonly RouteDefinition[];
  /** Stops taking work, gives back what is under way, closes everything. */
  stop(): Promise<void>;
}

// A worker that is told to stop lets steps of a few seconds end, so that the whole stop, PostgreSQL included, stays below 10 s.
const DRAIN_MS = 6_000;
// A receiver that works answers within this; what hangs longer is sent again by whoever comes next.
const WEBHOOKS_DRAIN_MS = 1_000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
// A receiver hears of a row within seconds; without a stream it is one look at a small table.
const STREAM_MS = 2_000;
const MINUTE_MS = 60_000;
const IDEMPOTENCY_KEEP = '30 days';
const WORKERS_KEEP = '7 days';
const RATE_PROBE: RateRule = { name: 'probe', limit: 10, windowSeconds: 1, onStoreFailure: 'open' };

export interface ServeOptions {
  readonly role: Role;
  readonly settings: Settings;
  readonly log: Logger;
  /** The built-in ones, unless a test or a benchmark brings its own. */
  readonly agents?: readonly AgentDefinition[];
  /** Armed by tests that kill this process at named places. */
  readonly failpoint?: Failpoint;
  /** The name servers of a test. */
  readonly resolveTxt?: (name: string) => Promise<readonly string[]>;
}

/** Starts a role. When it fails everything that was opened is closed again. */
export async function serve(options: ServeOptions): Promise<Server> {
  return serveOn(await layFoundation(options.settings, options.log), options);
}

/** The same on a foundation that is already laid; it is closed with the server. */
export async function serveOn(laid: Foundation, options: ServeOptions): Promise<Server> {
  const { role, settings } = options;
  try {
    let url = settings.publicUrl;
    const platform = await compose(laid, {
      agents: options.agents ?? builtInAgents,
      ...(options.failpoint ? { failpoint: options.failpoint } : {}),
      ...(options.resolveTxt ? { resolveTxt: options.resolveTxt } : {}),
      publicUrl: () => url ?? `http://${settings.host}:${settings.port}`,
    });
    const foundation = { ...laid, log: platform.log };
    await platform.metering.ensurePartitions();
    foundation.closing.push('models', await platform.models.start());
    let routes: readonly RouteDefinition[] = [];
    if (role !== 'worker') {
      const opened = await listen(foundation, platform, () => url ?? '');
      url ??= opened.address;
      routes = opened.routes;
    }
    if (role !== 'api') await work(foundation, platform, options);
    return { foundation, platform, url, routes, stop: () => foundation.closing.close() };
  } catch (error) {
    await laid.closing.close();
    throw error;
  }
}

async function listen(
  foundation: Foundation,
  platform: Platform,
  publicUrl: () => string,
): Promise<{ address: string; routes: readonly RouteDefinition[] }> {
  const { settings, closing, db, ids, clock, log } = foundation;
  const { metrics, identity } = platform;
  closing.push('country database', await startPlaces(platform));
  closing.push('announcements of keys and sessions', await identity.start());
  let document: unknown;
  const all: RouteDefinition[] = [];
  const ops = createOps({
    version: VERSION,
    clock,
    metrics,
    metricsToken: settings.metricsToken,
    checks: readinessChecks(foundation, platform),
    warnings: platform.inventory.warnings,
    keptMails: settings.smtpUrl === undefined && !settings.isProduction ? () => platform.mail.listKept() : undefined,
    publicUrl,
    openApi: () => {
      document ??= openApi(all, { version: VERSION, url: publicUrl() });
      return document;
    },
    agents: () => platform.catalog.agents,
  });
  const limits = createLimits({ ...platform, db, clock, log, routes: () => all });
  all.push(...platform.routes, ...ops.routes, ...limitRoutes({ limits, audit: platform.audit }));
  closing.push('limits', await limits.start());
  watch(foundation, platform);
  const counted = createHttpLimits(
    limits,
    (presented, ip, organisation) => identity.authenticate(presented, ip, organisation),
    platform.models.limits.count,
  );
  const refusals = createRefusals({ db, audit: platform.audit, log });
  closing.push('refusals', () => refusals.stop());
  const http = await createHttp({
    db,
    ids,
    clock,
    log,
    tracer: platform.tracer,
    routes: all,
    fileMaxBytes: FILE_MAX_BYTES,
    requestsAtOnceMax: settings.requestsAtOnceMax * settings.limitsScale,
    trustedProxies: settings.trustedProxies,
    corsOrigins: settings.corsOrigins,
    publicUrl: settings.publicUrl,
    authenticate: counted.authenticate,
    sessions: {
      authenticate: identity.sessions.authenticate,
      isOwnOrigin: (origin) =>
        isSameOrigin(origin, new URL(publicUrl()).origin) || settings.corsOrigins.includes(origin),
    },
    limit: counted.count,
    refused: refusals.note,
    observe: (input) => {
      metrics.httpRequest(input, input.seconds);
      if (input.code) metrics.apiError(input.code);
    },
  });
  await http.listen({ port: settings.port, host: settings.host });
  closing.push('HTTP', () => http.close());
  const { port } = http.server.address() as AddressInfo;
  return { address: `http://${settings.host === '0.0.0.0' ? '127.0.0.1' : settings.host}:${port}`, routes: all };
}

/** A setting that is wrong stops a start, as every other one does. */
async function startPlaces({ places }: Platform): Promise<() => Promise<void>> {
  try {
    return await places.start();
  } catch (error) {
    throw new SettingsError([`COUNTRY_DATABASE: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

function readinessChecks({ db }: Foundation, platform: Platform) {
  return {
    database: async () => {
      await db.open((tx) => sql`select 1`.execute(tx));
      return 'answers';
    },
    queue: async () => {
      const counts = await platform.durable.counts();
      const queued = counts.find((row) => row.state === 'queued')?.n ?? 0n;
      return `${queued} queued`;
    },
    files: async () => {
      await platform.files.exists('org_readiness', '0'.repeat(64));
      return 'answers';
    },
  };
}

function watch({ db }: Foundation, platform: Platform): void {
  const { limiter } = platform;
  platform.metrics.watch({
    rateLimitsShared: async () => {
      // So that a quiet system, too, learns of it.
      await limiter.take(RATE_PROBE, 'scrape');
      return limiter.isShared() ? 1 : 0;
    },
    databaseConnectionsActive: () => db.stats().active,
    queueDepth: async () => Number((await platform.durable.counts()).find((row) => row.state === 'queued')?.n ?? 0n),
    outboxAgeSeconds: async () => {
      const result = await db.system((tx) =>
        sql<{
          seconds: number;
        }>`select coalesce(extract(epoch from platform.outbox_age()), 0)::float8 as seconds`.execute(tx),
      );
      return result.rows[0]?.seconds ?? 0;
    },
  });
}

/** What is done by the clock, by one process at a time. */
function openJobs(foundation: Foundation, platform: Platform): Jobs {
  const { settings, db, log } = foundation;
  const remind = () => remindOfSecrets({ ...foundation, ...platform });
  return createJobs({ db, log }, [
    { name: 'holds.sweep', everyMs: 5_000, run: () => platform.models.sweepExpired() },
    { name: 'model-cache.prune', everyMs: 10 * MINUTE_MS, run: () => platform.models.pruneCaches() },
    { name: 'usage.partitions', everyMs: HOUR_MS, run: () => platform.metering.ensurePartitions() },
    {
      name: 'runs.prune',
      everyMs: 10 * MINUTE_MS,
      run: () =>
        pruneRuns(db, platform.files, { runsMs: settings.retentionRunsMs, filesMs: settings.retentionFilesMs }),
    },
    { name: 'webhooks.prune', everyMs: HOUR_MS, run: () => platform.notify.prune() },
    { name: 'secrets.age', everyMs: DAY_MS, run: remind },
    { name: 'people.prune', everyMs: HOUR_MS, run: () => platform.identity.people.prune() },
    { name: 'mail.prune', everyMs: HOUR_MS, run: () => pruneMail(db) },
    { name: 'keys.remind', everyMs: HOUR_MS, run: () => platform.identity.remindOfKeys() },
    { name: 'audit.stream', everyMs: STREAM_MS, run: () => handOn({ ...platform, db }) },
    { name: 'audit.seal', everyMs: HOUR_MS, run: () => sealAudit(foundation) },
    { name: 'audit.prune', everyMs: HOUR_MS, run: () => platform.audit.prune(db, settings.retentionAuditMs) },
    { name: 'rates.sweep', everyMs: MINUTE_MS, run: () => platform.rates.sweep() },
    {
      name: 'organisations.quiet',
      everyMs: 2_000,
      run: () =>
        platform.identity.members.quiet((orgId) => platform.runs.cancelAll(orgId, 'the deletion of its organisation')),
    },
    {
      name: 'organisations.erase',
      everyMs: MINUTE_MS,
      run: () => platform.identity.members.erase(platform.erasures),
    },
    { name: 'files.sweep', everyMs: HOUR_MS, run: () => platform.files.sweep() },
    {
      name: 'idempotency.prune',
      everyMs: HOUR_MS,
      run: () => db.system((tx) => sql`select platform.prune_idempotency(${IDEMPOTENCY_KEEP}::interval)`.execute(tx)),
    },
    {
      name: 'workers.prune',
      everyMs: HOUR_MS,
      run: () => platform.durable.prune(WORKERS_KEEP),
    },
  ]);
}

/** The log line goes where logs go: with the file's hash in it, the file cannot be replaced either. */
async function sealAudit({ db, clock, keyring, settings, log }: Foundation): Promise<void> {
  const sealed = await sealHeads({ db, clock, keyring, directory: auditHeadsIn(settings) });
  if (sealed) log.info('the heads of the audit trail were sealed', { ...sealed });
}

async function work(foundation: Foundation, platform: Platform, options: ServeOptions): Promise<void> {
  const { settings, closing, db, ids, keyring, log } = foundation;
  const { tracer } = platform;
  closing.push('announcements of rights', await platform.identity.rights.start());
  await remindOfSecrets({ ...foundation, ...platform });
  const jobs = openJobs(foundation, platform);
  closing.push('jobs', () => jobs.stop());
  // A process that never lives for an hour seals too.
  await sealAudit(foundation).catch((error: unknown) => log.error('the audit trail could not be sealed', { error }));
  const dispatcher = createOutboxDispatcher({
    db,
    bus: platform.bus,
    log,
    readers: platform.outboxReaders,
    onHandedOut: () => platform.notify.handedOut(),
    failpoint: options.failpoint ?? noFailpoints,
  });
  closing.push('outbox', () => dispatcher.stop());
  const postman = createPostman({ db, keyring, mail: platform.mail, log });
  closing.push('mail under way', () => postman.stop());
  platform.notify.deliveries.start();
  closing.push('webhooks', () => platform.notify.deliveries.stop(WEBHOOKS_DRAIN_MS));
  const worker = await createWorker({
    db,
    bus: platform.bus,
    ids,
    log,
    slots: settings.workerSlots,
    execute: (task, signal) =>
      tracer.span(
        'run.attempt',
        { 'guildhall.run_id': task.id, 'guildhall.org_id': task.orgId, 'guildhall.fence': Number(task.fence) },
        () => platform.runs.execute(task, signal),
      ),
  });
  closing.push('worker', () => worker.stop(DRAIN_MS));
}
