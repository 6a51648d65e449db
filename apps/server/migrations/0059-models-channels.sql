-- Lock: none on existing tables; creates tables of models.

-- Providers that the operator added. Those of the settings live in the memory of each process.
create table models.provider (
  id text primary key,
  kind text not null,
  name text not null check (length(name) between 1 and 100),
  base_url text not null check (length(base_url) between 1 and 2048),
  -- An envelope: readable only with the installation's keys, and only at this place. Null where the provider needs no key.
  sealed bytea,
  key_last4 text,
  weight int not null check (weight > 0),
  priority int not null check (priority >= 0),
  regions text[] not null,
  retains_data boolean not null,
  requests_per_minute int,
  tokens_per_minute int,
  concurrency_max int,
  enabled boolean not null,
  -- How it answered when it was last tried.
  last_check jsonb not null,
  created_at timestamptz not null default platform.now(),
  updated_at timestamptz not null default platform.now()
);
grant select, insert, update, delete on models.provider to guildhall_app;
call platform.seal_column('models.provider', 'sealed');

-- Keys that organisations brought themselves.
create table models.provider_key (
  id text primary key,
  org_id text not null,
  kind text not null,
  name text not null check (length(name) between 1 and 100),
  base_url text not null check (length(base_url) between 1 and 2048),
  sealed bytea,
  key_last4 text,
  weight int not null check (weight > 0),
  priority int not null check (priority >= 0),
  last_check jsonb not null,
  created_by text not null,
  created_at timestamptz not null default platform.now(),
  last_used_at timestamptz,
  revoked_at timestamptz,
  -- What is revoked is forgotten: the row says that there was a key, and no longer which.
  check ((sealed is null) = (revoked_at is not null))
);
call platform.protect_tenant_table('models.provider_key', 'select, insert, update (sealed, last_check, revoked_at)');
call platform.seal_column('models.provider_key', 'sealed');
create index provider_key_by_organisation on models.provider_key (org_id, id);

-- Every process keeps channels in memory. Whatever changes one is told to all of them when it commits, on the line of the bus: `*` for the
-- operator's, else the organisation. Moving a key to another master key, and a time of use, change nothing that is kept.
create function models.announce_channel() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'provider' then
    perform pg_notify('guildhall_bus', 'database channels *');
  else
    perform pg_notify('guildhall_bus', 'database channels ' || coalesce(new.org_id, old.org_id));
  end if;
  return null;
end $$;
create trigger announce after insert or delete or update of updated_at on models.provider
  for each row execute function models.announce_channel();
create trigger announce after insert or delete or update of revoked_at on models.provider_key
  for each row execute function models.announce_channel();

create function models.keep_revoked() returns trigger language plpgsql as $$
begin
  if old.revoked_at is not null and (new.revoked_at is distinct from old.revoked_at or new.sealed is not null) then
    raise exception 'models.provider_key %: a revoked key stays revoked', old.id;
  end if;
  return new;
end $$;
create trigger keep_revoked before update on models.provider_key for each row execute function models.keep_revoked();

-- Marks keys as used; one marked less than a minute ago is left alone. Rows are locked in the order of their ids.
create function models.touch_provider_keys(key_ids text[]) returns void language sql as $$
  update models.provider_key k
     set last_used_at = platform.now()
    from (select l.id from models.provider_key l
           where l.id = any(key_ids)
             and (l.last_used_at is null or l.last_used_at <= platform.now() - interval '1 minute')
           order by l.id for no key update) as due
   where k.id = due.id
$$;
call platform.system_function('models.touch_provider_keys(text[])');
