-- Lock: none on existing tables; creates the schema that all others build on.

grant usage on schema platform to guildhall_app, guildhall_system, guildhall_definer;
grant create on schema platform to guildhall_definer;

-- The organisation of this transaction; null outside of one, and null never equals a row's org_id.
create function platform.current_org() returns text
  language sql stable parallel safe
  return nullif(current_setting('guildhall.org_id', true), '');

-- Puts a tenant table (it must have org_id) under forced row-level security and grants what the application may do.
-- guildhall_definer owns the named functions that work across organisations; nobody can log in as it.
create procedure platform.protect_tenant_table(target regclass, privileges text default 'select, insert, update, delete')
  language plpgsql as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy tenant on %s using (org_id = platform.current_org()) with check (org_id = platform.current_org())', target);
  execute format('create policy definer on %s to guildhall_definer using (true) with check (true)', target);
  execute format('grant %s on %s to guildhall_app', privileges, target);
  execute format('grant select, insert, update, delete on %s to guildhall_definer', target);
end $$;

-- Makes a function one of the few that guildhall_system may call: it runs with the rights of guildhall_definer.
create procedure platform.system_function(target regprocedure)
  language plpgsql as $$
begin
  execute format('alter function %s security definer', target);
  execute format('alter function %s set search_path = pg_catalog, pg_temp', target);
  execute format('revoke all on function %s from public', target);
  execute format('grant execute on function %s to guildhall_system', target);
  execute format('alter function %s owner to guildhall_definer', target);
end $$;

-- A schema that one module owns.
create procedure platform.module_schema(name text)
  language plpgsql as $$
begin
  execute format('create schema %I', name);
  execute format('grant usage on schema %I to guildhall_app, guildhall_system', name);
  execute format('grant usage, create on schema %I to guildhall_definer', name);
end $$;

-- What one column of a busy table may hold is said by a domain: the checks of a table are read anew from the catalogue by every statement
-- that writes to it, those of a domain once a connection.
create domain platform.amount as bigint check (value >= 0);
create domain platform.count as int check (value >= 0);

-- The clock of leases, holds and schedules. As plain as this, the planner puts the built-in in its place: it is asked some thirty times a run.
create function platform.now() returns timestamptz language sql volatile return clock_timestamp();

-- Tests move the clock by a row in this table; nothing else may. The row rewrites the function, so that the clock costs nothing without it.
create table platform.clock_shift (single boolean primary key default true check (single), shift interval not null);
create function platform.move_clock() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_shift interval := coalesce((select shift from platform.clock_shift), interval '0');
begin
  execute format('create or replace function platform.now() returns timestamptz language sql volatile return clock_timestamp() + interval %L', v_shift);
  return null;
end $$;
create trigger move_clock after insert or update or delete on platform.clock_shift for each statement execute function platform.move_clock();
