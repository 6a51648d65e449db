/** SQL of steps, events and approvals. */
import { type Db, sql, type Tx } from '../../../platform/db/index.ts';
import type { ApprovalRow, ArtifactRow, EventRow, NewEvent, StepEffect, StepRow, StoredProblem } from '../types.ts';

export interface StepWrite {
  readonly index: number;
  readonly key: string;
  readonly name: string;
  readonly kind: string;
  readonly effect: StepEffect;
  readonly status: 'running' | 'succeeded' | 'failed';
  readonly attempt: number;
  readonly startedAt: Date;
  readonly result: unknown;
  readonly error: StoredProblem | undefined;
  /** What a model used and cost, which counts in the run too. */
  readonly use?: { readonly costNanos: string; readonly inputTokens: number; readonly outputTokens: number };
}

export type ArtifactWrite = Pick<ArtifactRow, 'id' | 'name' | 'sha256'> & {
  readonly mediaType: string;
  readonly size: number;
};

export interface Owned {
  readonly orgId: string;
  readonly runId: string;
  readonly fence: bigint;
}

export interface Checkpoint {
  readonly step: StepWrite;
  readonly artifacts: readonly ArtifactWrite[];
  readonly events: readonly NewEvent[];
}

export type OwnedCheckpoint = Owned & Checkpoint;

/**
 * Step, artifacts and events of each run, one of each, in one statement and in the order of `writes`. False where
 * another attempt owns the run.
 */
export async function checkpointRuns(tx: Tx, writes: readonly OwnedCheckpoint[]): Promise<boolean[]> {
  const list = JSON.stringify(writes.map((write) => ({ ...write, fence: write.fence.toString() })));
  const result = await sql<{ place: bigint; done: boolean }>`
    select w.place, runs.checkpoint(w.value ->> 'orgId', w.value ->> 'runId', (w.value ->> 'fence')::bigint, w.value -> 'step',
      w.value -> 'artifacts', w.value -> 'events') as done
    from jsonb_array_elements(${list}::jsonb) with ordinality w (value, place)`.execute(tx);
  const done = new Set(result.rows.flatMap((row) => (row.done ? [Number(row.place) - 1] : [])));
  return writes.map((_write, place) => done.has(place));
}

export async function checkpointRun(tx: Tx, write: OwnedCheckpoint): Promise<boolean> {
  const [done = false] = await checkpointRuns(tx, [write]);
  return done;
}

/** Events between checkpoints. False when another attempt owns the run. */
export async function tell(db: Db, owned: Owned, events: readonly NewEvent[]): Promise<boolean> {
  const result = await db.direct((tx) =>
    sql<{
      tell: boolean;
    }>`select runs.tell(${owned.orgId}, ${owned.runId}, ${owned.fence}, ${JSON.stringify(events)}::jsonb)`.execute(tx),
  );
  return result.rows[0]?.tell ?? false;
}

export async function listSteps(tx: Tx, runId: string): Promise<StepRow[]> {
  const result = await sql<StepRow>`select * from runs.step where run_id = ${runId} order by index`.execute(tx);
  return result.rows;
}

/** What models cost in these runs was given back. */
export async function clearCosts(tx: Tx, runIds: readonly string[]): Promise<void> {
  await sql`update runs.step set cost_nanos = 0 where run_id = any(${[...runIds]}::text[]) and cost_nanos > 0`.execute(
    tx,
  );
}

/** Copies finished steps below `before` (all, when left out) and what they kept, as the record of a new run. */
export async function copySteps(
  tx: Tx,
  input: { from: string; to: string; before: number | undefined; artifactIds: () => string },
): Promise<void> {
  await sql`insert into runs.step (org_id, run_id, index, key, name, kind, effect, status, attempt, started_at, finished_at, result, error)
    select org_id, ${input.to}, index, key, name, kind, effect, status, attempt, started_at, finished_at, result, error
    from runs.step where run_id = ${input.from} and status <> 'running' and (${input.before ?? null}::int is null or index < ${input.before ?? null})`.execute(
    tx,
  );
  const kept = await sql<ArtifactRow>`select a.* from runs.artifact a
    where a.run_id = ${input.from} and (${input.before ?? null}::int is null or a.step_index < ${input.before ?? null}) order by a.id`.execute(
    tx,
  );
  for (const artifact of kept.rows) {
    await sql`insert into runs.artifact (id, org_id, run_id, step_index, name, media_type, size, sha256)
      values (${input.artifactIds()}, ${artifact.org_id}, ${input.to}, ${artifact.step_index}, ${artifact.name}, ${artifact.media_type}, ${artifact.size}, ${artifact.sha256})`.execute(
      tx,
    );
  }
  await sql`update runs.run set artifact_count = ${kept.rows.length},
      step_count = (select count(*) from runs.step where run_id = ${input.to}) where id = ${input.to}`.execute(tx);
}

/** Events after `after`, in order, in one round trip outside a transaction. */
export async function readEvents(
  db: Db,
  page: { orgId: string; runId: string; after: number; limit: number },
): Promise<EventRow[]> {
  const { orgId, runId, after, limit } = page;
  const result = await db.direct((tx) =>
    sql<EventRow>`select * from runs.read_events(${orgId}, ${runId}, ${after}, ${limit})`.execute(tx),
  );
  return result.rows;
}

/** The run's row must be locked. */
async function appendEvent(tx: Tx, run: { orgId: string; runId: string }, event: NewEvent): Promise<void> {
  await sql`update runs.run set event_seq = runs.append(${run.orgId}, ${run.runId}, event_seq, ${JSON.stringify([event])}::jsonb)
    where id = ${run.runId}`.execute(tx);
}

const decidedEvent = ({ id, decision, comment }: ApprovalRow): NewEvent => ({
  type: 'approval',
  data: { approvalId: id, state: 'decided', decision, comment },
});

// A question that nobody answers within a month is answered by nobody.
const ANSWER_MS = 30 * 24 * 3_600_000;

/** Asks a person; asking again for the same step changes nothing, but that a question past its time expires. Under the fence, with its event. */
export async function askApproval(
  tx: Tx,
  owned: Owned,
  ask: {
    id: string;
    stepKey: string;
    kind: 'approval' | 'review';
    title: string;
    details: unknown;
    /** A month, when left out. */
    expiresInMs?: number | undefined;
  },
): Promise<ApprovalRow | undefined> {
  const owner = await sql<{
    event_seq: number;
  }>`select event_seq from runs.run where id = ${owned.runId} and fence = ${owned.fence} and status = 'running' for update`.execute(
    tx,
  );
  if (!owner.rows[0]) return undefined;
  const made = await sql<ApprovalRow>`
    insert into runs.approval (id, org_id, run_id, step_key, kind, title, details, expires_at)
    values (${ask.id}, ${owned.orgId}, ${owned.runId}, ${ask.stepKey}, ${ask.kind}, ${ask.title}, ${JSON.stringify(ask.details ?? null)}::jsonb,
      platform.now() + ${`${ask.expiresInMs ?? ANSWER_MS} milliseconds`}::interval)
    on conflict (run_id, step_key) do nothing returning *`.execute(tx);
  const fresh = made.rows[0];
  if (fresh) {
    const event: NewEvent = {
      type: 'approval',
      data: {
        approvalId: fresh.id,
        kind: ask.kind,
        state: 'requested',
        title: ask.title,
        details: ask.details ?? null,
        expiresAt: fresh.expires_at,
      },
    };
    await appendEvent(tx, owned, event);
    return fresh;
  }
  // Past its time an open question counts as expired, by the database's clock.
  const known = await sql<ApprovalRow>`
    update runs.approval set decision = 'expired', decided_at = platform.now()
    where run_id = ${owned.runId} and step_key = ${ask.stepKey} and decision is null and expires_at <= platform.now() returning *`.execute(
    tx,
  );
  const expired = known.rows[0];
  if (expired) {
    await appendEvent(tx, owned, decidedEvent(expired));
    return expired;
  }
  const open =
    await sql<ApprovalRow>`select * from runs.approval where run_id = ${owned.runId} and step_key = ${ask.stepKey}`.execute(
      tx,
    );
  return open.rows[0];
}

/** Questions about the rights of a run, asked one after the other. No step has such a key. */
export const rightsKey = (place: number): string => `rights!${place}`;

/** Who answers for a run beside who started it, the latest first: by approving such a question of it, or of the run at the root of it. */
export async function listAnswerers(
  tx: Tx,
  run: { readonly id: string; readonly rootRunId: string },
): Promise<{ readonly by: string; readonly isOwn: boolean }[]> {
  const { rows } = await sql<{ decided_by: string; is_own: boolean }>`
    select decided_by, run_id = ${run.id} as is_own from runs.approval
     where run_id in (${run.id}, ${run.rootRunId}) and kind = 'review' and step_key ~ '^rights![0-9]+$' and decision = 'approve'
     order by decided_at desc`.execute(tx);
  return rows.map((row) => ({ by: row.decided_by, isOwn: row.is_own }));
}

/** Decides an open approval; `missing` and `decided` tell why not. Writes the event as well. */
export async function decideApproval(
  tx: Tx,
  input: {
    orgId: string;
    runId: string;
    approvalId: string;
    decision: 'approve' | 'reject';
    comment: string | undefined;
    by: string;
  },
): Promise<'done' | 'missing' | 'decided'> {
  await sql`select 1 from runs.run where id = ${input.runId} for update`.execute(tx);
  const done = await sql<ApprovalRow>`
    update runs.approval a set decision = ${input.decision}, comment = ${input.comment ?? null}, decided_by = ${input.by}, decided_at = platform.now()
    where a.id = ${input.approvalId} and a.run_id = ${input.runId} and a.decision is null and a.expires_at > platform.now()
      and exists (select 1 from runs.run r where r.id = a.run_id and r.finished_at is null)
    returning *`.execute(tx);
  const decided = done.rows[0];
  if (!decided) {
    const found =
      await sql`select 1 from runs.approval where id = ${input.approvalId} and run_id = ${input.runId}`.execute(tx);
    return found.rows.length > 0 ? 'decided' : 'missing';
  }
  await appendEvent(tx, input, decidedEvent(decided));
  return 'done';
}
