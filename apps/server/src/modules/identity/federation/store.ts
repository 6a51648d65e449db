/** All SQL of federation. Sealed secrets leave it as they lie there. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Role } from '../types.ts';
import type { ConnectionCheck, Flow, IdentityLink, MappedRole, OidcConnection } from './types.ts';

/** System role: acts before anybody is known. */
export async function beginFlow(
  tx: Tx,
  flow: Omit<Flow, 'linksPerson'> & { readonly stateHash: Buffer; readonly linksPerson: string | undefined },
): Promise<void> {
  await sql`select identity.begin_flow(${flow.stateHash}, ${flow.browserHash}, ${flow.provider}, ${flow.linksPerson ?? null}, ${flow.returnTo})`.execute(
    tx,
  );
}

/** System role. Of two that come back with one state, one gets the flow. */
export async function takeFlow(tx: Tx, stateHash: Buffer): Promise<Flow | undefined> {
  const { rows } = await sql<{
    browser_hash: Buffer;
    provider: string;
    links_person: string | null;
    return_to: string;
  }>`select browser_hash, provider, links_person, return_to from identity.take_flow(${stateHash})`.execute(tx);
  const [row] = rows;
  return (
    row && {
      browserHash: row.browser_hash,
      provider: row.provider,
      linksPerson: row.links_person ?? undefined,
      returnTo: row.return_to,
    }
  );
}

/** System role. */
export async function findIdentity(
  tx: Tx,
  issuer: string,
  subject: string,
): Promise<{ readonly personId: string; readonly isDisabled: boolean } | undefined> {
  const { rows } = await sql<{ person_id: string; disabled: boolean }>`
    select person_id, disabled from identity.find_identity(${issuer}, ${subject})`.execute(tx);
  return rows[0] && { personId: rows[0].person_id, isDisabled: rows[0].disabled };
}

/** In the person's own transaction. @throws a unique violation (`identity_link_issuer_subject_key`) */
export async function insertLink(tx: Tx, personId: string, link: Omit<IdentityLink, 'createdAt'>): Promise<void> {
  await sql`
    insert into identity.identity_link (id, person_id, issuer, subject, provider, email)
    values (${link.id}, ${personId}, ${link.issuer}, ${link.subject}, ${link.provider}, ${link.email ?? null})`.execute(
    tx,
  );
}

/** In the person's own transaction, oldest first. */
export async function listLinks(tx: Tx): Promise<IdentityLink[]> {
  const { rows } = await sql<{
    id: string;
    provider: string;
    issuer: string;
    subject: string;
    email: string | null;
    created_at: Date;
  }>`select id, provider, issuer, subject, email, created_at from identity.identity_link order by id`.execute(tx);
  return rows.map((row) => ({
    id: row.id,
    provider: row.provider,
    issuer: row.issuer,
    subject: row.subject,
    email: row.email ?? undefined,
    createdAt: row.created_at,
  }));
}

/** In the person's own transaction. */
export async function deleteLink(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`delete from identity.identity_link where id = ${id} returning id`.execute(tx);
  return rows.length > 0;
}

/** System role: the organisation whose connection a person must come through, and what they are there. */
export async function findSsoDemand(
  tx: Tx,
  personId: string,
): Promise<{ readonly orgId: string; readonly role: Role | undefined } | undefined> {
  const { rows } = await sql<{ org_id: string; role: Role | null }>`
    select org_id, role from identity.sso_demanded_of(${personId})`.execute(tx);
  return rows[0] && { orgId: rows[0].org_id, role: rows[0].role ?? undefined };
}

/** System role: whether this address would take a person out of the domains of that organisation. */
export async function leavesSso(tx: Tx, personId: string, emailFolded: string): Promise<boolean> {
  const { rows } = await sql<{ leaves: boolean }>`
    select identity.leaves_sso(${personId}, ${emailFolded}) as leaves`.execute(tx);
  return rows[0]?.leaves ?? false;
}

/** System role: whether a session is closed to this organisation once it asks for its own provider. */
export async function isOutside(tx: Tx, sessionId: string, orgId: string): Promise<boolean> {
  const { rows } = await sql`select from identity.outside_of_sso(${sessionId}) o where o.org_id = ${orgId}`.execute(tx);
  return rows.length > 0;
}

interface ConnectionRow {
  readonly id: string;
  readonly org_id: string;
  readonly name: string;
  readonly issuer: string;
  readonly client_id: string;
  readonly sealed: Buffer;
  readonly default_role: MappedRole;
  readonly role_claim: string | null;
  readonly role_by_value: Record<string, MappedRole>;
  readonly enabled: boolean;
  readonly last_check: ConnectionCheck;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const fromRow = (row: ConnectionRow): OidcConnection => ({
  id: row.id,
  orgId: row.org_id,
  name: row.name,
  issuer: row.issuer,
  clientId: row.client_id,
  sealed: row.sealed,
  defaultRole: row.default_role,
  roleClaim: row.role_claim ?? undefined,
  roleByValue: row.role_by_value,
  isEnabled: row.enabled,
  lastCheck: row.last_check,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('the statement gave no row');
  return row;
}

/** Oldest first. */
export async function listConnections(tx: Tx): Promise<OidcConnection[]> {
  const { rows } = await sql<ConnectionRow>`select * from identity.oidc_connection order by id`.execute(tx);
  return rows.map(fromRow);
}

export async function findConnection(tx: Tx, id: string): Promise<OidcConnection | undefined> {
  const { rows } = await sql<ConnectionRow>`select * from identity.oidc_connection where id = ${id}`.execute(tx);
  return rows[0] && fromRow(rows[0]);
}

/** Inserts, or replaces all but the time of making. */
export async function putConnection(
  tx: Tx,
  connection: Omit<OidcConnection, 'createdAt' | 'updatedAt'>,
): Promise<OidcConnection> {
  const { rows } = await sql<ConnectionRow>`
    insert into identity.oidc_connection as c (id, org_id, name, issuer, client_id, sealed, default_role, role_claim, role_by_value, enabled,
        last_check)
    values (${connection.id}, ${connection.orgId}, ${connection.name}, ${connection.issuer}, ${connection.clientId}, ${connection.sealed},
        ${connection.defaultRole}, ${connection.roleClaim ?? null}, ${JSON.stringify(connection.roleByValue)}::jsonb, ${connection.isEnabled},
        ${JSON.stringify(connection.lastCheck)}::jsonb)
    on conflict (id) do update set name = excluded.name, issuer = excluded.issuer, client_id = excluded.client_id, sealed = excluded.sealed,
        default_role = excluded.default_role, role_claim = excluded.role_claim, role_by_value = excluded.role_by_value,
        enabled = excluded.enabled, last_check = excluded.last_check, updated_at = platform.now()
    returning c.*`.execute(tx);
  return fromRow(only(rows));
}

export async function deleteConnection(tx: Tx, id: string): Promise<void> {
  await sql`delete from identity.oidc_connection where id = ${id}`.execute(tx);
}

/** System role: the organisation of an enabled connection. */
export async function findConnectionOrganisation(tx: Tx, id: string): Promise<string | undefined> {
  const { rows } = await sql<{ org_id: string }>`select org_id from identity.find_oidc_connection(${id})`.execute(tx);
  return rows[0]?.org_id;
}

export async function isSsoRequired(tx: Tx, orgId: string): Promise<boolean> {
  const { rows } = await sql<{ required: boolean }>`
    select sso_required as required from identity.organisation where org_id = ${orgId}`.execute(tx);
  return only(rows).required;
}

export async function setSsoRequired(tx: Tx, orgId: string, isRequired: boolean): Promise<void> {
  await sql`update identity.organisation set sso_required = ${isRequired} where org_id = ${orgId}`.execute(tx);
}
