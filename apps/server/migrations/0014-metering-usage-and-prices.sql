-- Lock: none on existing tables; creates the schema metering.

call platform.module_schema('metering');

-- A usage record's identity, kept for ever. Its time is no part of it: the same id under another stamp is the same use.
create table metering.identity (
  org_id text not null,
  source text not null,
  id text not null,
  content_hash bytea not null,
  -- Which partition the record went to.
  occurred_at timestamptz not null,
  primary key (org_id, source, id)
);
call platform.protect_tenant_table('metering.identity', 'select, insert');

create domain metering.mode as text check (value in ('live', 'test'));

create table metering.usage (
  org_id text not null,
  source text not null,
  id text not null,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  mode metering.mode not null,
  run_id text not null,
  agent_id text not null,
  key_id text,
  member_id text,
  tier text not null,
  model text,
  price_version int not null,
  runs bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cost_nanos bigint not null,
  provider_cost_nanos bigint not null,
  -- The record that this one takes back.
  reverses text,
  primary key (org_id, occurred_at, source, id)
) partition by range (occurred_at);
call platform.protect_tenant_table('metering.usage', 'select, insert');
revoke update, delete on metering.usage, metering.identity from guildhall_definer;
create index usage_run on metering.usage (org_id, run_id);
alter table metering.usage owner to guildhall_definer;

create function metering.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '%.% is append-only', tg_table_schema, tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on metering.identity
  for each statement execute function metering.refuse_change();
create trigger append_only before update or delete or truncate on metering.usage
  for each statement execute function metering.refuse_change();

-- Makes the monthly partitions from two months back (late records) to three months ahead; returns how many were new. There is no
-- default partition: a record outside of them is refused aloud. Attaching, unlike creating in place, does not block writers.
create function metering.ensure_partitions() returns int language plpgsql as $$
declare
  v_month timestamp := date_trunc('month', platform.now() at time zone 'UTC');
  v_from timestamp;
  v_name text;
  v_made int := 0;
begin
  perform pg_advisory_xact_lock(4871226012);
  for i in -2 .. 3 loop
    v_from := v_month + make_interval(months => i);
    v_name := 'usage_' || to_char(v_from, 'YYYY_MM');
    continue when to_regclass('metering.' || v_name) is not null;
    execute format('create table metering.%I (like metering.usage including defaults including constraints)', v_name);
    execute format('alter table metering.%I enable row level security', v_name);
    execute format('alter table metering.%I force row level security', v_name);
    execute format('create policy tenant on metering.%I using (org_id = platform.current_org()) with check (org_id = platform.current_org())', v_name);
    execute format('create trigger append_only before update or delete or truncate on metering.%I for each statement execute function metering.refuse_change()', v_name);
    execute format('alter table metering.usage attach partition metering.%I for values from (%L) to (%L)', v_name,
      v_from at time zone 'UTC', (v_from + interval '1 month') at time zone 'UTC');
    v_made := v_made + 1;
  end loop;
  return v_made;
end $$;

-- Records one use: 'recorded', 'same' (this id with this content is there already), or 'conflict' (with other content).
create function metering.record(
  p_org text, p_source text, p_id text, p_occurred_at timestamptz, p_mode text, p_run text, p_agent text, p_key text, p_member text,
  p_tier text, p_model text, p_price_version int, p_runs bigint, p_input_tokens bigint, p_output_tokens bigint, p_cost bigint,
  p_provider_cost bigint, p_reverses text
) returns text language plpgsql as $$
declare
  v_hash bytea := sha256(convert_to(jsonb_build_array(p_mode, p_run, p_agent, p_key, p_member, p_tier, p_model, p_price_version, p_runs,
    p_input_tokens, p_output_tokens, p_cost, p_provider_cost, p_reverses)::text, 'UTF8'));
  v_now timestamptz := platform.now();
begin
  insert into metering.identity (org_id, source, id, content_hash, occurred_at)
    values (p_org, p_source, p_id, v_hash, coalesce(p_occurred_at, v_now)) on conflict do nothing;
  if not found then
    return (select case when i.content_hash = v_hash then 'same' else 'conflict' end
      from metering.identity i where i.org_id = p_org and i.source = p_source and i.id = p_id);
  end if;
  insert into metering.usage values (p_org, p_source, p_id, coalesce(p_occurred_at, v_now), v_now, p_mode, p_run, p_agent, p_key, p_member,
    p_tier, p_model, p_price_version, p_runs, p_input_tokens, p_output_tokens, p_cost, p_provider_cost, p_reverses);
  return 'recorded';
end $$;

-- Takes a record back by a negative one, at the time of the original so that the same period is corrected. Adds the outcome 'missing'.
create function metering.reverse(p_org text, p_source text, p_id text, p_new_id text) returns text language plpgsql as $$
declare
  u metering.usage;
begin
  select x.* into u from metering.identity i
    join metering.usage x on x.org_id = i.org_id and x.occurred_at = i.occurred_at and x.source = i.source and x.id = i.id
    where i.org_id = p_org and i.source = p_source and i.id = p_id;
  if not found then
    return 'missing';
  end if;
  return metering.record(p_org, p_source, p_new_id, u.occurred_at, u.mode, u.run_id, u.agent_id, u.key_id, u.member_id, u.tier, u.model,
    u.price_version, -u.runs, -u.input_tokens, -u.output_tokens, -u.cost_nanos, -u.provider_cost_nanos, p_id);
end $$;

-- What the usage records of each run add up to.
create function metering.costs_by_run(p_org text) returns table (run_id text, cost bigint, records bigint) language sql stable as $$
  select u.run_id, sum(u.cost_nanos)::bigint, count(*) from metering.usage u where u.org_id = p_org group by u.run_id
$$;

-- Rows of `usage` without an identity, twice under one identity, or missing for one.
create function metering.differences(p_org text) returns table (code text, object text, expected text, found text) language sql stable as $$
  with rows as (select u.source, u.id, count(*) as n from metering.usage u where u.org_id = p_org group by u.source, u.id)
  select case when coalesce(r.n, 0) = 0 then 'usage.missing' when i.id is null then 'usage.unknown' else 'usage.duplicate' end,
    coalesce(i.source || '/' || i.id, r.source || '/' || r.id), case when i.id is null then '0' else '1' end, coalesce(r.n, 0)::text
  from (select * from metering.identity x where x.org_id = p_org) i full join rows r on r.source = i.source and r.id = i.id
  where coalesce(r.n, 0) <> 1 or i.id is null
$$;

create table metering.price_version (
  version int primary key,
  effective_from timestamptz not null,
  -- What the customer pays above the provider's price for model use beyond the included tokens, in hundredths of a per cent.
  markup_basis_points int not null check (markup_basis_points >= 0),
  default_tier text not null,
  note text not null
);
-- Null in a limit: the customer's own, or none.
create table metering.tier (
  version int not null references metering.price_version,
  id text not null,
  position int not null,
  base_nanos bigint not null check (base_nanos >= 0),
  model_class text not null,
  included_tokens int,
  output_tokens_max int,
  requests_per_minute int not null,
  runs_per_hour int not null,
  concurrent_runs int not null,
  tokens_per_day bigint,
  primary key (version, id)
);
create table metering.agent_price (
  version int not null,
  agent_id text not null,
  tier_id text not null,
  base_nanos bigint not null check (base_nanos >= 0),
  primary key (version, agent_id, tier_id),
  foreign key (version, tier_id) references metering.tier
);
create trigger append_only before update or delete or truncate on metering.price_version
  for each statement execute function metering.refuse_change();
create trigger append_only before update or delete or truncate on metering.tier
  for each statement execute function metering.refuse_change();
create trigger append_only before update or delete or truncate on metering.agent_price
  for each statement execute function metering.refuse_change();
grant select on metering.price_version, metering.tier, metering.agent_price to guildhall_app;
grant select, insert on metering.price_version, metering.tier, metering.agent_price to guildhall_definer;

insert into metering.price_version values (1, '2020-01-01 00:00:00+00', 1400, 'standard', 'opening price card');
insert into metering.tier values
  (1, 'solo', 1, 5000000, 'small', 5000, 2048, 20, 60, 1, 100000),
  (1, 'basic', 2, 9500000, 'small', 10000, 4096, 60, 200, 2, 500000),
  (1, 'silver', 3, 38000000, 'medium', 15000, 6144, 120, 500, 5, 2000000),
  (1, 'standard', 4, 47500000, 'medium', 20000, 8192, 300, 1000, 10, 10000000),
  (1, 'premium', 5, 76000000, 'large', 25000, 16384, 600, 2000, 20, 25000000),
  (1, 'elite', 6, 237500000, 'largest', 30000, 32768, 1200, 5000, 50, 100000000),
  (1, 'byok', 7, 2000000, 'own', null, null, 1200, 5000, 100, null);

-- Publishes the next version: a whole new price card, in force from p_from on. Returns its number.
create function metering.publish_prices(p_from timestamptz, p_markup int, p_default_tier text, p_note text, p_tiers jsonb, p_agents jsonb)
  returns int language plpgsql as $$
declare
  v_version int;
begin
  perform pg_advisory_xact_lock(4871226013);
  select max(version) + 1 into v_version from metering.price_version;
  insert into metering.price_version values (v_version, p_from, p_markup, p_default_tier, p_note);
  insert into metering.tier
    select v_version, t.id, t.position, t.base_nanos, t.model_class, t.included_tokens, t.output_tokens_max, t.requests_per_minute,
      t.runs_per_hour, t.concurrent_runs, t.tokens_per_day
    from jsonb_populate_recordset(null::metering.tier, p_tiers) t;
  insert into metering.agent_price
    select v_version, a.agent_id, a.tier_id, a.base_nanos from jsonb_populate_recordset(null::metering.agent_price, p_agents) a;
  return v_version;
end $$;

-- One version with its tiers as JSON, so that a reader gets a whole card from one snapshot: p_version, else the one in force now.
create function metering.price_card(p_version int) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'version', v.version, 'effectiveFrom', v.effective_from, 'markupBasisPoints', v.markup_basis_points, 'defaultTier', v.default_tier, 'note', v.note,
    'tiers', (select jsonb_agg(jsonb_build_object('id', t.id, 'baseNanos', t.base_nanos::text, 'modelClass', t.model_class,
        'includedTokens', t.included_tokens, 'outputTokensMax', t.output_tokens_max, 'requestsPerMinute', t.requests_per_minute,
        'runsPerHour', t.runs_per_hour, 'concurrentRuns', t.concurrent_runs, 'tokensPerDay', t.tokens_per_day) order by t.position)
      from metering.tier t where t.version = v.version),
    'agentPrices', coalesce((select jsonb_agg(jsonb_build_object('agentId', a.agent_id, 'tierId', a.tier_id, 'baseNanos', a.base_nanos::text))
      from metering.agent_price a where a.version = v.version), '[]'))
  from metering.price_version v
  where case when p_version is null then v.effective_from <= platform.now() else v.version = p_version end
  order by v.effective_from desc, v.version desc limit 1
$$;

revoke all on all functions in schema metering from public;
grant execute on all functions in schema metering to guildhall_definer;
grant execute on function metering.record, metering.reverse, metering.price_card to guildhall_app;
call platform.system_function('metering.ensure_partitions()');
call platform.system_function('metering.costs_by_run(text)');
call platform.system_function('metering.differences(text)');
call platform.system_function('metering.publish_prices(timestamptz, int, text, text, jsonb, jsonb)');
select metering.ensure_partitions();
