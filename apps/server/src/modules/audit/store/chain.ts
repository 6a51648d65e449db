/** All SQL on the schema `audit`. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import { harmlessData } from '../rules.ts';
import type { AuditEvent, BrokenChain, ChainFault, ChainFaultKind } from '../types.ts';

interface FaultRow {
  seq: bigint;
  id: string | null;
  fault: ChainFaultKind;
}

const fromRow = (row: FaultRow): ChainFault => ({ fault: row.fault, seq: row.seq, eventId: row.id ?? undefined });

export async function insertEvent(tx: Tx, id: string, event: AuditEvent): Promise<void> {
  await sql`select audit.append(${event.orgId}, ${id}, ${event.actorType}, ${event.actorId ?? null}, ${event.action},
    ${event.targetType ?? null}, ${event.targetId ?? null}, ${event.requestId ?? null}, ${JSON.stringify(harmlessData(event.data ?? {}))}::jsonb)`.execute(
    tx,
  );
}

export async function findFault(tx: Tx, orgId: string): Promise<ChainFault | undefined> {
  const found = await sql<FaultRow>`select seq, id, fault from audit.faults(${orgId}) limit 1`.execute(tx);
  return found.rows.map(fromRow)[0];
}

export async function listBrokenChains(tx: Tx): Promise<BrokenChain[]> {
  const found = await sql<
    FaultRow & { org_id: string }
  >`select org_id, seq, id, fault from audit.broken_chains()`.execute(tx);
  return found.rows.map((row) => ({ orgId: row.org_id, ...fromRow(row) }));
}

export async function findHead(tx: Tx, orgId: string): Promise<{ seq: bigint; hash: string } | undefined> {
  const found = await sql<{
    seq: bigint;
    hash: string;
  }>`select seq, encode(hash, 'hex') as hash from audit.head where org_id = ${orgId}`.execute(tx);
  return found.rows[0];
}

/** System role. Up to `each` of one chain, in order. */
export async function listFaults(tx: Tx, each: number): Promise<BrokenChain[]> {
  const found = await sql<
    FaultRow & { org_id: string }
  >`select org_id, seq, id, fault from audit.list_faults(${each}::int)`.execute(tx);
  return found.rows.map((row) => ({ orgId: row.org_id, ...fromRow(row) }));
}

export interface Head {
  readonly orgId: string;
  readonly seq: bigint;
  readonly hash: string;
}

/** System role. */
export async function listHeads(tx: Tx, afterOrgId: string, limit: number): Promise<Head[]> {
  const { rows } = await sql<{ org_id: string; seq: bigint; hash: string }>`
    select org_id, seq, hash from audit.list_heads(${afterOrgId}, ${limit}::int)`.execute(tx);
  return rows.map((row) => ({ orgId: row.org_id, seq: row.seq, hash: row.hash }));
}

export interface Place {
  readonly orgId: string;
  readonly seq: bigint;
}

/** System role: what stands at these places now. */
export async function lookAt(
  tx: Tx,
  places: readonly Place[],
): Promise<
  (Place & { readonly eventId: string | undefined; readonly hash: string | undefined; readonly isPruned: boolean })[]
> {
  const { rows } = await sql<{ org_id: string; seq: bigint; id: string | null; hash: string | null; pruned: boolean }>`
    select org_id, seq, id, hash, pruned
      from audit.look_at(${places.map(({ orgId }) => orgId)}::text[], ${places.map(({ seq }) => seq)}::bigint[])`.execute(
    tx,
  );
  return rows.map((row) => ({
    orgId: row.org_id,
    seq: row.seq,
    eventId: row.id ?? undefined,
    hash: row.hash ?? undefined,
    isPruned: row.pruned,
  }));
}

/** System role. Tells how many rows were removed. */
export async function pruneEvents(
  tx: Tx,
  input: { readonly keepMs: number; readonly limit: number; readonly ids: readonly string[] },
): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select audit.prune(make_interval(secs => ${input.keepMs / 1000}), ${input.limit}::int, ${[...input.ids]}::text[]) as n`.execute(
    tx,
  );
  return rows[0]?.n ?? 0;
}
