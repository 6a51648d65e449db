-- Lock: none on existing tables; creates the schema models.

call platform.module_schema('models');

-- A call of a model: written with its hold before the provider is asked, completed with its settlement.
create table models.call (
  org_id text not null,
  id text not null,
  mode text not null check (mode in ('live', 'test')),
  key_id text not null,
  member_id text,
  agent_id text not null,
  -- The run that made it; null for a call by API.
  run_id text,
  hold_id text,
  request_id text not null,
  wire text not null,
  -- The model as it was asked for, and as it was used.
  requested text not null,
  model text not null,
  -- The customer's own key was used, so only the platform fee is charged.
  own_key boolean not null,
  streamed boolean not null,
  status text not null check (status in ('open', 'succeeded', 'failed', 'cancelled', 'lost')),
  cached boolean not null default false,
  channel_id text,
  attempts jsonb not null default '[]',
  price_id text,
  price_version int not null,
  input_tokens bigint not null default 0,
  cached_tokens bigint not null default 0,
  cache_write_tokens bigint not null default 0,
  -- Of those: kept for an hour.
  cache_write_long_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  reasoning_tokens bigint not null default 0,
  images bigint not null default 0,
  -- The provider did not say; we counted what was sent and delivered.
  counted boolean not null default false,
  hold_nanos bigint not null,
  cost_nanos bigint not null default 0,
  provider_cost_nanos bigint not null default 0,
  -- What the operator bears: use beyond the hold, or of a call nobody settled.
  loss_nanos bigint not null default 0,
  -- What an answer from the cache would have cost.
  saved_nanos bigint not null default 0,
  error_code text,
  first_token_ms int,
  created_at timestamptz not null,
  ended_at timestamptz,
  primary key (org_id, id)
) with (fillfactor = 60);
-- Ids sort by time, so the key serves lists too. A second index that begins with org_id would tempt the planner away from it.
create index call_by_run on models.call (org_id, run_id) where run_id is not null;
call platform.protect_tenant_table('models.call', 'select, insert, update');

-- An ended call never changes.
create function models.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'call % has ended', old.id using errcode = 'insufficient_privilege';
end $$;
create trigger ended_for_ever before update on models.call for each row when (old.status <> 'open') execute function models.refuse_change();

-- The whole bookkeeping of many calls in one statement and one commit: ends first, so that what they free can be taken by the begins.
-- p_ends: [{ org, id, hold, loss, use: { …metering.record_many }, row: the columns of models.call that the end sets }]; without `hold` the call
-- was never begun (an answer from the cache) and `row` is all of it. p_begins: [{ hold: { …ledger.take_holds }, row: columns of models.call,
-- room: the limits of models.judge_room, if there are any }]. Safe to repeat. Returns one row per element: kind 'end' with what was charged, or 'begin' with the answer to its hold.
create function models.book_calls(p_ends jsonb, p_begins jsonb)
  returns table (kind text, id text, outcome text, charged bigint, available bigint, budget jsonb, retry_seconds int) language plpgsql as $$
declare
  v_settled jsonb;
  v_taken jsonb;
  v_begins jsonb := p_begins;
  v_refused jsonb;
  v_days jsonb;
  v_changed jsonb;
  v_now timestamptz;
begin
  perform ledger.lock_calls(p_ends, p_begins);
  v_now := platform.now();
  if p_ends <> '[]' then
    select coalesce(jsonb_agg(to_jsonb(s)), '[]') into v_settled from ledger.settle_holds((
      select coalesce(jsonb_agg(jsonb_build_object('org', e.org, 'hold', e.hold, 'run', e.id, 'cost', e.use -> 'cost', 'loss', e.loss)), '[]')
      from jsonb_to_recordset(p_ends) e (org text, id text, hold text, loss bigint, use jsonb) where e.hold is not null)) s;
    perform metering.record_many((
      select coalesce(jsonb_agg(e.use || jsonb_build_object('cost', coalesce(s.charged, 0))), '[]')
      from jsonb_to_recordset(p_ends) e (hold text, use jsonb)
      left join jsonb_to_recordset(v_settled) s (hold text, outcome text, charged bigint) on s.hold = e.hold
      where e.hold is null or s.outcome = 'ok'));
    with ended as (
      update models.call c set status = r.status, channel_id = r.channel_id, attempts = r.attempts, model = r.model, price_id = r.price_id,
          input_tokens = r.input_tokens, cached_tokens = r.cached_tokens, cache_write_tokens = r.cache_write_tokens,
          cache_write_long_tokens = r.cache_write_long_tokens, output_tokens = r.output_tokens,
          reasoning_tokens = r.reasoning_tokens, images = r.images, counted = r.counted, cost_nanos = s.charged,
          provider_cost_nanos = r.provider_cost_nanos, loss_nanos = e.loss, saved_nanos = coalesce(r.saved_nanos, 0), error_code = r.error_code, first_token_ms = r.first_token_ms, ended_at = v_now
        from jsonb_to_recordset(p_ends) e (org text, id text, hold text, loss bigint, "row" jsonb)
        join jsonb_to_recordset(v_settled) s (hold text, outcome text, charged bigint) on s.hold = e.hold and s.outcome = 'ok'
        cross join lateral jsonb_populate_record(null::models.call, e."row") r
        cross join lateral (select x.ctid as at from models.call x where x.org_id = e.org and x.id = e.id offset 0) k
        where c.ctid = k.at and c.status = 'open'
        returning c.org_id, c.mode, c.room_day, case when c.own_key then 0 else c.tokens_max end as tokens_max,
          case when c.own_key then 0 else c.input_tokens + c.output_tokens end as tokens
    )
    select jsonb_agg(to_jsonb(e)) into v_changed from ended e where e.room_day is not null;
    if v_changed is not null then
      perform models.free_room(v_changed);
    end if;
    insert into models.call
      select r.* from jsonb_to_recordset(p_ends) e (hold text, "row" jsonb),
        lateral jsonb_populate_record(null::models.call, e."row" || jsonb_build_object('created_at', v_now, 'ended_at', v_now)) r
      where e.hold is null on conflict do nothing;
  end if;
  if p_begins <> '[]' then
    v_days := models.room_days(p_begins, v_now);
    if v_days is not null then
      select jsonb_agg(to_jsonb(j)) into v_refused from models.judge_room(p_begins, v_days, v_now) j;
    end if;
    if v_refused is not null then
      select coalesce(jsonb_agg(b.value order by b.ordinality), '[]') into v_begins from jsonb_array_elements(p_begins) with ordinality b
        where not exists (select from jsonb_to_recordset(v_refused) x (hold text) where x.hold = b.value -> 'hold' ->> 'hold');
    end if;
  end if;
  if v_begins <> '[]' then
    select jsonb_agg(to_jsonb(t)) into v_taken from ledger.take_holds((select jsonb_agg(b.hold) from jsonb_to_recordset(v_begins) b (hold jsonb))) t;
    with begun as (
      insert into models.call
        select r.* from jsonb_to_recordset(v_begins) b (hold jsonb, "row" jsonb, room jsonb)
        join jsonb_to_recordset(v_taken) t (hold text, outcome text) on t.hold = b.hold ->> 'hold' and t.outcome = 'ok',
          lateral jsonb_populate_record(null::models.call, b."row" || jsonb_build_object('created_at', v_now,
            'room_day', case when b.room is not null then v_days -> ((b.hold ->> 'org') || ' ' || (b.hold ->> 'mode')) end)) r
        on conflict do nothing returning org_id, mode, room_day, case when own_key then 0 else tokens_max end as tokens_max
    )
    select jsonb_agg(to_jsonb(b)) into v_changed from begun b where b.room_day is not null;
    if v_changed is not null then
      perform models.take_room(v_changed);
    end if;
  end if;
  return query
    select 'end', e.id, coalesce(s.outcome, 'ok'), coalesce(s.charged, 0), null::bigint, null::jsonb, null::int
      from jsonb_to_recordset(p_ends) e (id text, hold text) left join jsonb_to_recordset(v_settled) s (hold text, outcome text, charged bigint) on s.hold = e.hold
    union all
    select 'begin', b.hold ->> 'run', t.outcome, null, t.available, t.budget, t.retry_seconds
      from jsonb_to_recordset(p_begins) b (hold jsonb)
      join jsonb_to_recordset(coalesce(v_taken, '[]') || coalesce(v_refused, '[]')) t (hold text, outcome text, available bigint, budget jsonb, retry_seconds int)
        on t.hold = b.hold ->> 'hold';
end $$;

-- Takes back the hold of one call that nobody settled in time, and says so in its history. True when there was one to look at.
create function models.sweep_one() returns boolean language plpgsql as $$
declare
  v record;
  v_lost jsonb;
begin
  select * into v from ledger.sweep_one();
  if not found then
    return false;
  end if;
  if v.swept then
    with lost as (
      update models.call c set status = 'lost', loss_nanos = h.at_risk, ended_at = platform.now()
        from ledger.risk_of(v.org_id, v.hold) h (at_risk) where c.org_id = v.org_id and c.id = v.run and c.status = 'open'
        returning c.org_id, c.mode, c.room_day, case when c.own_key then 0 else c.tokens_max end as tokens_max, 0 as tokens
    )
    select jsonb_agg(to_jsonb(l)) into v_lost from lost l;
    perform models.free_room(v_lost);
  end if;
  return true;
end $$;

-- What history says of each call, for `ledger verify`.
create function models.costs_by_call(p_org text) returns table (id text, ended boolean, cost bigint) language sql stable as $$
  select c.id, c.status <> 'open', c.cost_nanos from models.call c where c.org_id = p_org
$$;

revoke all on all functions in schema models from public;
grant execute on all functions in schema models to guildhall_definer;
call platform.system_function('models.book_calls(jsonb, jsonb)');
-- A few dozen rows are reached by their place, whatever the planner thinks of the size of a table.
alter function models.book_calls set enable_seqscan = off;
alter function models.book_calls set enable_hashjoin = off;
alter function models.book_calls set enable_mergejoin = off;
call platform.system_function('models.sweep_one()');
call platform.system_function('models.costs_by_call(text)');
