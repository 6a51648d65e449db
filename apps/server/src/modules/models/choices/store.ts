/** The SQL of lists of models and of policies. */
import type { ModelPolicy } from '@guildhall/contract';
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { WeightedModel } from './defaults.ts';

export async function listChoices(tx: Tx): Promise<ReadonlyMap<string, readonly WeightedModel[]>> {
  const found = await sql<{ name: string; models: WeightedModel[] }>`
    select name, models from models.choice order by name`.execute(tx);
  return new Map(found.rows.map(({ name, models }) => [name, models]));
}

/** Undefined takes the list away. */
export async function putChoice(tx: Tx, name: string, models: readonly WeightedModel[] | undefined): Promise<void> {
  if (!models) {
    await sql`delete from models.choice where name = ${name}`.execute(tx);
    return;
  }
  await sql`
    insert into models.choice (name, models) values (${name}, ${JSON.stringify(models)}::jsonb)
    on conflict (name) do update set models = excluded.models, updated_at = platform.now()`.execute(tx);
}

interface PolicyRow {
  readonly regions: string[] | null;
  readonly refuse_data_retention: boolean;
  readonly may_fall_back: boolean;
  readonly allowed_models: string[] | null;
}

/** Undefined where the organisation has set none. */
export async function findPolicy(tx: Tx): Promise<ModelPolicy | undefined> {
  const found = await sql<PolicyRow>`
    select regions, refuse_data_retention, may_fall_back, allowed_models from models.policy
    where org_id = platform.current_org()`.execute(tx);
  const row = found.rows[0];
  return (
    row && {
      refuseDataRetention: row.refuse_data_retention,
      mayFallBack: row.may_fall_back,
      ...(row.regions ? { regions: row.regions } : {}),
      ...(row.allowed_models ? { allowedModels: row.allowed_models } : {}),
    }
  );
}

export async function putPolicy(tx: Tx, policy: ModelPolicy): Promise<void> {
  const { regions, refuseDataRetention, mayFallBack, allowedModels } = policy;
  await sql`
    insert into models.policy (org_id, regions, refuse_data_retention, may_fall_back, allowed_models)
    values (platform.current_org(), ${regions ?? null}::text[], ${refuseDataRetention}, ${mayFallBack}, ${allowedModels ?? null}::text[])
    on conflict (org_id) do update set regions = excluded.regions, refuse_data_retention = excluded.refuse_data_retention,
      may_fall_back = excluded.may_fall_back, allowed_models = excluded.allowed_models, updated_at = platform.now()`.execute(
    tx,
  );
}
