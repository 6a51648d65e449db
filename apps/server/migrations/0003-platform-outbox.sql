-- Lock: none on existing tables; creates the outbox and the record of idempotent requests.

-- Events for the world outside a transaction, written in it. `id` is the event's id for every receiver.
create table platform.outbox (
  position bigint generated always as identity primary key,
  id text not null unique,
  org_id text not null,
  type text not null,
  data jsonb not null,
  created_at timestamptz not null default platform.now()
);
call platform.protect_tenant_table('platform.outbox', 'select, insert');

-- Takes the oldest events and removes them; what the caller does with them commits in the same transaction or not at all.
-- Rows locked by another dispatcher are passed over, so several may work side by side.
create function platform.take_outbox(p_limit int) returns setof platform.outbox language sql as $$
  delete from platform.outbox o where o.position in
    (select position from platform.outbox order by position limit p_limit for update skip locked)
  returning o.*;
$$;
call platform.system_function('platform.take_outbox(int)');

create function platform.outbox_age() returns interval language sql as $$
  select platform.now() - min(created_at) from platform.outbox;
$$;
call platform.system_function('platform.outbox_age()');

-- The first answer to a request that carried an Idempotency-Key.
create table platform.idempotency (
  org_id text not null,
  key text not null,
  request_hash text not null,
  status int not null,
  body jsonb not null,
  created_at timestamptz not null default platform.now(),
  primary key (org_id, key)
);
call platform.protect_tenant_table('platform.idempotency');
create index idempotency_age on platform.idempotency (created_at);

create function platform.prune_idempotency(p_keep interval) returns int language plpgsql as $$
declare
  n int;
begin
  delete from platform.idempotency where created_at < platform.now() - p_keep;
  get diagnostics n = row_count;
  return n;
end $$;
call platform.system_function('platform.prune_idempotency(interval)');
