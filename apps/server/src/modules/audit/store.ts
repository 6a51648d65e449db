/** All SQL on the schema `audit`. */
import { sql, type Tx } from '../../platform/db/index.ts';
import { harmlessData } from './rules.ts';
import type { AuditEvent, BrokenChain, ChainFault, ChainFaultKind } from './types.ts';

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
