-- Lock: none on existing tables; creates the schema notify.
-- Order of locks everywhere: endpoint before its deliveries.
call platform.module_schema('notify');

create table notify.endpoint (
  id text primary key,
  org_id text not null,
  url text not null check (length(url) between 1 and 2048),
  description text not null,
  events text[] not null check (cardinality(events) > 0),
  -- Envelopes: readable only with the installation's keys, and only at this place.
  secret bytea not null,
  -- The secret before the last rotation; it signs beside the new one until its end.
  former_secret bytea,
  former_until timestamptz,
  enabled boolean not null default true,
  disabled_reason text check (disabled_reason in ('owner', 'gone', 'failing')),
  -- Start of the present row of failures without a success between.
  failing_since timestamptz,
  -- The receiver asked for less: nothing is sent before this instant.
  paused_until timestamptz,
  -- Throttling answers in a row.
  throttled int not null default 0,
  created_at timestamptz not null default platform.now(),
  updated_at timestamptz not null default platform.now(),
  check (enabled = (disabled_reason is null)),
  check ((former_secret is null) = (former_until is null))
);
call platform.protect_tenant_table('notify.endpoint');
create index endpoint_by_organisation on notify.endpoint (org_id, id);

-- What is sent, byte for byte the same at every attempt and to every endpoint.
create table notify.event (
  id text primary key,
  org_id text not null,
  type text not null,
  body text not null,
  created_at timestamptz not null default platform.now()
);
call platform.protect_tenant_table('notify.event', 'select, insert');
create index event_age on notify.event (created_at);

create table notify.delivery (
  id text primary key,
  org_id text not null,
  endpoint_id text not null references notify.endpoint (id) on delete cascade,
  event_id text not null references notify.event (id) on delete cascade,
  event_type text not null,
  status text not null check (status in ('pending', 'delivered', 'failed')),
  -- All attempts ever, and those of the present schedule, which a replay starts again.
  attempts int not null default 0,
  step int not null default 0,
  next_attempt_at timestamptz,
  -- While it is being sent. A sender that died loses it at this instant.
  leased_until timestamptz,
  -- Raised at every claim; a record of an attempt carries the value it was given.
  fence bigint not null default 0,
  last_attempt_at timestamptz,
  delivered_at timestamptz,
  response_status int,
  error text,
  created_at timestamptz not null default platform.now(),
  unique (endpoint_id, event_id),
  check ((status = 'pending') = (next_attempt_at is not null)),
  check (status <> 'delivered' or delivered_at is not null)
) with (fillfactor = 80);
call platform.protect_tenant_table('notify.delivery', 'select, insert, update');
create index delivery_due on notify.delivery (endpoint_id, next_attempt_at, id) where status = 'pending';
create index delivery_leased on notify.delivery (endpoint_id) where leased_until is not null;
create index delivery_log on notify.delivery (endpoint_id, id);
create index delivery_event on notify.delivery (event_id);

-- Takes up to p_slots due deliveries for p_lease, at most two at a time of one endpoint in the whole database, and one of an endpoint
-- that is failing; p_failing_slots bounds those of all failing endpoints together, so that many dead receivers leave room for live ones.
-- Walks endpoints with work by a loose index scan, from behind p_after once around: a backlog of 100,000 costs as much as one delivery.
-- An endpoint whose row is locked is left for the next turn, so a claim never waits and two claimers never exceed a bound.
create function notify.claim(p_slots int, p_failing_slots int, p_lease interval, p_after text)
  returns table (id text, org_id text, endpoint_id text, fence bigint, step int, event_id text, body text, url text,
    secret bytea, former_secret bytea, failing boolean, throttled int)
  language plpgsql as $$
declare
  instant timestamptz := platform.now();
  cursor_id text := p_after;
  wrapped boolean := p_after = '';
  next_id text;
  next_at timestamptz;
  target record;
  free int;
  slots int := p_slots;
  failing_slots int := p_failing_slots;
  taken int;
begin
  while slots > 0 loop
    -- Its earliest delivery: when that is not due, the endpoint is passed by without a lock.
    select d.endpoint_id, d.next_attempt_at into next_id, next_at from notify.delivery d
      where d.status = 'pending' and d.endpoint_id > cursor_id order by d.endpoint_id, d.next_attempt_at limit 1;
    if wrapped and p_after <> '' and next_id > p_after then exit; end if;
    if next_id is null then
      exit when wrapped;
      wrapped := true;
      cursor_id := '';
      continue;
    end if;
    cursor_id := next_id;
    continue when next_at > instant;
    select e.* into target from notify.endpoint e
      where e.id = next_id and e.enabled and coalesce(e.paused_until, instant) <= instant
      for no key update skip locked;
    continue when not found;
    select count(*)::int into taken from notify.delivery d
      where d.endpoint_id = next_id and d.leased_until > instant;
    free := case when target.failing_since is null then least(2 - taken, slots) else least(1 - taken, slots, failing_slots) end;
    continue when free <= 0;
    return query
    with due as (
      select d.id from notify.delivery d
      where d.endpoint_id = next_id and d.status = 'pending' and d.next_attempt_at <= instant
        and (d.leased_until is null or d.leased_until <= instant)
      order by d.next_attempt_at, d.id limit free for update skip locked
    )
    update notify.delivery d set leased_until = instant + p_lease, fence = d.fence + 1
      from due, notify.event v
      where d.id = due.id and v.id = d.event_id
      returning d.id, d.org_id, d.endpoint_id, d.fence, d.step, d.event_id, v.body, target.url, target.secret,
        case when target.former_until > instant then target.former_secret end, target.failing_since is not null, target.throttled;
    get diagnostics taken = row_count;
    slots := slots - taken;
    if target.failing_since is not null then failing_slots := failing_slots - taken; end if;
  end loop;
end $$;
call platform.system_function('notify.claim(int, int, interval, text)');

-- Ends every pending delivery of an endpoint that nothing is sent to any more; a replay brings them back.
create function notify.fail_pending(p_endpoint text) returns void language sql as $$
  update notify.delivery
     set status = 'failed', error = 'endpoint-disabled', next_attempt_at = null, leased_until = null, fence = fence + 1
   where endpoint_id = p_endpoint and status = 'pending';
$$;
grant execute on function notify.fail_pending(text) to guildhall_app;

-- Writes down how an attempt went. Returns no row when the delivery was taken over, replayed or removed meanwhile: then it changes nothing.
-- p_retry is null when there is no further attempt. p_pause quiets the whole endpoint. Returns the reason when the endpoint was disabled by this.
create function notify.record_attempt(p_id text, p_fence bigint, p_delivered boolean, p_gone boolean, p_throttled boolean,
    p_response_status int, p_error text, p_retry interval, p_pause interval, p_failing_max interval)
  returns table (disabled text) language plpgsql as $$
declare
  instant timestamptz := platform.now();
  target notify.endpoint;
  reason text;
begin
  select e.* into target from notify.endpoint e
    where e.id = (select d.endpoint_id from notify.delivery d where d.id = p_id) for no key update;
  update notify.delivery d set
      status = case when p_delivered then 'delivered' when p_retry is null then 'failed' else 'pending' end,
      attempts = d.attempts + 1, step = d.step + 1, last_attempt_at = instant, leased_until = null,
      next_attempt_at = case when not p_delivered then instant + p_retry end,
      delivered_at = case when p_delivered then instant end,
      response_status = p_response_status, error = p_error
    where d.id = p_id and d.fence = p_fence and d.status = 'pending';
  if not found then return; end if;
  if p_delivered then
    if target.failing_since is not null or target.throttled > 0 then
      update notify.endpoint e set failing_since = null, throttled = 0, paused_until = null where e.id = target.id;
    end if;
    return query select null::text;
    return;
  end if;
  reason := case when p_gone then 'gone' when target.failing_since <= instant - p_failing_max then 'failing' end;
  update notify.endpoint e set
      failing_since = coalesce(e.failing_since, instant),
      throttled = case when p_throttled then least(e.throttled + 1, 100) else e.throttled end,
      paused_until = greatest(e.paused_until, instant + p_pause),
      enabled = e.enabled and reason is null,
      disabled_reason = coalesce(e.disabled_reason, reason),
      updated_at = case when e.enabled and reason is not null then instant else e.updated_at end
    where e.id = target.id;
  if target.enabled and reason is not null then
    perform notify.fail_pending(target.id);
    return query select reason;
  else
    return query select null::text;
  end if;
end $$;
grant execute on function notify.record_attempt(text, bigint, boolean, boolean, boolean, int, text, interval, interval, interval) to guildhall_app;

-- A sender that stops in good order gives back what it did not finish: nothing is counted, the next one sends it at once.
create function notify.give_back(p_id text, p_fence bigint) returns void language sql as $$
  update notify.delivery set leased_until = null where id = p_id and fence = p_fence and status = 'pending';
$$;
call platform.system_function('notify.give_back(text, bigint)');

-- Forgets events older than p_keep, with their deliveries, unless one is still to be sent to an endpoint that is on.
create function notify.prune(p_keep interval, p_limit int) returns int language plpgsql as $$
declare
  n int;
begin
  delete from notify.event e
    where e.id in (
      select v.id from notify.event v
      where v.created_at < platform.now() - p_keep
        and not exists (select 1 from notify.delivery d join notify.endpoint e on e.id = d.endpoint_id
                         where d.event_id = v.id and d.status = 'pending' and e.enabled)
      order by v.created_at limit p_limit);
  get diagnostics n = row_count;
  return n;
end $$;
call platform.system_function('notify.prune(interval, int)');
