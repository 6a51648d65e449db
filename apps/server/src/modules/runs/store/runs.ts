/** SQL of runs: reading, starting, suspending, ending. */
import type { RunStatus } from '@guildhall/contract';
import { type Db, sql, type Tx } from '../../../platform/db/index.ts';
import type { ArtifactRow, RunRow, StoredProblem, TerminalStatus, WaitingFor } from '../types.ts';

export interface NewRun {
  readonly id: string;
  readonly orgId: string;
  readonly keyId: string;
  readonly memberId: string | undefined;
  readonly agent: { readonly id: string; readonly version: string };
  readonly tier: string;
  readonly mode: 'live' | 'test';
  readonly input: unknown;
  readonly priceVersion: number;
  readonly baseNanos: bigint;
  readonly estimateNanos: bigint;
  readonly holdId: string | undefined;
  readonly holdNanos: bigint;
  readonly parent:
    | { readonly runId: string; readonly rootRunId: string; readonly step: string; readonly holdId: string | undefined }
    | undefined;
  readonly replay: { readonly runId: string; readonly fromStep: number | undefined } | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly requestId: string;
  readonly task: { readonly lane: string; readonly orgMax: number; readonly laneMax: number; readonly version: number };
  readonly eventId: string;
  readonly auditId: string;
}

function admissionOf(run: NewRun): object {
  const { agent, parent, replay, task, ...plain } = run;
  return {
    ...plain,
    agentId: agent.id,
    agentVersion: agent.version,
    baseNanos: run.baseNanos.toString(),
    estimateNanos: run.estimateNanos.toString(),
    holdNanos: run.holdNanos.toString(),
    parentRunId: parent?.runId,
    parentStep: parent?.step,
    parentHoldId: parent?.holdId,
    rootRunId: parent?.rootRunId ?? run.id,
    replayOf: replay?.runId,
    replayFromStep: replay?.fromStep,
    lane: task.lane,
    orgMax: task.orgMax,
    laneMax: task.laneMax,
    durableVersion: task.version,
  };
}

/** Makes each run with everything that belongs to it, in one statement, which fails for all when one is refused. In the order of `runs`. */
export async function admitRuns(tx: Tx, runs: readonly NewRun[]): Promise<RunRow[]> {
  const list = JSON.stringify(runs.map(admissionOf));
  const result = await sql<RunRow>`
    select made.* from jsonb_array_elements(${list}::jsonb) asked, lateral runs.admit(asked.value) made`.execute(tx);
  const made = new Map(result.rows.map((row) => [row.id, row]));
  // The function returns the run it made or throws.
  return runs.map(({ id }) => made.get(id) as RunRow);
}

/** One run in one round trip, outside a transaction. */
export async function findRun(db: Db, orgId: string, id: string): Promise<RunRow | undefined> {
  const result = await db.direct((tx) => sql<RunRow>`select * from runs.read_run(${orgId}, ${id})`.execute(tx));
  return result.rows[0];
}

/** The run as this transaction sees it. */
export async function readRun(tx: Tx, id: string): Promise<RunRow | undefined> {
  const result = await sql<RunRow>`select * from runs.run where id = ${id}`.execute(tx);
  return result.rows[0];
}

/** The run, locked until the transaction ends. Lock order: run, then its task, then the books. */
export async function lockRun(tx: Tx, id: string): Promise<RunRow | undefined> {
  const result = await sql<RunRow>`select * from runs.run where id = ${id} for update`.execute(tx);
  return result.rows[0];
}

export async function listArtifacts(db: Db, orgId: string, runId: string): Promise<ArtifactRow[]> {
  const result = await db.direct((tx) =>
    sql<ArtifactRow>`select * from runs.read_artifacts(${orgId}, ${runId})`.execute(tx),
  );
  return result.rows;
}

/** Starts an attempt under `fence`; undefined when the run has ended or a later attempt owns it. */
export async function beginAttempt(db: Db, orgId: string, id: string, fence: bigint): Promise<RunRow | undefined> {
  const result = await db.direct((tx) => sql<RunRow>`select * from runs.begin(${orgId}, ${id}, ${fence})`.execute(tx));
  return result.rows[0];
}

export interface RunFilter {
  readonly agent?: string | undefined;
  readonly status?: RunStatus | undefined;
  readonly tier?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly q?: string | undefined;
  readonly parentRunId?: string | undefined;
  readonly mode?: 'test' | undefined;
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Newest first. `before` is the id of the last run of the page before; ids sort by time. */
export async function listRuns(tx: Tx, filter: RunFilter): Promise<RunRow[]> {
  const like = filter.q === undefined ? undefined : `%${filter.q.replaceAll(/[\\%_]/g, '\\$&')}%`;
  const conditions = [
    sql`true`,
    ...(filter.agent === undefined ? [] : [sql`agent_id = ${filter.agent}`]),
    ...(filter.status === undefined ? [] : [sql`status = ${filter.status}`]),
    ...(filter.tier === undefined ? [] : [sql`tier = ${filter.tier}`]),
    ...(filter.from === undefined ? [] : [sql`created_at >= ${filter.from}`]),
    ...(filter.to === undefined ? [] : [sql`created_at < ${filter.to}`]),
    ...(filter.parentRunId === undefined ? [] : [sql`parent_run_id = ${filter.parentRunId}`]),
    ...(filter.mode === undefined ? [] : [sql`mode = ${filter.mode}`]),
    ...(filter.before === undefined ? [] : [sql`id < ${filter.before}`]),
    ...(like === undefined
      ? []
      : [
          sql`(id = ${filter.q} or agent_id ilike ${like} or metadata::text ilike ${like} or error ->> 'code' ilike ${like})`,
        ]),
  ];
  const result =
    await sql<RunRow>`select * from runs.run where ${sql.join(conditions, sql` and `)} order by id desc limit ${filter.limit}`.execute(
      tx,
    );
  return result.rows;
}

/** Artifacts of several runs at once, for a page of them. */
export async function listArtifactsOf(tx: Tx, runIds: readonly string[]): Promise<ArtifactRow[]> {
  if (runIds.length === 0) return [];
  const result =
    await sql<ArtifactRow>`select * from runs.artifact where run_id = any(${[...runIds]}::text[]) order by id`.execute(
      tx,
    );
  return result.rows;
}

export interface RunEnd {
  readonly orgId: string;
  readonly id: string;
  /** Undefined where no attempt owns the run (cancelled while it was queued). */
  readonly fence: bigint | undefined;
  readonly status: TerminalStatus;
  readonly output: unknown;
  readonly error: StoredProblem | undefined;
  readonly costNanos: bigint;
  readonly calledNanos: bigint;
  readonly eventId: string;
  readonly auditId: string;
}

const settlementOf = (end: RunEnd): object => ({
  ...end,
  fence: end.fence?.toString(),
  costNanos: end.costNanos.toString(),
  calledNanos: end.calledNanos.toString(),
});

/**
 * Ends each run with everything that belongs to its end, in one statement; in the order of `ends`. False where a run has ended already or
 * another attempt owns it.
 */
export async function settleRuns(tx: Tx, ends: readonly RunEnd[]): Promise<boolean[]> {
  const list = JSON.stringify(ends.map(settlementOf));
  const result = await sql<{ id: string; settled: boolean }>`
    select asked.value ->> 'id' as id, runs.settle(asked.value) as settled from jsonb_array_elements(${list}::jsonb) asked`.execute(
    tx,
  );
  const settled = new Map(result.rows.map((row) => [row.id, row.settled]));
  return ends.map(({ id }) => settled.get(id) ?? false);
}

/** Marks the run as waiting and tells so. False when another attempt owns it. */
export async function markWaiting(
  tx: Tx,
  input: { orgId: string; id: string; fence: bigint; waitingFor: WaitingFor; activeMs: number },
): Promise<boolean> {
  const result = await sql<{ event_seq: number }>`
    update runs.run set status = 'waiting', waiting_for = ${input.waitingFor}, event_seq = event_seq + 1, active_ms = active_ms + ${Math.round(input.activeMs)}
    where id = ${input.id} and fence = ${input.fence} and status = 'running' returning event_seq`.execute(tx);
  const row = result.rows[0];
  if (!row) return false;
  await sql`insert into runs.event (org_id, run_id, seq, type, data)
    values (${input.orgId}, ${input.id}, ${row.event_seq}, 'status', ${JSON.stringify({ status: 'waiting', waitingFor: input.waitingFor })}::jsonb)`.execute(
    tx,
  );
  return true;
}

/** The clock that timers go by. */
export async function databaseNow(db: Db): Promise<Date> {
  const result = await db.direct((tx) => sql<{ now: Date }>`select platform.now() as now`.execute(tx));
  // A select without a table gives one row.
  return (result.rows[0] as { now: Date }).now;
}

/** Counts time against the agent's limit although the run does not wait. Nothing happens when another attempt owns it. */
export async function spendActive(tx: Tx, input: { id: string; fence: bigint; activeMs: number }): Promise<void> {
  await sql`update runs.run set active_ms = active_ms + ${Math.round(input.activeMs)}
    where id = ${input.id} and fence = ${input.fence} and finished_at is null`.execute(tx);
}

/** Runs of the organisation that have not ended, those that called others first. */
export async function listLive(tx: Tx, limit: number): Promise<string[]> {
  const result = await sql<{
    id: string;
  }>`select id from runs.run where finished_at is null order by id limit ${limit}`.execute(tx);
  return result.rows.map((row) => row.id);
}

/** What `id` itself called and has not ended, oldest first. */
export async function listLiveChildren(tx: Tx, id: string): Promise<string[]> {
  const result = await sql<{
    id: string;
  }>`select id from runs.run where parent_run_id = ${id} and finished_at is null order by id`.execute(tx);
  return result.rows.map((row) => row.id);
}

/** How many runs called one another above `id`. */
export async function countCallers(tx: Tx, id: string): Promise<number> {
  const result = await sql<{ callers: number }>`
    with recursive above as (
      select parent_run_id from runs.run where id = ${id}
      union all
      select r.parent_run_id from runs.run r join above a on r.id = a.parent_run_id
    )
    select count(parent_run_id)::int as callers from above`.execute(tx);
  return result.rows[0]?.callers ?? 0;
}

/** What live runs called by `id` may still cost. */
export async function heldByChildren(tx: Tx, id: string): Promise<bigint> {
  const result = await sql<{ nanos: bigint }>`
    select coalesce(sum(hold_nanos), 0)::bigint as nanos from runs.run where parent_run_id = ${id} and finished_at is null`.execute(
    tx,
  );
  return result.rows[0]?.nanos ?? 0n;
}

/** Ended runs anywhere below `id` that may have cost somebody something, deepest first. */
export async function listBilledBelow(tx: Tx, id: string): Promise<RunRow[]> {
  const result = await sql<RunRow>`
    with recursive below as (
      select r.*, 1 as depth from runs.run r where r.parent_run_id = ${id}
      union all
      select r.*, b.depth + 1 from runs.run r join below b on r.parent_run_id = b.id
    )
    select * from below where cost_nanos > 0 or called_nanos > 0 or input_tokens + output_tokens > 0 order by depth desc, id`.execute(
    tx,
  );
  return result.rows;
}

/** Gives back what ended runs were charged, because the run that called them did not succeed; `calledNanos` of it they keep. */
export async function markReversed(tx: Tx, runs: readonly { id: string; calledNanos: bigint }[]): Promise<void> {
  if (runs.length === 0) return;
  await sql`update runs.run r set cost_nanos = 0, called_nanos = k.called, reversed_at = coalesce(r.reversed_at, platform.now())
    from unnest(${runs.map(({ id }) => id)}::text[], ${runs.map(({ calledNanos }) => calledNanos)}::bigint[]) k (id, called)
    where r.id = k.id and (r.cost_nanos > 0 or r.called_nanos > k.called)`.execute(tx);
}

export async function findChild(tx: Tx, parentRunId: string, parentStep: string): Promise<RunRow | undefined> {
  const result =
    await sql<RunRow>`select * from runs.run where parent_run_id = ${parentRunId} and parent_step = ${parentStep}`.execute(
      tx,
    );
  return result.rows[0];
}

/** Costs of the latest successful runs of an agent, tier and mode in this organisation, in nanos. */
export async function recentCosts(
  tx: Tx,
  of: { agentId: string; tier: string; mode: 'live' | 'test'; limit: number },
): Promise<bigint[]> {
  const result = await sql<{ nanos: bigint }>`
    select cost_nanos + called_nanos as nanos from runs.run
    where agent_id = ${of.agentId} and tier = ${of.tier} and mode = ${of.mode} and status = 'succeeded' and replay_of is null and reversed_at is null order by id desc limit ${of.limit}`.execute(
    tx,
  );
  return result.rows.map((row) => row.nanos);
}
