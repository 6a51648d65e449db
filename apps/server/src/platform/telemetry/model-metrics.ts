/** What calls of models did, as dashboards know it. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { createLabelGuard } from './labels.ts';

export interface ModelCallSeen {
  readonly model: string;
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  readonly cache: 'hit' | 'miss' | 'off';
  readonly usage: {
    readonly input: number;
    readonly output: number;
    readonly cached: number;
    readonly reasoning: number;
  };
  readonly errorCode: string | undefined;
  readonly firstTokenMs: number | undefined;
  /** Time in the gateway that was not spent waiting for the provider. */
  readonly overheadMs: number | undefined;
}

const FIRST_TOKEN_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120];
const OVERHEAD_SECONDS = [0.001, 0.002, 0.003, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1];

/** A way to a provider as a gauge shows it. */
export interface CircuitSeen {
  readonly channelId: string;
  readonly kind: string;
  readonly state: 'closed' | 'half-open' | 'open';
}

const CIRCUIT = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Reads the circuits when somebody asks for the page. */
export function watchCircuits(registry: Registry, circuits: () => readonly CircuitSeen[]): void {
  const bounded = createLabelGuard();
  new Gauge({
    name: 'model_circuit_state',
    help: 'Of each channel to a provider that this process asked lately: 0 closed, 1 half-open, 2 open.',
    labelNames: ['channel', 'provider'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { channelId, kind, state } of circuits())
        this.set({ channel: bounded('channel', channelId), provider: kind }, CIRCUIT[state]);
    },
  });
}

export function createModelMetrics(registry: Registry): (call: ModelCallSeen) => void {
  const registers = [registry];
  const tokens = new Counter({
    name: 'token_usage_total',
    help: 'Tokens used, by model and kind; cached and reasoning tokens are part of input and output.',
    labelNames: ['model', 'kind'],
    registers,
  });
  const calls = new Counter({
    name: 'model_calls_total',
    help: 'Calls of models that ended.',
    labelNames: ['model', 'status', 'cache'],
    registers,
  });
  const errors = new Counter({
    name: 'model_errors_total',
    help: 'Calls that did not succeed, by code.',
    labelNames: ['code'],
    registers,
  });
  const firstToken = new Histogram({
    name: 'model_first_token_seconds',
    help: 'From the request to its first token, or to a whole answer.',
    buckets: FIRST_TOKEN_SECONDS,
    registers,
  });
  const overhead = new Histogram({
    name: 'gateway_overhead_seconds',
    help: 'Time of a call that was not spent waiting for the provider.',
    buckets: OVERHEAD_SECONDS,
    registers,
  });
  let hits = 0;
  let asked = 0;
  new Gauge({
    name: 'cache_hit_rate',
    help: 'Share of the calls that may be answered from the cache and were, since this process started.',
    registers,
    collect() {
      this.set(asked === 0 ? 0 : hits / asked);
    },
  });
  const bounded = createLabelGuard();
  return ({ model: name, status, cache, usage, errorCode, firstTokenMs, overheadMs }) => {
    const model = bounded('model', name);
    calls.inc({ model, status, cache });
    for (const kind of ['input', 'output', 'cached', 'reasoning'] as const) {
      if (usage[kind] > 0) tokens.inc({ model, kind }, usage[kind]);
    }
    if (cache !== 'off') asked += 1;
    if (cache === 'hit') hits += 1;
    if (errorCode !== undefined) errors.inc({ code: bounded('code', errorCode) });
    if (firstTokenMs !== undefined) firstToken.observe(firstTokenMs / 1_000);
    if (overheadMs !== undefined) overhead.observe(overheadMs / 1_000);
  };
}
