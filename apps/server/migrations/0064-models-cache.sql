-- Lock: none on existing tables; creates tables of models.

-- What an organisation set of its caches. No row: no answers are kept, vectors are.
create table models.cache_setting (
  org_id text primary key,
  responses boolean not null,
  ttl_seconds int not null check (ttl_seconds between 60 and 2592000),
  vectors boolean not null,
  -- Part of every key: after a change nothing that was kept before can be reached, in whatever memory it still is.
  generation int not null default 1,
  updated_at timestamptz not null default platform.now()
);
call platform.protect_tenant_table('models.cache_setting', 'select, insert, update');

create table models.cache_entry (
  org_id text not null,
  -- A keyed hash of everything that decides the content, organisation and mode among it.
  key bytea not null check (octet_length(key) = 32),
  mode text not null check (mode in ('live', 'test')),
  kind text not null check (kind in ('response', 'vector')),
  content bytea not null,
  -- A keyed hash of key and content: what was not written by us is not answered with.
  mac bytea not null,
  -- What it counts against the limit of its organisation: its row and its index beside its content.
  size int not null generated always as (octet_length(content) + 200) stored,
  created_at timestamptz not null default platform.now(),
  expires_at timestamptz not null,
  primary key (org_id, key)
);
-- Vectors do not compress, and answers are read more often than written.
alter table models.cache_entry alter column content set storage external;
create index cache_entry_by_age on models.cache_entry (org_id, mode, kind, created_at);
create index cache_entry_by_expiry on models.cache_entry (expires_at);
call platform.protect_tenant_table('models.cache_entry');

-- What is kept, and what it was good for. Its row is locked before entries change, so that it is exact.
create table models.cache_tally (
  org_id text not null,
  mode text not null check (mode in ('live', 'test')),
  kind text not null check (kind in ('response', 'vector')),
  entries bigint not null default 0,
  bytes bigint not null default 0,
  hits bigint not null default 0,
  misses bigint not null default 0,
  saved_nanos bigint not null default 0,
  primary key (org_id, mode, kind)
);
call platform.protect_tenant_table('models.cache_tally', 'select, insert, update');

-- A cache that is slow is worse than none: nobody waits for a lock of it.
create function models.cache_find(p_org text, p_keys bytea[]) returns table (key bytea, content bytea, mac bytea, expires_at timestamptz)
  language plpgsql set lock_timeout = '100ms' as $$
begin
  perform set_config('guildhall.org_id', p_org, true);
  return query
    select e.key, e.content, e.mac, e.expires_at from models.cache_entry e
    where e.org_id = p_org and e.key = any (p_keys) and e.expires_at > platform.now();
end $$;

-- Keeps entries of one kind, each key once; the oldest go where the organisation would have more than p_max bytes.
create function models.cache_keep(p_org text, p_mode text, p_kind text, p_keys bytea[], p_contents bytea[], p_macs bytea[], p_ttl int, p_max bigint)
  returns void language plpgsql set lock_timeout = '2s' as $$
declare
  v_now timestamptz := platform.now();
  v_bytes bigint;
  v_entries bigint;
begin
  perform set_config('guildhall.org_id', p_org, true);
  insert into models.cache_tally (org_id, mode, kind) values (p_org, p_mode, p_kind) on conflict do nothing;
  select t.bytes, t.entries into v_bytes, v_entries from models.cache_tally t
    where t.org_id = p_org and t.mode = p_mode and t.kind = p_kind for update;
  with gone as (
    delete from models.cache_entry e where e.org_id = p_org and e.key = any (p_keys) returning e.size
  )
  select v_bytes - coalesce(sum(size), 0), v_entries - count(*) into v_bytes, v_entries from gone;
  with kept as (
    insert into models.cache_entry (org_id, key, mode, kind, content, mac, created_at, expires_at)
      select p_org, g.key, p_mode, p_kind, g.content, g.mac, v_now, v_now + make_interval(secs => p_ttl)
      from unnest(p_keys, p_contents, p_macs) g (key, content, mac) returning size
  )
  select v_bytes + coalesce(sum(size), 0), v_entries + count(*) into v_bytes, v_entries from kept;
  if v_bytes > p_max then
    -- A tenth more than needed, so that the search is not repeated with every entry.
    with aged as (
      select e.key, sum(e.size) over (order by e.created_at desc, e.key) as newer from models.cache_entry e
      where e.org_id = p_org and e.mode = p_mode and e.kind = p_kind
    ), gone as (
      delete from models.cache_entry e using aged a
        where a.newer > p_max / 10 * 9 and e.org_id = p_org and e.key = a.key returning e.size
    )
    select v_bytes - coalesce(sum(size), 0), v_entries - count(*) into v_bytes, v_entries from gone;
  end if;
  update models.cache_tally t set bytes = v_bytes, entries = v_entries where t.org_id = p_org and t.mode = p_mode and t.kind = p_kind;
end $$;

create function models.cache_tell(p_org text, p_mode text, p_kind text, p_hits bigint, p_misses bigint, p_saved bigint)
  returns void language plpgsql set lock_timeout = '2s' as $$
begin
  perform set_config('guildhall.org_id', p_org, true);
  insert into models.cache_tally as t (org_id, mode, kind, hits, misses, saved_nanos) values (p_org, p_mode, p_kind, p_hits, p_misses, p_saved)
    on conflict (org_id, mode, kind) do update
      set hits = t.hits + excluded.hits, misses = t.misses + excluded.misses, saved_nanos = t.saved_nanos + excluded.saved_nanos;
end $$;

-- Deletes what has expired of at most a hundred organisations. Returns how many entries.
create function models.cache_prune() returns int language plpgsql as $$
declare
  v record;
  v_count int;
  v_total int := 0;
begin
  for v in
    select distinct e.org_id, e.mode, e.kind from models.cache_entry e where e.expires_at <= platform.now() order by 1, 2, 3 limit 100
  loop
    perform from models.cache_tally t where t.org_id = v.org_id and t.mode = v.mode and t.kind = v.kind for update;
    with gone as (
      delete from models.cache_entry e
        where e.org_id = v.org_id and e.mode = v.mode and e.kind = v.kind and e.expires_at <= platform.now() returning e.size
    ), told as (
      update models.cache_tally t set entries = t.entries - g.n, bytes = t.bytes - g.bytes
        from (select count(*) as n, coalesce(sum(size), 0) as bytes from gone) g
        where t.org_id = v.org_id and t.mode = v.mode and t.kind = v.kind
    )
    select count(*) into v_count from gone;
    v_total := v_total + v_count;
  end loop;
  return v_total;
end $$;

revoke all on function models.cache_find, models.cache_keep, models.cache_tell, models.cache_prune from public;
grant execute on function models.cache_find, models.cache_keep, models.cache_tell to guildhall_app;
call platform.system_function('models.cache_prune()');
