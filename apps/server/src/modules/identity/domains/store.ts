/** All SQL of domains. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Domain } from './types.ts';

interface DomainRow {
  readonly id: string;
  readonly domain: string;
  readonly challenge: string;
  readonly created_at: Date;
  readonly verified_at: Date | null;
}

const columns = sql.raw('id, domain, challenge, created_at, verified_at');

const fromRow = (row: DomainRow): Domain => ({
  id: row.id,
  domain: row.domain,
  challenge: row.challenge,
  createdAt: row.created_at,
  verifiedAt: row.verified_at ?? undefined,
});

/** @throws a unique violation (`domain_org_id_domain_key`) for one that is on the list. */
export async function insertDomain(
  tx: Tx,
  domain: {
    readonly id: string;
    readonly orgId: string;
    readonly domain: string;
    readonly challenge: string;
    readonly createdBy: string;
  },
): Promise<Domain | undefined> {
  const { rows } = await sql<DomainRow>`
    insert into identity.domain (id, org_id, domain, challenge, created_by)
    values (${domain.id}, ${domain.orgId}, ${domain.domain}, ${domain.challenge}, ${domain.createdBy}) returning ${columns}`.execute(
    tx,
  );
  return rows[0] && fromRow(rows[0]);
}

/** In the order of the alphabet. */
export async function listDomains(tx: Tx): Promise<Domain[]> {
  const { rows } = await sql<DomainRow>`select ${columns} from identity.domain order by domain`.execute(tx);
  return rows.map(fromRow);
}

export async function findDomainById(tx: Tx, id: string): Promise<Domain | undefined> {
  const { rows } = await sql<DomainRow>`select ${columns} from identity.domain where id = ${id}`.execute(tx);
  return rows[0] && fromRow(rows[0]);
}

/** @throws a unique violation (`domain_verified_once`) where another organisation has verified it. */
export async function verifyDomain(tx: Tx, id: string): Promise<Domain | undefined> {
  const { rows } = await sql<DomainRow>`
    update identity.domain set verified_at = coalesce(verified_at, platform.now()) where id = ${id} returning ${columns}`.execute(
    tx,
  );
  return rows[0] && fromRow(rows[0]);
}

export async function deleteDomain(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`delete from identity.domain where id = ${id} returning id`.execute(tx);
  return rows.length > 0;
}

/** System role: whose verified domain it is. */
export async function findDomain(
  tx: Tx,
  domain: string,
): Promise<{ readonly orgId: string; readonly isSsoRequired: boolean } | undefined> {
  const { rows } = await sql<{ org_id: string; sso_required: boolean }>`
    select org_id, sso_required from identity.find_domain(${domain})`.execute(tx);
  return rows[0] && { orgId: rows[0].org_id, isSsoRequired: rows[0].sso_required };
}
