/** The SQL of the hosts that may be called on behalf of an organisation. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Erased } from '../../../platform/erasure/index.ts';

/** Undefined where the organisation has no list. */
export async function findHosts(tx: Tx): Promise<readonly string[] | undefined> {
  const found = await sql<{ hosts: string[] }>`
    select hosts from ops.egress_hosts where org_id = platform.current_org()`.execute(tx);
  return found.rows[0]?.hosts;
}

/** Undefined takes the list away. */
export async function putHosts(tx: Tx, hosts: readonly string[] | undefined): Promise<void> {
  if (!hosts) {
    await sql`delete from ops.egress_hosts where org_id = platform.current_org()`.execute(tx);
    return;
  }
  await sql`
    insert into ops.egress_hosts (org_id, hosts) values (platform.current_org(), ${hosts}::text[])
    on conflict (org_id) do update set hosts = excluded.hosts, updated_at = platform.now()`.execute(tx);
}

/** For `eraser`. */
export const eraseStatement = (orgId: string, limit: number) =>
  sql<Erased>`select ops.erase(${orgId}, ${limit}::int) as more`;
