-- Lock: none on existing tables; adds the read-only functions of `ledger verify`.

create function ledger.organisations() returns table (org_id text, closed boolean) language sql stable as $$
  select o.org_id, exists (select from ledger.account a where a.org_id = o.org_id and a.closed_at is not null)
    from (select a.org_id from ledger.account a union select t.org_id from ledger.transfer t union select h.org_id from ledger.hold h) o order by 1
$$;

-- Every difference inside one organisation's books, from one snapshot; no rows when they are whole.
create function ledger.differences(p_org text) returns table (code text, object text, expected text, found text) language sql stable as $$
  with lines as (
    select e.transfer_seq, sum(e.amount) as total, array_agg(e.account order by e.line) as accounts, array_agg(e.amount order by e.line) as amounts
    from ledger.entry e where e.org_id = p_org group by e.transfer_seq
  ), joined as (
    select t.*, l.transfer_seq, coalesce(l.total, 0) as total, l.accounts, l.amounts
    from (select * from ledger.transfer x where x.org_id = p_org) t full join lines l on l.transfer_seq = t.seq
  ), sums as (
    select e.mode, e.account, sum(e.amount) as total from ledger.entry e where e.org_id = p_org group by 1, 2
  ), holds as (
    select h.*, coalesce(k.drawn, 0) as kids_drawn, coalesce(k.charged, 0) as kids_charged, coalesce(k.open_children, 0) as kids_open
    from ledger.hold h
    left join (
      select c.parent_id, sum(case when c.state = 'open' then c.amount else c.charged end) as drawn, sum(c.charged) as charged,
        count(*) filter (where c.state = 'open') as open_children
      from ledger.hold c where c.org_id = p_org and c.parent_id is not null group by c.parent_id
    ) k on k.parent_id = h.id
    where h.org_id = p_org
  ), booked as (
    select t.hold_id, sum(e.amount) filter (where e.account in ('spent', 'refunds')) as charged
    from ledger.transfer t join ledger.entry e on e.org_id = t.org_id and e.transfer_seq = t.seq
    where t.org_id = p_org and t.hold_id is not null group by t.hold_id
  )
  select 'transfer.unbalanced', coalesce(j.id, 'seq ' || j.transfer_seq), '0', case when j.transfer_seq is null then 'no entries' else j.total::text end
    from joined j where j.id is null or j.transfer_seq is null or j.total <> 0
  union all
  select 'transfer.altered', j.id, encode(j.content_hash, 'hex'), 'other content' from joined j
    where j.id is not null and j.transfer_seq is not null and j.total = 0
      and j.content_hash <> ledger.content_hash(j.id, j.mode, j.template, j.hold_id, j.run_id, j.reason, j.accounts, j.amounts)
  union all
  select 'account.balance', coalesce(a.mode || '/' || a.kind, s.mode || '/' || s.account), coalesce(s.total, 0)::text, coalesce(a.balance::text, 'no account')
    from (select * from ledger.account x where x.org_id = p_org) a full join sums s on s.mode = a.mode and s.account = a.kind
    where coalesce(a.balance, 0) <> coalesce(s.total, 0) or a.kind is null
  union all
  select 'account.held', a.mode || '/held', o.total::text, a.balance::text
    from ledger.account a
    cross join lateral (
      select coalesce(sum(h.amount - h.charged), 0) as total from holds h where h.mode = a.mode and h.parent_id is null and h.state = 'open'
    ) o
    where a.org_id = p_org and a.kind = 'held' and a.balance <> o.total
  union all
  select 'hold.tree', h.id, 'drawn ' || h.kids_drawn || ', charged ' || (h.kids_charged + h.own_charged) || ', open ' || h.kids_open,
      'drawn ' || h.drawn || ', charged ' || h.charged || ', open ' || h.open_children
    from holds h where h.drawn <> h.kids_drawn or h.charged <> h.kids_charged + h.own_charged or h.open_children <> h.kids_open
  union all
  select 'hold.charge', coalesce(h.id, b.hold_id), coalesce(b.charged, 0)::text, coalesce(h.own_charged::text, 'no hold')
    from holds h full join booked b on b.hold_id = h.id where coalesce(b.charged, 0) <> coalesce(h.own_charged, 0) or h.id is null
  union all
  select 'budget.counters', b.id, 'spent ' || c.spent || ', held ' || c.held, 'spent ' || b.spent || ', held ' || b.held
    from ledger.budget b cross join lateral ledger.expected_counters(p_org, b.scope_type, b.scope_id, b.period, b.period_start) c
    where b.org_id = p_org and (b.spent <> c.spent or b.held <> c.held)
$$;

-- What each run of an organisation was charged: by itself, and with everything beneath its hold.
create function ledger.charges_by_run(p_org text) returns table (run_id text, own bigint, total bigint, open boolean) language sql stable as $$
  select coalesce(e.run_id, h.run_id), coalesce(e.own, 0)::bigint, coalesce(h.total, 0)::bigint, coalesce(h.open, false)
  from (
    select t.run_id, sum(x.amount) as own from ledger.transfer t join ledger.entry x on x.org_id = t.org_id and x.transfer_seq = t.seq
    where t.org_id = p_org and t.run_id is not null and x.account in ('spent', 'refunds') group by t.run_id
  ) e
  full join (
    select x.run_id, sum(x.charged) as total, bool_or(x.state = 'open') as open from ledger.hold x where x.org_id = p_org group by x.run_id
  ) h on h.run_id = e.run_id
$$;

revoke all on all functions in schema ledger from public;
grant execute on all functions in schema ledger to guildhall_app, guildhall_definer;
call platform.system_function('ledger.sweep_one()');
call platform.system_function('ledger.organisations()');
call platform.system_function('ledger.differences(text)');
call platform.system_function('ledger.charges_by_run(text)');
-- These read without row-level security, so they are the system role's alone.
revoke all on function ledger.sweep_one, ledger.organisations, ledger.differences, ledger.charges_by_run from guildhall_app;
