/** The SQL of limits that the operator set. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Override, Overrides } from './rules.ts';

interface Row {
  readonly name: string;
  readonly organisation: string;
  readonly max: number;
  readonly window_seconds: number;
}

export async function listOverrides(tx: Tx): Promise<Overrides> {
  const { rows } = await sql<Row>`
    select name, organisation, max, window_seconds from ops.rate_limit order by name, organisation`.execute(tx);
  const all = new Map<string, Map<string, Override>>();
  for (const row of rows) {
    const ofName = all.get(row.name) ?? new Map<string, Override>();
    all.set(row.name, ofName.set(row.organisation, { max: row.max, windowSeconds: row.window_seconds }));
  }
  return all;
}

/** Undefined takes it away. */
export async function putOverride(
  tx: Tx,
  { name, organisation }: { readonly name: string; readonly organisation: string },
  override: Override | undefined,
): Promise<void> {
  if (!override) {
    await sql`delete from ops.rate_limit where name = ${name} and organisation = ${organisation}`.execute(tx);
    return;
  }
  await sql`
    insert into ops.rate_limit (name, organisation, max, window_seconds)
    values (${name}, ${organisation}, ${override.max}, ${override.windowSeconds})
    on conflict (name, organisation) do update
      set max = excluded.max, window_seconds = excluded.window_seconds, updated_at = platform.now()`.execute(tx);
}
