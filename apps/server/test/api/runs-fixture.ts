/** Agents whose behaviour a test writes down beside its promise, on a real platform. */
import { defineAgent, type RunContext } from '@guildhall/agent-sdk';
import type { Run, RunEvent, Step } from '@guildhall/contract';
import pg from 'pg';
import { z } from 'zod';
import type { Failpoint } from '../../src/platform/failpoints/index.ts';
import type { Role } from '../../src/serve.ts';
import { asAgents, type Reply, type TestPlatform, testPlatform } from '../harness/platform.ts';

export type Script = (ctx: RunContext) => unknown;

export interface StartOptions {
  readonly agent?: 'scripted' | 'hasty' | 'brief';
  /** How often the script may call `scripted`. */
  readonly calls?: number;
  readonly tier?: string;
  readonly wait?: number;
  readonly key?: string;
  readonly more?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
}

export interface ScriptedPlatform extends TestPlatform {
  /** The input of a run that follows `script`; for `ctx.call('scripted', …)` as well. */
  input(script: Script, calls?: number): { script: string; calls: number };
  begin(script: Script, options?: StartOptions): Promise<Reply<Run>>;
  run(id: string): Promise<Run>;
  /** The run once `is` holds for it. */
  until(id: string, is: (run: Run) => boolean): Promise<Run>;
  ended(id: string): Promise<Run>;
  steps(id: string): Promise<Step[]>;
  /** Every event of a run, read from its table. */
  events(id: string): Promise<RunEvent[]>;
  children(id: string): Promise<Run[]>;
  balance(): Promise<{ available: bigint; held: bigint; spent: bigint }>;
  /** A statement as the owner of the database. */
  admin<T>(text: string, values?: unknown[]): Promise<T[]>;
  /** Moves the clock of leases, timers and retention. */
  forward(interval: string): Promise<void>;
}

const POLL_MS = 20;
const PATIENCE_MS = 15_000;
export const ENDED = new Set(['succeeded', 'failed', 'cancelled']);

/** Resolves with what `look` finds; for what another process brings about. */
export async function eventually<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error('what was waited for did not come');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A promise with its ends outside: how a script and its test meet. */
export function meeting<T = void>(): { readonly arrived: Promise<T>; arrive(value: T): void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { arrived: promise, arrive: resolve };
}

const base = {
  version: '1.0.0',
  title: 'Scripted',
  summary: 'Follows a script.',
  description: 'Follows a script.',
  category: 'test',
  needsModel: false,
  output: z.unknown(),
  examples: [],
};
const input = z.strictObject({
  script: z.string(),
  calls: z.number().int().min(0).default(0),
  source: z.strictObject({ file: z.string() }).optional(),
});

export async function scriptedPlatform(
  options: { environment?: Record<string, string>; failpoint?: Failpoint; role?: Role } = {},
): Promise<ScriptedPlatform> {
  const scripts = new Map<string, Script>();
  const agent = (id: string, limits: { timeoutMs: number; stepsMax: number }) =>
    defineAgent({
      ...base,
      id,
      limits,
      input,
      plannedCalls: ({ calls }) =>
        calls > 0 ? [{ agent: 'scripted', timesMax: calls, input: { script: '', calls: 0 } }] : [],
      // A script may return anything, also what an agent must not: that is what some tests are about.
      run: (ctx, { script }) => scripts.get(script)?.(ctx) as Promise<unknown>,
    });
  const platform = await testPlatform({
    agents: asAgents(
      agent('scripted', { timeoutMs: 60_000, stepsMax: 200 }),
      agent('hasty', { timeoutMs: 600, stepsMax: 200 }),
      agent('brief', { timeoutMs: 60_000, stepsMax: 3 }),
    ),
    ...options,
  });
  const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  const inputOf = (script: Script, calls = 0) => {
    const name = `script-${scripts.size}`;
    scripts.set(name, script);
    return { script: name, calls };
  };
  const get = async <T>(path: string): Promise<T> => (await platform.call<T>('GET', path)).body;
  const run = (id: string) => get<Run>(`/v1/runs/${id}`);
  const until = (id: string, is: (run: Run) => boolean) =>
    eventually(async () => {
      const found = await run(id);
      return is(found) ? found : undefined;
    });
  const admin = async <T>(text: string, values: unknown[] = []): Promise<T[]> =>
    (await owner.query(text, values)).rows as T[];
  return {
    ...platform,
    input: inputOf,
    run,
    until,
    admin,
    begin: (script, { agent: id = 'scripted', calls, tier, wait = 10, key, more = {}, headers = {} } = {}) =>
      platform.call<Run>(
        'POST',
        `/v1/agents/${id}/runs?wait=${wait}`,
        { input: inputOf(script, calls), ...(tier ? { tier } : {}), ...more },
        { ...(key ? { key } : {}), headers },
      ),
    ended: (id) => until(id, (found) => ENDED.has(found.status)),
    steps: async (id) => (await get<{ data: Step[] }>(`/v1/runs/${id}/steps`)).data,
    events: (id) => admin<RunEvent>('select seq, type, at, data from runs.event where run_id = $1 order by seq', [id]),
    children: async (id) => (await get<{ data: Run[] }>(`/v1/runs?parentRunId=${id}`)).data,
    balance: async () => {
      const { available, held, spent } =
        await get<Record<'available' | 'held' | 'spent', { nanos: string }>>('/v1/balance');
      return { available: BigInt(available.nanos), held: BigInt(held.nanos), spent: BigInt(spent.nanos) };
    },
    forward: async (interval) => {
      await admin(
        `insert into platform.clock_shift (shift) values ($1::interval)
          on conflict (single) do update set shift = clock_shift.shift + excluded.shift`,
        [interval],
      );
    },
    close: async () => {
      await owner.end();
      await platform.close();
    },
  };
}
