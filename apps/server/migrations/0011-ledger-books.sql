-- Lock: none on existing tables; creates the schema ledger.
--
-- Order of locks, the same in every function here:
--   1. the root hold of a tree (it guards every hold beneath it)   2. the organisation's `available` account of the mode (the money
--   lock: it guards all accounts and budgets of that book)          3. other accounts   4. budgets.
-- A transaction that ends holds ends those of one tree only, and ends before it takes a new root hold.

call platform.module_schema('ledger');

create domain ledger.mode as text check (value in ('live', 'test'));
create domain ledger.account_kind as text
  check (value in ('available', 'held', 'spent', 'refunds', 'funding', 'provider_cost', 'provider_payable'));
create domain ledger.hold_state as text check (value in ('open', 'settled', 'released', 'expired'));

create table ledger.account (
  org_id text not null,
  mode ledger.mode not null,
  kind ledger.account_kind not null,
  balance bigint not null default 0,
  -- When the organisation was over: nothing is granted to it any more.
  closed_at timestamptz,
  primary key (org_id, mode, kind),
  constraint never_negative check (kind not in ('available', 'held') or balance >= 0)
) with (fillfactor = 50);
call platform.protect_tenant_table('ledger.account', 'select, insert, update');

create table ledger.transfer (
  org_id text not null,
  id text not null,
  seq bigint generated always as identity,
  mode text not null,
  template text not null,
  hold_id text,
  run_id text,
  reason text,
  content_hash bytea not null,
  created_at timestamptz not null,
  primary key (org_id, id),
  unique (org_id, seq)
);
call platform.protect_tenant_table('ledger.transfer', 'select, insert');

create table ledger.entry (
  org_id text not null,
  transfer_seq bigint not null,
  line smallint not null,
  mode text not null,
  account text not null,
  amount bigint not null check (amount <> 0),
  primary key (org_id, transfer_seq, line)
);
call platform.protect_tenant_table('ledger.entry', 'select, insert');

-- A hold reserves money for one run. A child hold reserves a part of its parent's.
create table ledger.hold (
  org_id text not null,
  id text not null,
  mode text not null,
  run_id text not null,
  parent_id text,
  root_id text not null,
  amount platform.amount not null,
  -- Of `amount`: reserved by open children, and charged by ended ones.
  drawn platform.amount not null default 0,
  -- Charged by this hold and all beneath it.
  charged platform.amount not null default 0,
  -- Charged by this hold itself.
  own_charged platform.amount not null default 0,
  -- What the settlement reported; may exceed what was charged.
  cost bigint,
  state ledger.hold_state not null default 'open',
  -- The ancestor whose end closed this hold, if that is how it ended.
  closed_by text,
  open_children platform.count not null default 0,
  key_id text,
  agent_id text,
  member_id text,
  -- True when this hold reserves in its agent's budgets: no ancestor of the same agent does so already.
  covers_agent boolean not null,
  -- Which period the tree counts in, and which one the agent's budgets count it in.
  period_at timestamptz not null,
  agent_period_at timestamptz not null,
  -- Cleared when the hold ends, which takes it out of the sweeper's index.
  expires_at timestamptz,
  ended_at timestamptz,
  primary key (org_id, id),
  constraint within_amount check (drawn + own_charged <= amount and charged <= amount)
) with (fillfactor = 80);
create index hold_children on ledger.hold (org_id, parent_id) where parent_id is not null;
create index hold_expiry on ledger.hold (expires_at) where expires_at is not null;
call platform.protect_tenant_table('ledger.hold', 'select, insert, update');

-- Counters are those of the period that began at period_start; an older period's are read as zero.
create table ledger.budget (
  org_id text not null,
  id text not null,
  scope_type text not null check (scope_type in ('organisation', 'member', 'key', 'agent')),
  scope_id text not null,
  period text not null check (period in ('day', 'month', 'total')),
  limit_nanos platform.amount not null,
  hard boolean not null,
  period_start timestamptz not null,
  spent platform.amount not null default 0,
  held platform.amount not null default 0,
  primary key (org_id, id),
  unique (org_id, scope_type, scope_id, period)
) with (fillfactor = 50);
call platform.protect_tenant_table('ledger.budget');

revoke update, delete on ledger.transfer, ledger.entry from guildhall_definer;
revoke delete on ledger.account, ledger.hold from guildhall_definer;

create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '%.% is append-only: correct it with a reversing transfer', tg_table_schema, tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on ledger.transfer
  for each statement execute function ledger.refuse_change();
create trigger append_only before update or delete or truncate on ledger.entry
  for each statement execute function ledger.refuse_change();

-- Entries of a transfer are written by one statement, and each statement must balance. Checked there and then, not at commit: once
-- for a transfer instead of once for an entry, and by the role that writes.
create function ledger.check_balanced() returns trigger language plpgsql as $$
begin
  if exists (select 1 from fresh f group by f.org_id, f.transfer_seq having sum(f.amount) <> 0) then
    raise exception 'the entries of a transfer do not sum to zero' using errcode = 'check_violation', constraint = 'balanced';
  end if;
  return null;
end $$;
create trigger balanced after insert on ledger.entry referencing new table as fresh for each statement execute function ledger.check_balanced();

create function ledger.period_start(p_period text, p_at timestamptz) returns timestamptz language sql stable as $$
  select case p_period when 'day' then date_trunc('day', p_at, 'UTC') when 'month' then date_trunc('month', p_at, 'UTC')
    else timestamptz '1970-01-01 00:00:00+00' end
$$;

-- Null: never.
create function ledger.period_end(p_period text, p_at timestamptz) returns timestamptz language sql stable as $$
  select case p_period when 'day' then date_trunc('day', p_at, 'UTC') + interval '24 hours'
    when 'month' then (date_trunc('month', p_at at time zone 'UTC') + interval '1 month') at time zone 'UTC' end
$$;

create function ledger.content_hash(
  p_id text, p_mode text, p_template text, p_hold text, p_run text, p_reason text, p_accounts text[], p_amounts bigint[]
) returns bytea language sql stable as $$
  select sha256(convert_to(jsonb_build_array(p_id, p_mode, p_template, p_hold, p_run, p_reason, p_accounts, p_amounts)::text, 'UTF8'))
$$;

-- Ids of the transfers that a hold makes are derived from the hold's, so that each kind happens once for ever.
create function ledger.hold_transfer_id(p_hold text, p_what text) returns text language sql immutable as $$
  select regexp_replace(p_hold, '^hold_', 'tr_') || '.' || p_what
$$;

-- Takes the money lock; the amount available, or null where the organisation has no open accounts.
create function ledger.lock_money(p_org text, p_mode text) returns bigint language plpgsql as $$
begin
  -- Whoever comes at the same time queues here, where a turn costs one wake-up, and finds the row free and fresh. Queueing at the row
  -- itself wakes each waiter several times and evaluates its statement anew.
  perform pg_advisory_xact_lock(hashtextextended(p_org || ' ' || p_mode, 3));
  return (select a.balance from ledger.account a where a.org_id = p_org and a.mode = p_mode and a.kind = 'available' and a.closed_at is null for update);
end $$;

-- Books one transfer; lines of zero are left out. The caller holds the money lock, so the order in which accounts change is free.
-- 'posted'; 'same' when this id was booked with this content before; 'conflict' when with other content.
create function ledger.post(
  p_org text, p_mode text, p_id text, p_template text, p_hold text, p_run text, p_reason text, p_accounts text[], p_amounts bigint[]
) returns text language plpgsql as $$
declare
  v_accounts text[] := p_accounts;
  v_amounts bigint[] := p_amounts;
  v_hash bytea;
  v_changed int;
begin
  if 0 = any (p_amounts) then
    select coalesce(array_agg(l.account order by l.line), '{}'), coalesce(array_agg(l.amount order by l.line), '{}') into v_accounts, v_amounts
      from unnest(p_accounts, p_amounts) with ordinality l (account, amount, line) where l.amount <> 0;
    if cardinality(v_accounts) = 0 then
      return 'posted';
    end if;
  end if;
  v_hash := ledger.content_hash(p_id, p_mode, p_template, p_hold, p_run, p_reason, v_accounts, v_amounts);
  -- One statement: no reader ever sees a transfer without its entries, or entries that are not in the balances.
  with lines as materialized (
    select l.account, l.amount, l.line::smallint as line from unnest(v_accounts, v_amounts) with ordinality l (account, amount, line)
  ), booked as (
    insert into ledger.transfer (org_id, id, mode, template, hold_id, run_id, reason, content_hash, created_at)
      values (p_org, p_id, p_mode, p_template, p_hold, p_run, p_reason, v_hash, platform.now())
      on conflict (org_id, id) do nothing returning seq
  ), entered as (
    insert into ledger.entry (org_id, transfer_seq, line, mode, account, amount)
      select p_org, b.seq, l.line, p_mode, l.account, l.amount from booked b, lines l
  )
  update ledger.account a set balance = a.balance + l.amount from booked b, lines l
    where a.org_id = p_org and a.mode = p_mode and a.kind = l.account;
  get diagnostics v_changed = row_count;
  if v_changed = cardinality(v_accounts) then
    return 'posted';
  end if;
  if v_changed > 0 then
    raise exception 'organisation % lacks a % account among %', p_org, p_mode, v_accounts;
  end if;
  return (select case when t.content_hash = v_hash then 'same' else 'conflict' end from ledger.transfer t where t.org_id = p_org and t.id = p_id);
end $$;

-- Books a transfer that no hold is part of. Adds the outcomes 'insufficient' (it would overdraw) and 'no-accounts'.
create function ledger.book(
  p_org text, p_mode text, p_id text, p_template text, p_run text, p_reason text, p_accounts text[], p_amounts bigint[]
) returns text language plpgsql as $$
declare
  v_available bigint := ledger.lock_money(p_org, p_mode);
  v_change bigint;
begin
  if v_available is null then
    return 'no-accounts';
  end if;
  if not exists (select 1 from ledger.transfer t where t.org_id = p_org and t.id = p_id) then
    select coalesce(sum(l.amount), 0) into v_change from unnest(p_accounts, p_amounts) l (account, amount) where l.account = 'available';
    if v_available + v_change < 0 then
      return 'insufficient';
    end if;
  end if;
  return ledger.post(p_org, p_mode, p_id, p_template, null, p_run, p_reason, p_accounts, p_amounts);
end $$;

-- Idempotent: a book that is open already keeps its balances.
create function ledger.open_accounts(p_org text, p_test_credit bigint) returns void language plpgsql as $$
begin
  insert into ledger.account (org_id, mode, kind)
    select p_org, m, k from unnest(array['live', 'test']) m,
      unnest(array['available', 'held', 'spent', 'refunds', 'funding', 'provider_cost', 'provider_payable']) k
    on conflict do nothing;
  perform ledger.book(p_org, 'test', 'tr_opening_test_credit', 'grant-credit', null, 'free test credit',
    array['available', 'funding'], array[p_test_credit, -p_test_credit]);
end $$;
