-- Lock: none on existing tables; creates the schema models.

call platform.module_schema('models');

create domain models.mode as text check (value in ('live', 'test'));
create domain models.call_status as text check (value in ('open', 'succeeded', 'failed', 'cancelled', 'lost'));

-- A call of a model: written with its hold before the provider is asked, completed with its settlement.
create table models.call (
  org_id text not null,
  id text not null,
  mode models.mode not null,
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
  status models.call_status not null,
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
-- room: { tokensPerDay, callsAtOnce }, if there are any }]. Safe to repeat. Returns one row per element: kind 'end' with what was charged, or
-- 'begin' with the answer to its hold or what it found no room for.
create function models.book_calls(p_ends jsonb, p_begins jsonb)
  returns table (kind text, id text, outcome text, charged bigint, available bigint, budget jsonb, retry_seconds int) language plpgsql as $$
declare
  e record;
  c record;
  v_answers jsonb;
  v_uses jsonb[] := '{}';
  v_rows jsonb[] := '{}';
  v_hits jsonb[] := '{}';
  v_ended jsonb[] := '{}';
  v_holds jsonb[] := '{}';
  v_at tid[] := '{}';
  v_days jsonb := '{}';
  v_now timestamptz;
begin
  perform ledger.lock_calls(p_ends, p_begins);
  v_now := platform.now();
  if p_ends <> '[]' then
    select coalesce(jsonb_object_agg(s.hold, to_jsonb(s)), '{}') into v_answers from ledger.settle_holds((
      select coalesce(jsonb_agg(jsonb_build_object('org', x.org, 'hold', x.hold, 'run', x.id, 'cost', x.use -> 'cost', 'loss', x.loss)), '[]')
      from jsonb_to_recordset(p_ends) x (org text, id text, hold text, loss bigint, use jsonb) where x.hold is not null)) s;
    for e in select x.* from jsonb_to_recordset(p_ends) x (org text, id text, hold text, loss bigint, use jsonb, "row" jsonb) loop
      kind := 'end';
      id := e.id;
      outcome := coalesce(v_answers -> e.hold ->> 'outcome', 'ok');
      charged := coalesce((v_answers -> e.hold ->> 'charged')::bigint, 0);
      if e.hold is null then
        v_hits := array_append(v_hits, e."row");
      elsif outcome = 'ok' then
        select x.ctid as at, x.mode, x.room_day, x.own_key, x.tokens_max into c from models.call x where x.org_id = e.org and x.id = e.id and x.status = 'open';
        if found then
          v_at := array_append(v_at, c.at);
          v_rows := array_append(v_rows, e."row" || jsonb_build_object('id', e.id, 'cost_nanos', charged, 'loss_nanos', e.loss));
          if c.room_day is not null then
            v_ended := array_append(v_ended, jsonb_build_object('org', e.org, 'mode', c.mode, 'day', c.room_day, 'reserved', case when c.own_key then 0 else c.tokens_max end,
              'used', case when c.own_key then 0 else (e."row" ->> 'input_tokens')::bigint + (e."row" ->> 'output_tokens')::bigint end));
          end if;
        end if;
      end if;
      if outcome = 'ok' then
        v_uses := array_append(v_uses, e.use || jsonb_build_object('cost', charged));
      end if;
      return next;
    end loop;
    if v_rows <> '{}' then
      update models.call x set status = r.status, channel_id = r.channel_id, attempts = r.attempts, model = r.model, price_id = r.price_id,
          input_tokens = r.input_tokens, cached_tokens = r.cached_tokens, cache_write_tokens = r.cache_write_tokens,
          cache_write_long_tokens = r.cache_write_long_tokens, output_tokens = r.output_tokens, reasoning_tokens = r.reasoning_tokens,
          images = r.images, counted = r.counted, cost_nanos = r.cost_nanos, provider_cost_nanos = r.provider_cost_nanos, loss_nanos = r.loss_nanos,
          saved_nanos = coalesce(r.saved_nanos, 0), error_code = r.error_code, first_token_ms = r.first_token_ms, ended_at = v_now
        from unnest(v_rows) b ("row"), lateral jsonb_populate_record(null::models.call, b."row") r
        where x.ctid = any (v_at) and x.id = r.id;
    end if;
    if v_ended <> '{}' then
      perform models.free_room(v_ended);
    end if;
    if v_hits <> '{}' then
      insert into models.call
        select r.* from unnest(v_hits) b ("row"), lateral jsonb_populate_record(null::models.call, b."row" || jsonb_build_object('created_at', v_now, 'ended_at', v_now)) r
        on conflict do nothing;
    end if;
    perform metering.record_many(to_jsonb(v_uses));
  end if;
  if p_begins <> '[]' then
    kind := 'begin';
    charged := null;
    for e in
      select x.hold, x.hold ->> 'run' as call, x.hold ->> 'org' as org, x.hold ->> 'mode' as mode, x.room, (x."row" ->> 'own_key')::boolean as own_key,
        (x."row" ->> 'tokens_max')::bigint as tokens from jsonb_to_recordset(p_begins) x (hold jsonb, "row" jsonb, room jsonb)
    loop
      -- A call that has begun before has its room.
      if e.room is not null and not exists (select from models.call x where x.org_id = e.org and x.id = e.call) then
        c := models.take_room(e.org, e.mode, case when e.own_key then 0 else e.tokens end, e.room, v_now);
        if c.outcome <> 'ok' then
          id := e.call;
          outcome := c.outcome;
          available := c.available;
          retry_seconds := c.retry_seconds;
          return next;
          continue;
        end if;
        v_days := v_days || jsonb_build_object(e.call, c.day);
      end if;
      v_holds := array_append(v_holds, e.hold);
    end loop;
    retry_seconds := null;
    v_rows := '{}';
    v_ended := '{}';
    select jsonb_object_agg(t.hold, to_jsonb(t)) into v_answers from ledger.take_holds(to_jsonb(v_holds)) t;
    for e in select x.hold ->> 'run' as call, x.hold ->> 'org' as org, x.hold ->> 'mode' as mode, v_answers -> (x.hold ->> 'hold') as answer, x."row"
      from jsonb_to_recordset(p_begins) x (hold jsonb, "row" jsonb) where v_answers ? (x.hold ->> 'hold')
    loop
      id := e.call;
      outcome := e.answer ->> 'outcome';
      available := (e.answer ->> 'available')::bigint;
      budget := nullif(e.answer -> 'budget', 'null');
      if outcome = 'ok' then
        v_rows := array_append(v_rows, e."row" || jsonb_build_object('created_at', v_now, 'room_day', v_days -> e.call));
      elsif v_days ? e.call then
        v_ended := array_append(v_ended, jsonb_build_object('org', e.org, 'mode', e.mode, 'day', v_days -> e.call,
          'reserved', case when (e."row" ->> 'own_key')::boolean then 0 else (e."row" ->> 'tokens_max')::bigint end, 'used', 0));
      end if;
      return next;
    end loop;
    if v_rows <> '{}' then
      insert into models.call select r.* from unnest(v_rows) b ("row"), lateral jsonb_populate_record(null::models.call, b."row") r on conflict do nothing;
    end if;
    if v_ended <> '{}' then
      perform models.free_room(v_ended);
    end if;
  end if;
end $$;

-- Takes back the hold of one call that nobody settled in time, and says so in its history. True when there was one to look at.
create function models.sweep_one() returns boolean language plpgsql as $$
declare
  v record;
  c record;
begin
  select * into v from ledger.sweep_one();
  if not found then
    return false;
  end if;
  if v.swept then
    update models.call x set status = 'lost', loss_nanos = ledger.risk_of(v.org_id, v.hold), ended_at = platform.now()
      where x.org_id = v.org_id and x.id = v.run and x.status = 'open' returning x.mode, x.room_day, x.own_key, x.tokens_max into c;
    if found and c.room_day is not null then
      perform models.free_room(array[jsonb_build_object('org', v.org_id, 'mode', c.mode, 'day', c.room_day,
        'reserved', case when c.own_key then 0 else c.tokens_max end, 'used', 0)]);
    end if;
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
-- Rows are reached by key or place. A plan that was made while the tables were small must not read them whole when they have grown.
alter function models.book_calls set enable_seqscan = off;
call platform.system_function('models.sweep_one()');
call platform.system_function('models.costs_by_call(text)');
