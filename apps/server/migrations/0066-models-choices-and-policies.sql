-- Lock: none on existing tables; creates tables of models.

-- The operator's lists of models, by class or tier; what has none here has the list that comes with the program.
create table models.choice (
  name text primary key,
  -- [{ "model": "openai/gpt-5.4-mini", "weight": 1 }], the order of the fallbacks.
  models jsonb not null check (jsonb_typeof(models) = 'array' and jsonb_array_length(models) > 0),
  updated_at timestamptz not null default platform.now()
);
grant select, insert, update, delete on models.choice to guildhall_app;

-- What an organisation allows of models and providers. No row: everything.
create table models.policy (
  org_id text primary key,
  -- Null: any.
  regions text[],
  refuse_data_retention boolean not null,
  may_fall_back boolean not null,
  -- Null: all.
  allowed_models text[],
  updated_at timestamptz not null default platform.now()
);
call platform.protect_tenant_table('models.policy', 'select, insert, update');
