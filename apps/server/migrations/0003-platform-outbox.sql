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
call platform.protect_tenant_table('platform.outbox', 'select, insert, delete');

-- The oldest events. Each is then removed in the transaction of its own organisation, together with what its readers write.
create function platform.peek_outbox(p_limit int) returns setof platform.outbox language sql as $$
  select * from platform.outbox order by position limit p_limit;
$$;
call platform.system_function('platform.peek_outbox(int)');

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

-- For statements of the modules above that must be one round trip.
create function platform.tell_outside(p_org text, p_id text, p_type text, p_data jsonb) returns void language plpgsql as $$
begin
  insert into platform.outbox (id, org_id, type, data) values (p_id, p_org, p_type, p_data);
end $$;
