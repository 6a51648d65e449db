/** The SQL of the private networks that the operator opened. */
import { sql, type Tx } from '../../../platform/db/index.ts';

/** Stores them; true when they are others than before. One start at a time: the row is locked until the transaction ends. */
export async function replaceNetworks(tx: Tx, networks: readonly string[]): Promise<boolean> {
  await sql`insert into ops.opened_networks (networks) values ('{}') on conflict do nothing`.execute(tx);
  const changed = await sql`
    update ops.opened_networks set networks = ${networks}::text[] where networks <> ${networks}::text[] returning 1`.execute(
    tx,
  );
  return changed.rows.length > 0;
}
