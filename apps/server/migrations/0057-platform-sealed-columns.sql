-- Lock: none on existing tables; creates tables and functions of platform.

-- What everything is derived from that must outlive a master key: sealed under it like every other secret. One row, made by the first start.
-- (The first start makes the table too, for it needs the row before there is a schema.)
create table if not exists platform.root_key (
  id text primary key check (id = 'root'),
  sealed bytea not null
);

-- Every column that holds envelopes. `org_column` is null where a table belongs to the operator.
create table platform.sealed_column (
  table_name text not null,
  column_name text not null,
  org_column text,
  primary key (table_name, column_name)
);

-- Registers a column of envelopes; its table has a primary key `id`. What is registered is moved to a new master key with all others.
create procedure platform.seal_column(target regclass, column_name name)
  language plpgsql as $$
declare
  v_org name := (select a.attname from pg_attribute a where a.attrelid = target and a.attname = 'org_id' and not a.attisdropped);
begin
  insert into platform.sealed_column values (target::regclass::text, column_name, v_org);
  execute format('grant select, update (%I) on %s to guildhall_definer', column_name, target);
end $$;
call platform.seal_column('platform.root_key', 'sealed');
grant select on platform.sealed_column to guildhall_definer;

create function platform.list_sealed_columns() returns table (table_name text, column_name text)
  language sql stable as $$
  select c.table_name, c.column_name from platform.sealed_column c order by c.table_name = 'platform.root_key' desc, c.table_name, c.column_name
$$;
call platform.system_function('platform.list_sealed_columns()');

-- Up to p_limit envelopes behind p_after that are not under the key p_key, in order of id. An envelope names its key in bytes 2 to 9.
create function platform.stale_envelopes(p_table text, p_column text, p_key bytea, p_after text, p_limit int)
  returns table (id text, org_id text, sealed bytea) language plpgsql stable as $$
declare
  c platform.sealed_column;
begin
  select * into strict c from platform.sealed_column s where s.table_name = p_table and s.column_name = p_column;
  return query execute format(
    'select t.id::text, %s, t.%I from %s t where t.id > $1 and t.%I is not null and substring(t.%I from 2 for 8) <> $2 order by t.id limit $3',
    case when c.org_column is null then '''''::text' else format('t.%I::text', c.org_column) end,
    c.column_name, c.table_name, c.column_name, c.column_name) using p_after, p_key, p_limit;
end $$;
call platform.system_function('platform.stale_envelopes(text, text, bytea, text, int)');

-- Puts new envelopes, under the key p_key, in the place of old ones; a row that was changed meanwhile keeps what it has. Returns how many
-- were replaced, or null when another key has become the one that seals. Moving the root is what makes it so.
-- Rows are locked in the order of their ids, so that two sweeps cannot wait for each other.
create function platform.replace_envelopes(p_table text, p_column text, p_key bytea, p_ids text[], p_old bytea[], p_new bytea[])
  returns int language plpgsql as $$
declare
  c platform.sealed_column;
  n int;
begin
  if p_table <> 'platform.root_key' and exists (select from platform.root_key r where substring(r.sealed from 2 for 8) <> p_key) then
    return null;
  end if;
  select * into strict c from platform.sealed_column s where s.table_name = p_table and s.column_name = p_column;
  execute format(
    'with wanted as (select u.id, u.old, u.new from unnest($1::text[], $2::bytea[], $3::bytea[]) u(id, old, new)),
          locked as (select t.id, w.new from %1$s t join wanted w on w.id = t.id where t.%2$I = w.old order by t.id for no key update of t)
     update %1$s t set %2$I = l.new from locked l where t.id = l.id',
    c.table_name, c.column_name) using p_ids, p_old, p_new;
  get diagnostics n = row_count;
  return n;
end $$;
call platform.system_function('platform.replace_envelopes(text, text, bytea, text[], bytea[], bytea[])');

-- How many envelopes of a column lie under each key.
create function platform.count_envelopes(p_table text, p_column text)
  returns table (key_id bytea, n bigint) language plpgsql stable as $$
declare
  c platform.sealed_column;
begin
  select * into strict c from platform.sealed_column s where s.table_name = p_table and s.column_name = p_column;
  return query execute format('select substring(t.%1$I from 2 for 8), count(*) from %2$s t where t.%1$I is not null group by 1',
    c.column_name, c.table_name);
end $$;
call platform.system_function('platform.count_envelopes(text, text)');

-- The key that everything is sealed under at this moment: the one that the root lies under.
create function platform.sealing_key() returns table (key_id bytea) language sql stable as $$
  select substring(r.sealed from 2 for 8) from platform.root_key r where r.id = 'root'
$$;
call platform.system_function('platform.sealing_key()');

-- Tells every process, on the line of the bus, that the master key has changed.
create function platform.announce_root() returns trigger language plpgsql as $$
begin
  perform pg_notify('guildhall_bus', 'database master-key ' || encode(substring(new.sealed from 2 for 8), 'hex'));
  return null;
end $$;
create trigger announce after update on platform.root_key for each row execute function platform.announce_root();
