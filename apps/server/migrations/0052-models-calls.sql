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
  -- The day of its room that a call by API counts in; null: it is not counted.
  room_day date,
  created_at timestamptz not null,
  ended_at timestamptz,
  primary key (org_id, id)
) with (fillfactor = 60);
-- Ids sort by time, so the key serves lists too. A second index that begins with org_id would tempt the planner away from it.
create index call_by_run on models.call (org_id, run_id) where run_id is not null;
call platform.protect_tenant_table('models.call', 'select, insert, update');

-- The room that a tier gives to calls of models: so many at once, and so many tokens a day. Both are sold, so they are counted in a logged table, in
-- the statement that takes the holds, under the money lock of the same book (which comes first) and therefore exactly: what a call may
-- come to is reserved when it begins and replaced by what it used when it ends. Calls of runs are bounded by their run instead, and tokens of
-- a provider that the customer pays are not counted.
create table models.room (
  org_id text not null,
  mode text not null,
  -- Calls that have begun and not ended.
  open platform.count not null default 0,
  -- The UTC day by the database's clock whose tokens these are; never goes back. A call belongs to the day on which it began.
  day date not null,
  used platform.amount not null default 0,
  reserved platform.amount not null default 0,
  primary key (org_id, mode)
) with (fillfactor = 50);
call platform.protect_tenant_table('models.room', 'select');

-- An ended call never changes.
create function models.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'call % has ended', old.id using errcode = 'insufficient_privilege';
end $$;
create trigger ended_for_ever before update on models.call for each row when (old.status <> 'open') execute function models.refuse_change();

-- The whole bookkeeping of many calls in one statement and one commit. Books [{ org, mode, ends, hits, begins }] come sorted as ledger.lock_books asks.
-- Of each book the ends come first, so that what they free can be taken by the begins, which are decided in their order:
--   ends    what settles a hold and completes its call; `cost` is charged as far as the hold reaches
--   hits    calls that were answered from the cache and never begun
--   begins  a hold with its call; `room` { callsAtOnce, tokensPerDay } where the tier limits them, and `tokens` is what it may come to
-- Safe to repeat. Returns one row per element: kind 'end' with what was charged, or 'begin' with the answer to its hold or what it found no room for.
create function models.book_calls(p_books jsonb)
  returns table (kind text, id text, outcome text, charged bigint, available bigint, budget jsonb, retry_seconds int) language plpgsql as $$
declare
  b jsonb;
  e jsonb;
  c record;
  r models.room;
  v_org text;
  v_mode text;
  v_today date;
  v_day date;
  v_tokens bigint;
  v_open int;
  v_used bigint;
  v_reserved bigint;
  v_elements jsonb[];
  v_uses jsonb[];
  v_days date[];
  v_answers jsonb[];
  v_now timestamptz;
begin
  perform ledger.lock_books(p_books);
  v_now := platform.now();
  for i in 0 .. jsonb_array_length(p_books) - 1 loop
    b := p_books -> i;
    v_org := b ->> 'org';
    v_mode := b ->> 'mode';
    -- The room on the day that counts now. The money lock guards it, so it is read and written once.
    select * into r from models.room x where x.org_id = v_org and x.mode = v_mode;
    v_today := greatest((v_now at time zone 'UTC')::date, r.day);
    v_open := coalesce(r.open, 0);
    v_used := case when r.day = v_today then r.used else 0 end;
    v_reserved := case when r.day = v_today then r.reserved else 0 end;

    v_uses := '{}';
    if jsonb_array_length(b -> 'ends') > 0 then
      kind := 'end';
      v_elements := array(select jsonb_array_elements(b -> 'ends'));
      v_answers := ledger.settle_holds(v_org, v_mode, v_elements);
      for k in 1 .. cardinality(v_elements) loop
        e := v_elements[k];
        id := e ->> 'run';
        outcome := v_answers[k] ->> 'outcome';
        charged := v_answers[k] ->> 'charged';
        if outcome = 'ok' then
          update models.call x set status = e ->> 'status', channel_id = e ->> 'channel_id', attempts = e -> 'attempts', model = e ->> 'model', price_id = e ->> 'price_id',
              input_tokens = (e ->> 'input')::bigint, cached_tokens = (e ->> 'cached')::bigint, cache_write_tokens = (e ->> 'cache_write')::bigint,
              cache_write_long_tokens = (e ->> 'cache_write_long')::bigint, output_tokens = (e ->> 'output')::bigint, reasoning_tokens = (e ->> 'reasoning')::bigint,
              images = (e ->> 'images')::bigint, counted = (e ->> 'counted')::boolean, cost_nanos = book_calls.charged, provider_cost_nanos = (e ->> 'provider_cost')::bigint,
              loss_nanos = (e ->> 'loss')::bigint, saved_nanos = (e ->> 'saved')::bigint, error_code = e ->> 'error_code', first_token_ms = (e ->> 'first_token_ms')::int,
              ended_at = v_now
            where x.org_id = v_org and x.id = e ->> 'run' and x.status = 'open'
            returning x.room_day, x.own_key, x.tokens_max into c;
          if found and c.room_day is not null then
            v_open := v_open - 1;
            if c.room_day = v_today and not c.own_key then
              v_reserved := v_reserved - c.tokens_max;
              v_used := v_used + (e ->> 'input')::bigint + (e ->> 'output')::bigint;
            end if;
          end if;
          v_uses := array_append(v_uses, e || jsonb_build_object('id', e ->> 'run', 'cost', v_answers[k] -> 'charged'));
        end if;
        return next;
      end loop;
    end if;

    for k in 0 .. jsonb_array_length(b -> 'hits') - 1 loop
      e := b -> 'hits' -> k;
      insert into models.call (org_id, id, mode, key_id, member_id, agent_id, request_id, wire, requested, model, own_key, streamed, status, cached, price_id, price_version,
          input_tokens, cached_tokens, cache_write_tokens, cache_write_long_tokens, output_tokens, reasoning_tokens, images, counted, hold_nanos, saved_nanos, created_at, ended_at)
        values (v_org, e ->> 'id', v_mode, e ->> 'key', e ->> 'member', e ->> 'agent', e ->> 'request_id', e ->> 'wire', e ->> 'requested', e ->> 'model', (e ->> 'own_key')::boolean,
          (e ->> 'streamed')::boolean, 'succeeded', true, e ->> 'price_id', (e ->> 'price_version')::int, (e ->> 'input')::bigint, (e ->> 'cached')::bigint,
          (e ->> 'cache_write')::bigint, (e ->> 'cache_write_long')::bigint, (e ->> 'output')::bigint, (e ->> 'reasoning')::bigint, (e ->> 'images')::bigint,
          (e ->> 'counted')::boolean, 0, (e ->> 'saved')::bigint, v_now, v_now)
        on conflict do nothing;
      v_uses := array_append(v_uses, e);
      kind := 'end';
      id := e ->> 'id';
      outcome := 'ok';
      charged := 0;
      return next;
    end loop;
    if v_uses <> '{}' then
      perform metering.record_many(v_org, 'gateway', v_mode, v_uses);
    end if;

    kind := 'begin';
    charged := null;
    v_elements := '{}';
    v_days := '{}';
    for k in 0 .. jsonb_array_length(b -> 'begins') - 1 loop
      e := b -> 'begins' -> k;
      id := e ->> 'run';
      outcome := 'ok';
      v_day := null;
      -- A call that has begun before has its room.
      if e ? 'room' and not exists (select from models.call x where x.org_id = v_org and x.id = e ->> 'run') then
        v_tokens := case when (e ->> 'own_key')::boolean then 0 else (e ->> 'tokens')::bigint end;
        if v_used + v_reserved + v_tokens > (e -> 'room' ->> 'tokensPerDay')::bigint then
          outcome := 'tokens-per-day';
          available := greatest((e -> 'room' ->> 'tokensPerDay')::bigint - v_used - v_reserved, 0);
          retry_seconds := ceil(extract(epoch from (v_today + 1)::timestamp at time zone 'UTC' - v_now));
        elsif v_open >= (e -> 'room' ->> 'callsAtOnce')::int then
          outcome := 'calls-at-once';
          available := 0;
          retry_seconds := 1;
        else
          v_day := v_today;
          v_open := v_open + 1;
          v_reserved := v_reserved + v_tokens;
        end if;
      end if;
      if outcome = 'ok' then
        v_elements := array_append(v_elements, e);
        v_days := array_append(v_days, v_day);
      else
        return next;
      end if;
    end loop;
    retry_seconds := null;
    if v_elements <> '{}' then
      v_answers := ledger.take_holds(v_org, v_mode, v_elements);
      for k in 1 .. cardinality(v_elements) loop
        e := v_elements[k];
        id := e ->> 'run';
        outcome := v_answers[k] ->> 'outcome';
        available := v_answers[k] ->> 'available';
        budget := nullif(v_answers[k] -> 'budget', 'null');
        if outcome = 'ok' then
          insert into models.call (org_id, id, mode, key_id, member_id, agent_id, hold_id, request_id, wire, requested, model, own_key, streamed, status, price_id, price_version,
              hold_nanos, tokens_max, room_day, created_at)
            values (v_org, e ->> 'run', v_mode, e ->> 'key', e ->> 'member', e ->> 'agent', e ->> 'hold', e ->> 'request_id', e ->> 'wire', e ->> 'requested', e ->> 'model',
              (e ->> 'own_key')::boolean, (e ->> 'streamed')::boolean, 'open', e ->> 'price_id', (e ->> 'price_version')::int, (e ->> 'amount')::bigint, (e ->> 'tokens')::bigint,
              v_days[k], v_now)
            on conflict do nothing;
        elsif v_days[k] is not null then
          v_open := v_open - 1;
          v_reserved := v_reserved - case when (e ->> 'own_key')::boolean then 0 else (e ->> 'tokens')::bigint end;
        end if;
        return next;
      end loop;
      available := null;
      budget := null;
    end if;

    if (r.org_id is not null or v_open > 0) and (v_open, v_today, v_used, v_reserved) is distinct from (r.open, r.day, r.used, r.reserved) then
      insert into models.room (org_id, mode, open, day, used, reserved) values (v_org, v_mode, v_open, v_today, v_used, v_reserved)
        on conflict (org_id, mode) do update set open = excluded.open, day = excluded.day, used = excluded.used, reserved = excluded.reserved;
    end if;
  end loop;
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
      where x.org_id = v.org_id and x.id = v.run and x.status = 'open' returning x.mode, x.room_day, case when x.own_key then 0 else x.tokens_max end as tokens into c;
    if found and c.room_day is not null then
      update models.room x set open = x.open - 1, reserved = x.reserved - case when x.day = c.room_day then c.tokens else 0 end
        where x.org_id = v.org_id and x.mode = c.mode;
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
call platform.system_function('models.book_calls(jsonb)');
-- Rows are reached by key or place. A plan that was made while the tables were small must not read them whole when they have grown.
alter function models.book_calls set enable_seqscan = off;
call platform.system_function('models.sweep_one()');
call platform.system_function('models.costs_by_call(text)');
