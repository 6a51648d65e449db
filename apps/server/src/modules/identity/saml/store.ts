/** All SQL of SAML. Where nothing else is said, in a transaction of the organisation. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { ProvisionedRole } from '../provision.ts';
import type { SamlConnection, SamlRequest } from './types.ts';

interface ConnectionRow {
  readonly id: string;
  readonly org_id: string;
  readonly name: string;
  readonly entity_id: string;
  readonly sso_url: string;
  readonly certificates: string[];
  readonly email_attribute: string | null;
  readonly name_attribute: string | null;
  readonly role_attribute: string | null;
  readonly role_mappings: { value: string; role: ProvisionedRole }[];
  readonly default_role: ProvisionedRole;
  readonly joins_members: boolean;
  readonly enabled: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const fromRow = (row: ConnectionRow): SamlConnection => ({
  id: row.id,
  orgId: row.org_id,
  name: row.name,
  entityId: row.entity_id,
  ssoUrl: row.sso_url,
  certificates: row.certificates,
  emailAttribute: row.email_attribute ?? undefined,
  nameAttribute: row.name_attribute ?? undefined,
  roleAttribute: row.role_attribute ?? undefined,
  roleMappings: row.role_mappings,
  defaultRole: row.default_role,
  joinsMembers: row.joins_members,
  enabled: row.enabled,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('the statement gave no row');
  return row;
}

/** System role: acts before anybody is known. Undefined for a connection that does not work. */
export async function findOrganisationOf(tx: Tx, connectionId: string): Promise<string | undefined> {
  const { rows } = await sql<{
    org_id: string;
  }>`select org_id from identity.saml_organisation(${connectionId})`.execute(tx);
  return rows[0]?.org_id;
}

export type NewConnection = Omit<SamlConnection, 'createdAt' | 'updatedAt'> & { readonly createdBy: string };

/** Inserts, or replaces all but who made it and when. */
export async function putConnection(tx: Tx, one: NewConnection): Promise<SamlConnection> {
  const { rows } = await sql<ConnectionRow>`
    insert into identity.saml_connection (id, org_id, name, entity_id, sso_url, certificates, email_attribute, name_attribute,
        role_attribute, role_mappings, default_role, joins_members, enabled, created_by)
    values (${one.id}, ${one.orgId}, ${one.name}, ${one.entityId}, ${one.ssoUrl}, ${[...one.certificates]}, ${one.emailAttribute ?? null},
        ${one.nameAttribute ?? null}, ${one.roleAttribute ?? null}, ${JSON.stringify(one.roleMappings)}::jsonb, ${one.defaultRole},
        ${one.joinsMembers}, ${one.enabled}, ${one.createdBy})
    on conflict (id) do update set name = excluded.name, entity_id = excluded.entity_id, sso_url = excluded.sso_url,
        certificates = excluded.certificates, email_attribute = excluded.email_attribute, name_attribute = excluded.name_attribute,
        role_attribute = excluded.role_attribute, role_mappings = excluded.role_mappings, default_role = excluded.default_role,
        joins_members = excluded.joins_members, enabled = excluded.enabled, updated_at = platform.now()
    returning *`.execute(tx);
  return fromRow(only(rows));
}

/** Oldest first. */
export async function listConnections(tx: Tx): Promise<SamlConnection[]> {
  const { rows } = await sql<ConnectionRow>`select * from identity.saml_connection order by id`.execute(tx);
  return rows.map(fromRow);
}

/** The oldest one that works. */
export async function findWorking(tx: Tx): Promise<SamlConnection | undefined> {
  const { rows } =
    await sql<ConnectionRow>`select * from identity.saml_connection where enabled order by id limit 1`.execute(tx);
  return rows[0] && fromRow(rows[0]);
}

export async function findConnection(tx: Tx, id: string): Promise<SamlConnection | undefined> {
  const { rows } = await sql<ConnectionRow>`select * from identity.saml_connection where id = ${id}`.execute(tx);
  return rows[0] && fromRow(rows[0]);
}

/** Counts under a lock of the organisation, so that two requests at once cannot both be the last that fits. */
export async function countConnections(tx: Tx, orgId: string): Promise<number> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`saml ${orgId}`}, 5))`.execute(tx);
  return only((await sql<{ n: number }>`select count(*)::int as n from identity.saml_connection`.execute(tx)).rows).n;
}

/** With its requests, and with whom its subjects are. */
export async function deleteConnection(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`delete from identity.saml_connection where id = ${id} returning id`.execute(tx);
  return rows.length > 0;
}

export async function insertRequest(
  tx: Tx,
  request: SamlRequest & { readonly orgId: string; readonly browserHash: Buffer; readonly ttlSeconds: number },
): Promise<void> {
  await sql`
    insert into identity.saml_request (id, org_id, connection_id, browser_hash, return_to, expires_at)
    values (${request.id}, ${request.orgId}, ${request.connectionId}, ${request.browserHash}, ${request.returnTo},
            platform.now() + make_interval(secs => ${request.ttlSeconds}))`.execute(tx);
}

/** The good request of a browser with this connection. It stays unused until `useRequest`. */
export async function findRequest(
  tx: Tx,
  connectionId: string,
  browserHashes: readonly Buffer[],
): Promise<SamlRequest | undefined> {
  const { rows } = await sql<{ id: string; return_to: string }>`
    select id, return_to from identity.saml_request
     where connection_id = ${connectionId} and browser_hash = any(${[...browserHashes]}::bytea[])
       and used_at is null and expires_at > platform.now()`.execute(tx);
  return rows[0] && { id: rows[0].id, connectionId, returnTo: rows[0].return_to };
}

/** Of two answers to one request, one gets true. */
export async function useRequest(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`
    update identity.saml_request set used_at = platform.now()
     where id = ${id} and used_at is null and expires_at > platform.now() returning id`.execute(tx);
  return rows.length > 0;
}

/** False where it was there before. */
export async function insertAssertion(
  tx: Tx,
  assertion: {
    readonly orgId: string;
    readonly connectionId: string;
    readonly id: string;
    readonly usableUntil: Date;
  },
): Promise<boolean> {
  const { rows } = await sql`
    insert into identity.saml_assertion (org_id, connection_id, assertion_id, usable_until)
    values (${assertion.orgId}, ${assertion.connectionId}, ${assertion.id}, ${assertion.usableUntil})
    on conflict do nothing returning assertion_id`.execute(tx);
  return rows.length > 0;
}

export async function findSubject(tx: Tx, connectionId: string, subject: string): Promise<string | undefined> {
  const { rows } = await sql<{ person_id: string }>`
    select person_id from identity.saml_subject where connection_id = ${connectionId} and subject = ${subject}`.execute(
    tx,
  );
  return rows[0]?.person_id;
}

export async function insertSubject(
  tx: Tx,
  one: { readonly orgId: string; readonly connectionId: string; readonly subject: string; readonly personId: string },
): Promise<void> {
  await sql`insert into identity.saml_subject (org_id, connection_id, subject, person_id)
    values (${one.orgId}, ${one.connectionId}, ${one.subject}, ${one.personId})`.execute(tx);
}

/** System role. */
export async function pruneSaml(tx: Tx, keep: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select identity.prune_saml(${keep}::interval) as n`.execute(tx);
  return rows[0]?.n ?? 0;
}
