-- Lock: none on existing tables; creates a schema of its own.

call platform.module_schema('ops');

-- Limits that the operator set in place of those that come with the program. Read by every process every few seconds.
create table ops.rate_limit (
  name text not null,
  -- The organisation that it is for; empty: everybody who has none of their own here.
  organisation text not null,
  max int not null check (max > 0),
  window_seconds int not null check (window_seconds > 0),
  updated_at timestamptz not null default platform.now(),
  primary key (name, organisation)
);
-- The operator sets the limits of all organisations, and each process holds all of them, so no row belongs to one tenant alone.
grant select, insert, update, delete on ops.rate_limit to guildhall_app;

-- The hosts that may be called on behalf of an organisation. No row: every public one.
create table ops.egress_hosts (
  org_id text primary key,
  -- 'api.example.com', or '*.example.com' for all below it.
  hosts text[] not null check (cardinality(hosts) <= 100),
  updated_at timestamptz not null default platform.now()
);
call platform.protect_tenant_table('ops.egress_hosts', 'select, insert, update, delete');

-- The private networks that the last start opened, so that the next one can tell whether they changed.
create table ops.opened_networks (
  single boolean primary key default true check (single),
  networks text[] not null
);
grant select, insert, update on ops.opened_networks to guildhall_app;
