/** A database, an organisation with money, an API in this process, and the outside world that counts. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SCOPES } from '@guildhall/contract';
import pg from 'pg';
import { type Role, type Server, serveOn } from '../../src/serve.ts';
import { chaosAgents } from './agents.ts';
import { type Counter, startCounter } from './counter.ts';
import { foundationOn, type Ground } from './foundation.ts';

export interface Reply {
  readonly status: number;
  // Bodies of many routes; each test reads what it asked for.
  readonly body: Record<string, never>;
}

export interface Stage {
  readonly ground: Ground;
  readonly counter: Counter;
  readonly server: Server;
  readonly orgId: string;
  readonly key: string;
  /** Runs that a client was told exist. */
  readonly acknowledged: Set<string>;
  /** A request with the organisation's key, to this stage's API or another. Undefined when there was no answer. */
  call(method: string, target: string, body?: unknown, more?: CallOptions): Promise<Reply | undefined>;
  /** Starts a run and remembers that it was acknowledged; the answer's status, or undefined when there was none. */
  start(agent: string, input: Record<string, unknown>, more?: CallOptions): Promise<Reply | undefined>;
  /** Another role in this process. */
  another(role: Role): Promise<Server>;
  /** A query as the owner, past row-level security. */
  query<T>(text: string, values?: unknown[]): Promise<T[]>;
  /** Decides every open question: a review by looking outside whether the effect happened, an approval with yes. */
  decide(): Promise<void>;
  /** Decides what is asked until every acknowledged run has ended. @throws naming what has not. */
  untilAllEnded(withinMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly url?: string;
  readonly idempotencyKey?: string;
  readonly timeoutMs?: number;
}

export interface StageOptions {
  readonly ownerUrl: string;
  readonly appUrl: string;
  readonly systemUrl: string;
  readonly creditNanos?: bigint;
  readonly slots?: number;
  readonly pool?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly logFile?: string;
  /** Removes the database. */
  readonly close: () => Promise<void>;
}

/** Waits until `is` answers true. @throws after `withinMs`, saying what did not come about. */
export async function until(what: string, withinMs: number, is: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await is())) {
    if (performance.now() > end) throw new Error(`within ${withinMs} ms this did not come about: ${what}`);
    await pause(25);
  }
}

/** A query in a connection of its own, so that a server that restarts spoils nothing. */
async function ask<T>(url: string, text: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    // The caller names the columns it selects.
    return (await client.query(text, values)).rows as T[];
  } finally {
    await client.end();
  }
}

export async function openStage(options: StageOptions): Promise<Stage> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'guildhall-chaos-'));
  const { ownerUrl, appUrl, systemUrl } = options;
  const masterKey = randomBytes(32).toString('base64');
  const ground: Ground = {
    ownerUrl,
    appUrl,
    systemUrl,
    dataDir,
    masterKey,
    slots: options.slots ?? 16,
    pool: options.pool ?? 8,
    ...(options.environment ? { environment: options.environment } : {}),
    ...(options.logFile ? { logFile: options.logFile } : {}),
  };
  const serve = (role: Role): Promise<Server> => {
    const foundation = foundationOn(ground, `chaos ${role}`);
    return serveOn(foundation, { role, settings: foundation.settings, log: foundation.log, agents: chaosAgents });
  };
  const counter = await startCounter();
  const server = await serve('api');
  const others: Server[] = [];
  const { orgId, key } = await organisation(server, options.creditNanos ?? 100_000_000_000n);
  const acknowledged = new Set<string>();
  const query = <T>(text: string, values: unknown[] = []): Promise<T[]> => ask<T>(ownerUrl, text, values);
  // A subscription whose sending is put off, so that what was handed out can be counted.
  if (server.platform.outboxReaders.length > 0)
    await query(
      `insert into notify.endpoint (id, org_id, mode, url, description, events, secret, paused_until)
       values ('whe_chaos', $1, 'live', 'https://chaos.invalid/', '', array['*'], '\\x00', now() + interval '1 year')`,
      [orgId],
    );
  const call: Stage['call'] = async (method, target, body, more = {}) => {
    try {
      const response = await fetch(`${more.url ?? server.url}${target}`, {
        method,
        signal: AbortSignal.timeout(more.timeoutMs ?? 30_000),
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(more.idempotencyKey ? { 'idempotency-key': more.idempotencyKey } : {}),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
    } catch {
      // No answer: the connection was refused, cut, or timed out.
      return undefined;
    }
  };
  const start: Stage['start'] = async (agent, input, more) => {
    const reply = await call('POST', `/v1/agents/${agent}/runs`, { input: { counter: counter.url, ...input } }, more);
    if (reply && reply.status < 300) acknowledged.add(reply.body.id ?? '');
    return reply;
  };
  const decide = async (): Promise<void> => {
    const open = await query<{ id: string; run_id: string; step_key: string; kind: string }>(
      `select a.id, a.run_id, a.step_key, a.kind from runs.approval a join runs.run r on r.id = a.run_id
       where a.decision is null and r.status = 'waiting'`,
    );
    for (const { id, run_id, step_key, kind } of open) {
      const happened = kind === 'review' && counter.onceUnder(`${run_id}:${step_key.split('!')[0]}`) > 0;
      await call('POST', `/v1/runs/${run_id}/approvals/${id}`, { decision: happened ? 'reject' : 'approve' });
    }
  };
  const living = (): Promise<{ id: string; status: string }[]> =>
    query('select id, status from runs.run where finished_at is null');
  return {
    ground,
    counter,
    server,
    orgId,
    key,
    acknowledged,
    call,
    start,
    query,
    decide,
    another: async (role) => {
      const other = await serve(role);
      others.push(other);
      return other;
    },
    untilAllEnded: async (withinMs) => {
      const end = performance.now() + withinMs;
      for (;;) {
        const live = await living();
        if (live.length === 0) return;
        if (performance.now() > end)
          throw new Error(`these runs have not ended: ${live.map(({ id, status }) => `${id} ${status}`).join(', ')}`);
        if (live.some(({ status }) => status === 'waiting')) await decide();
        await pause(50);
      }
    },
    close: async () => {
      for (const other of others) await other.stop();
      await server.stop();
      await counter.close();
      await options.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function organisation(server: Server, creditNanos: bigint): Promise<{ orgId: string; key: string }> {
  const { identity, ledger } = server.platform;
  const made = await identity.createOrganisation({
    name: 'Chaos',
    actor: { type: 'system', id: 'test' },
    scopes: SCOPES,
  });
  const orgId = made.organisation.id;
  await server.foundation.db.tenant(orgId, (tx) =>
    ledger.grant(tx, { transferId: `${orgId}:chaos`, orgId, amountNanos: creditNanos, reason: 'test' }),
  );
  return { orgId, key: made.secret };
}
