-- Lock: ledger.budget, for the length of adding columns without a rewrite; creates a table of its own and adds functions.
--
-- Two things that a budget does beside refusing: one of a key goes on counting when the key is rotated, and each tells once a period when
-- half, four fifths and all of it, or an amount that its owner named, are spent.

-- A key that took another's place counts in the budgets of the first of their line.
create table ledger.key_line (
  org_id text not null,
  key_id text not null,
  line_id text not null,
  seq bigint generated always as identity,
  primary key (org_id, key_id)
);
create index key_line_members on ledger.key_line (org_id, line_id, seq);
call platform.protect_tenant_table('ledger.key_line', 'select, insert');

create function ledger.line_of_key(p_org text, p_key text) returns text language sql stable as $$
  select coalesce((select l.line_id from ledger.key_line l where l.org_id = p_org and l.key_id = p_key), p_key)
$$;

-- The key whose name a line bears outside: its youngest.
create function ledger.key_of_line(p_org text, p_line text) returns text language sql stable as $$
  select coalesce((select l.key_id from ledger.key_line l where l.org_id = p_org and l.line_id = p_line order by l.seq desc limit 1), p_line)
$$;

create function ledger.follow_key(p_org text, p_key text, p_successor text) returns void language plpgsql as $$
begin
  insert into ledger.key_line (org_id, key_id, line_id) values (p_org, p_successor, ledger.line_of_key(p_org, p_key)) on conflict do nothing;
end $$;

-- Whose spending a budget counts, by the names that the outside knows.
create function ledger.budget_scope(b ledger.budget) returns jsonb language sql stable as $$
  select jsonb_build_object('type', b.scope_type, 'id', case when b.scope_type = 'key' then ledger.key_of_line(b.org_id, b.scope_id) else b.scope_id end)
$$;

create function ledger.instant(p_at timestamptz) returns text language sql immutable as $$
  select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- The budget that refuses, as the refusal names it.
create function ledger.describe_budget(b ledger.budget, p_now timestamptz) returns jsonb language sql stable as $$
  select jsonb_build_object('id', b.id, 'scope', ledger.budget_scope(b), 'period', b.period, 'resetsAt', ledger.instant(ledger.period_end(b.period, p_now)))
$$;

alter table ledger.budget
  -- Amounts at which its owner wants to hear of it, beside the shares of its limit.
  add column alert_at bigint[] not null default '{}' check (0 < all (alert_at)),
  -- What was told in this period: `50%`, or an amount.
  add column told text[] not null default '{}',
  -- The least amount that is not told yet; null: all are. A settlement that stays below it does nothing beside counting.
  add column next_alert bigint default 0;

-- Where a budget tells: at shares of its limit (a limit of nothing: at the first nano), and at the amounts of its owner.
create function ledger.budget_marks(p_limit bigint, p_alert_at bigint[]) returns table (mark text, percent int, amount bigint) language sql immutable as $$
  select s.percent || '%', s.percent, greatest(1, ceil(p_limit::numeric * s.percent / 100))::bigint from unnest(array[50, 80, 100]) s (percent)
  union
  select a.amount::text, null, a.amount from unnest(p_alert_at) a (amount)
$$;

create function ledger.money(p_nanos bigint) returns jsonb language sql immutable as $$
  select jsonb_build_object('nanos', p_nanos::text, 'currency', 'USD')
$$;

-- Tells every mark that was reached and is not told yet, in the very transaction that reached it. A mark is told once a period, also when a refund
-- takes the spending below it and it is reached again; a share whose limit was changed, and that is then not reached, counts as not told.
create function ledger.tell_marks() returns trigger language plpgsql as $$
declare
  m record;
begin
  if tg_op = 'UPDATE' and new.period_start <> old.period_start then
    new.told := '{}';
  elsif tg_op = 'UPDATE' and new.limit_nanos <> old.limit_nanos then
    new.told := array(select k.mark from ledger.budget_marks(new.limit_nanos, new.alert_at) k
      where k.mark = any (new.told) and (k.percent is null or k.amount <= new.spent));
  end if;
  for m in select * from ledger.budget_marks(new.limit_nanos, new.alert_at) k where k.mark <> all (new.told) and k.amount <= new.spent order by k.amount, k.percent loop
    new.told := new.told || m.mark;
    perform platform.tell_outside(new.org_id, 'evt_' || replace(gen_random_uuid()::text, '-', ''), 'budget.threshold.v1',
      ledger.describe_budget(new, new.period_start) - 'id' || jsonb_build_object('budgetId', new.id, 'mode', 'live', 'limit', ledger.money(new.limit_nanos),
        'hard', new.hard, 'threshold', jsonb_build_object('percent', m.percent, 'amount', ledger.money(m.amount)), 'spent', ledger.money(new.spent),
        'held', ledger.money(new.held), 'periodStart', case when new.period <> 'total' then ledger.instant(new.period_start) end));
  end loop;
  new.next_alert := (select min(k.amount) from ledger.budget_marks(new.limit_nanos, new.alert_at) k where k.mark <> all (new.told));
  return new;
end $$;
create trigger tell_new_marks before insert on ledger.budget for each row execute function ledger.tell_marks();
-- The condition is all that a settlement pays which reaches nothing.
create trigger tell_marks before update on ledger.budget for each row
  when (new.spent >= new.next_alert or new.period_start <> old.period_start or new.limit_nanos <> old.limit_nanos or new.alert_at <> old.alert_at)
  execute function ledger.tell_marks();

revoke all on function ledger.line_of_key, ledger.key_of_line, ledger.follow_key, ledger.budget_scope, ledger.instant, ledger.describe_budget,
  ledger.budget_marks, ledger.money, ledger.tell_marks from public;
grant execute on function ledger.line_of_key, ledger.key_of_line, ledger.follow_key, ledger.budget_scope, ledger.instant, ledger.describe_budget,
  ledger.budget_marks, ledger.money to guildhall_app, guildhall_definer;
