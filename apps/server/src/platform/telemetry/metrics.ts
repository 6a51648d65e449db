/** Prometheus metrics under the names that dashboards know. Modules get `Metrics` passed in and never see the client library. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { createLabelGuard } from './labels.ts';
import { type CircuitSeen, createModelMetrics, type ModelCallSeen, watchCircuits } from './model-metrics.ts';

export interface Metrics {
  /** `route` is the declared path with its `{parameters}`, never the path that was asked for. */
  httpRequest(
    request: { readonly method: string; readonly route: string; readonly status: number },
    seconds: number,
  ): void;
  apiError(code: string): void;
  /** From its admission to the start of its first step. */
  runStarted(latencySeconds: number): void;
  runEnded(run: { readonly agent: string; readonly status: string }, seconds: number): void;
  modelCall(call: ModelCallSeen): void;
  /** The ways to providers, read when somebody asks. Once. */
  modelCircuits(circuits: () => readonly CircuitSeen[]): void;
  /** `outcome` such as delivered, failed, disabled. */
  webhookDelivery(outcome: string): void;
  /** Values that are read when somebody asks. May be called again as parts come up; later sources win. */
  watch(sources: MetricSources): void;
  /** The page for Prometheus. A source that fails leaves its metric out and never fails the page. */
  scrape(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Stops the event-loop watch. */
  close(): void;
}

type Source = () => number | Promise<number>;

export interface MetricSources {
  readonly databaseConnectionsActive?: Source;
  /** Runs that are ready and not started. */
  readonly queueDepth?: Source;
  /** Age of the oldest event that is not delivered. */
  readonly outboxAgeSeconds?: Source;
  readonly ledgerHoldsOpen?: Source;
  /** 1 while all processes count rates together, 0 while this one counts alone. */
  readonly rateLimitsShared?: Source;
}

const HTTP_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const START_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300];
const RUN_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];
// A scrape waits this long for all sources together; Prometheus itself gives up after 10 s.
const SOURCE_TIMEOUT_MS = 2_000;
const RESOLUTION_MS = 10;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

const GAUGES: Readonly<Record<keyof MetricSources, readonly [name: string, help: string]>> = {
  databaseConnectionsActive: ['database_connections_active', 'Database connections in use by this process.'],
  queueDepth: ['queue_depth', 'Runs that are ready and not started.'],
  outboxAgeSeconds: ['outbox_age_seconds', 'Age of the oldest event that is not delivered.'],
  ledgerHoldsOpen: ['ledger_holds_open', 'Holds that are neither settled nor released.'],
  rateLimitsShared: ['rate_limits_shared', '1 while rates are counted together with other processes, 0 while not.'],
};

/** Undefined when the source failed or took too long. */
async function readSource(source: Source): Promise<number | undefined> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), SOURCE_TIMEOUT_MS);
    });
    return await Promise.race([source(), late]);
  } catch {
    // The dependency behind the source is watched by readiness; here its value is simply not known.
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function watchEventLoop(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  new Gauge({
    name: 'event_loop_stall_seconds',
    help: 'Longest stall of the event loop since the last scrape.',
    registers: [registry],
    collect() {
      // The histogram measures from tick to tick, so an idle loop reads as its resolution.
      this.set(Math.max(0, delay.max / 1e9 - RESOLUTION_MS / 1e3));
      delay.reset();
    },
  });
  return () => delay.disable();
}

function createInstruments(registry: Registry) {
  const registers = [registry];
  return {
    requests: new Counter({
      name: 'http_requests_total',
      help: 'Answered requests.',
      labelNames: ['method', 'route', 'status'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from the request line to the end of the answer.',
      labelNames: ['method', 'route'],
      buckets: HTTP_SECONDS,
      registers,
    }),
    errors: new Counter({
      name: 'api_errors_total',
      help: 'Problems answered, by code.',
      labelNames: ['code'],
      registers,
    }),
    runs: new Counter({ name: 'runs_total', help: 'Ended runs.', labelNames: ['agent', 'status'], registers }),
    runSeconds: new Histogram({
      name: 'run_duration_seconds',
      help: 'Time from start to end of a run.',
      labelNames: ['agent'],
      buckets: RUN_SECONDS,
      registers,
    }),
    startSeconds: new Histogram({
      name: 'run_start_latency_seconds',
      help: 'Time from admission to start of a run.',
      buckets: START_SECONDS,
      registers,
    }),
    deliveries: new Counter({
      name: 'webhook_deliveries_total',
      help: 'Attempts to deliver a webhook.',
      labelNames: ['outcome'],
      registers,
    }),
  };
}

async function readGauges(gauges: ReadonlyMap<keyof MetricSources, Gauge>, sources: MetricSources): Promise<void> {
  await Promise.all(
    [...gauges].map(async ([key, gauge]) => {
      const source = sources[key];
      const value = source && (await readSource(source));
      gauge.reset();
      if (value === undefined) gauge.remove();
      else gauge.set(value);
    }),
  );
}

/** Metrics of this process, in a registry of their own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const instruments = createInstruments(registry);
  const stopWatching = watchEventLoop(registry);
  // The keys are those of GAUGES, which the type of GAUGES ties to MetricSources.
  const keys = Object.keys(GAUGES) as (keyof MetricSources)[];
  const gauges = new Map(
    keys.map((key) => [key, new Gauge({ name: GAUGES[key][0], help: GAUGES[key][1], registers: [registry] })]),
  );
  const bounded = createLabelGuard();
  let sources: MetricSources = {};
  return {
    httpRequest(request, seconds) {
      const method = METHODS.has(request.method) ? request.method : 'other';
      const route = bounded('route', request.route);
      instruments.requests.inc({ method, route, status: bounded('status', String(request.status)) });
      instruments.requestSeconds.observe({ method, route }, seconds);
    },
    apiError: (code) => instruments.errors.inc({ code: bounded('code', code) }),
    runStarted: (latencySeconds) => instruments.startSeconds.observe(latencySeconds),
    runEnded(run, seconds) {
      const agent = bounded('agent', run.agent);
      instruments.runs.inc({ agent, status: bounded('run status', run.status) });
      instruments.runSeconds.observe({ agent }, seconds);
    },
    modelCall: createModelMetrics(registry),
    modelCircuits: (circuits) => watchCircuits(registry, circuits),
    webhookDelivery: (outcome) => instruments.deliveries.inc({ outcome: bounded('outcome', outcome) }),
    watch: (more) => {
      sources = { ...sources, ...more };
    },
    async scrape() {
      await readGauges(gauges, sources);
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
    close: stopWatching,
  };
}
