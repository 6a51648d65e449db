-- Lock: none on existing tables; creates the schema identity.
call platform.module_schema('identity');

create table identity.organisation (
  org_id text primary key,
  name text not null check (length(name) between 1 and 100),
  created_at timestamptz not null default platform.now()
);
call platform.protect_tenant_table('identity.organisation', 'select, insert');

create table identity.api_key (
  id text primary key,
  org_id text not null references identity.organisation (org_id),
  name text not null,
  mode text not null check (mode in ('live', 'test')),
  role text check (role in ('owner', 'admin', 'developer', 'billing', 'viewer')),
  scopes text[] not null check (cardinality(scopes) > 0),
  prefix text not null,
  last4 text not null,
  -- HMAC-SHA-256 of the whole key under the server's pepper: the key itself is stored nowhere.
  secret_hash bytea not null unique check (octet_length(secret_hash) = 32),
  created_at timestamptz not null default platform.now(),
  created_by text not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  -- Set when the key was rotated: the key that took its place.
  replaced_by text references identity.api_key (id) on delete set null
);
create index api_key_by_organisation on identity.api_key (org_id, id);
create index api_key_by_successor on identity.api_key (replaced_by) where replaced_by is not null;
-- The application can neither read a hash nor change what a key may do; it can only end it.
call platform.protect_tenant_table('identity.api_key',
  'select (id, org_id, name, mode, role, scopes, prefix, last4, created_at, created_by, expires_at, last_used_at, revoked_at, replaced_by), '
  'insert, update (expires_at, revoked_at, replaced_by)');

create table identity.admin_token (
  id text primary key,
  org_id text not null references identity.organisation (org_id),
  secret_hash bytea not null unique check (octet_length(secret_hash) = 32),
  created_at timestamptz not null default platform.now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
call platform.protect_tenant_table('identity.admin_token', 'select (id, org_id, created_at, expires_at, used_at), insert');

-- Every process caches keys. Whatever shortens the life of one is told to all of them when it commits.
create function identity.announce_key() returns trigger
  language plpgsql as $$
begin
  perform pg_notify('guildhall_keys', new.id);
  return null;
end $$;
create trigger announce after update of expires_at, revoked_at on identity.api_key
  for each row execute function identity.announce_key();

-- Ends stay ended: a revoked key is never revived, an expiry only moves closer.
create function identity.keep_ended() returns trigger
  language plpgsql as $$
begin
  if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
    raise exception 'identity.api_key %: a revoked key stays revoked', old.id;
  end if;
  if old.expires_at is not null and (new.expires_at is null or new.expires_at > old.expires_at) then
    raise exception 'identity.api_key %: an expiry only moves closer', old.id;
  end if;
  return new;
end $$;
create trigger keep_ended before update of expires_at, revoked_at on identity.api_key
  for each row execute function identity.keep_ended();

-- The key behind one of these hashes (one per known master key), if it is good at this moment. Unknown, expired and revoked all answer with no row.
-- valid_for_ms spares the process from comparing its own clock with ours; null means no expiry.
create function identity.find_key(hashes bytea[])
  returns table (id text, org_id text, mode text, scopes text[], secret_hash bytea, valid_for_ms bigint)
  language sql stable as $$
  select k.id, k.org_id, k.mode, k.scopes, k.secret_hash,
         floor(extract(epoch from k.expires_at - platform.now()) * 1000)::bigint
    from identity.api_key k
   where k.secret_hash = any(hashes)
     and k.revoked_at is null
     and (k.expires_at is null or k.expires_at > platform.now())
$$;
call platform.system_function('identity.find_key(bytea[])');

-- Marks keys as used; a key marked less than a minute ago is left alone, whichever process marked it.
-- Rows are locked in the order of their ids, so that two processes cannot wait for each other.
create function identity.touch_keys(key_ids text[]) returns void
  language sql as $$
  update identity.api_key k
     set last_used_at = platform.now()
    from (select l.id from identity.api_key l
           where l.id = any(key_ids)
             and (l.last_used_at is null or l.last_used_at <= platform.now() - interval '1 minute')
           order by l.id for no key update) as due
   where k.id = due.id
$$;
call platform.system_function('identity.touch_keys(text[])');

-- Uses up a one-time admin token and says whose it was. Of two callers with the same token one gets a row.
create function identity.use_admin_token(hashes bytea[]) returns table (org_id text)
  language sql as $$
  update identity.admin_token t
     set used_at = platform.now()
   where t.secret_hash = any(hashes) and t.used_at is null and t.expires_at > platform.now()
  returning t.org_id
$$;
call platform.system_function('identity.use_admin_token(bytea[])');

-- Organisations in order of making, for the operator's command line and for jobs that visit each one.
create function identity.list_organisations(after_id text, row_limit int)
  returns table (org_id text, name text, created_at timestamptz)
  language sql stable as $$
  select o.org_id, o.name, o.created_at
    from identity.organisation o
   where o.org_id > coalesce(after_id, '')
   order by o.org_id
   limit row_limit
$$;
call platform.system_function('identity.list_organisations(text, int)');
