-- Lock: ledger.hold, for the length of adding a column; adds functions that take and settle many holds in one statement.
--
-- A model call is over in milliseconds and thousands may wait at once, so their holds are taken and settled together: one statement,
-- one commit, one turn at each organisation's money lock, and still each of them accepted, refused or charged by itself, exactly.
-- Holds taken here are roots without children. Order of locks: holds by (organisation, id), then money by (organisation, mode);
-- ledger.lock_calls takes them all, and the other functions here rely on it.
--
-- Rows are looked up one key at a time (`lateral … offset 0`) or by ctid once they are locked: a plan that was made while the tables were
-- small must not read them whole when they have grown.

-- What the operator may come to owe a provider for this hold if nobody ever settles it.
alter table ledger.hold add column at_risk bigint not null default 0 check (at_risk >= 0);

-- Takes the money locks of many books, in the one order that everybody follows.
create function ledger.lock_books(p_orgs text[], p_modes text[]) returns void language plpgsql as $$
declare
  v record;
begin
  for v in select distinct b.org, b.mode from unnest(p_orgs, p_modes) b (org, mode) order by 1, 2 loop
    perform ledger.lock_money(v.org, v.mode);
  end loop;
end $$;

-- Decides on the asked holds of one book in the order they came, as if each had been taken alone. The money lock is held.
create function ledger.judge_holds(p_org text, p_mode text, p_asked jsonb, p_now timestamptz)
  returns table (hold text, outcome text, available bigint, budget jsonb) language plpgsql as $$
declare
  a record;
  v_free bigint := (select x.balance from ledger.account x where x.org_id = p_org and x.mode = p_mode and x.kind = 'available');
  v_ids text[];
  v_types text[];
  v_scopes text[];
  v_left bigint[];
  v_refused int;
begin
  if p_mode = 'live' then
    select array_agg(b.id order by b.id), array_agg(b.scope_type order by b.id), array_agg(b.scope_id order by b.id),
        array_agg(b.limit_nanos - case when b.period_start < ledger.period_start(b.period, p_now) then 0 else b.spent + b.held end order by b.id)
      into v_ids, v_types, v_scopes, v_left
      from ledger.budget b where b.org_id = p_org and b.hard;
  end if;
  for a in select * from jsonb_to_recordset(p_asked) x (hold text, amount bigint, key text, agent text, member text) loop
    hold := a.hold;
    outcome := 'ok';
    available := null;
    budget := null;
    if v_free is null then
      outcome := 'no-accounts';
    elsif v_free < a.amount then
      outcome := 'balance';
      available := v_free;
    elsif v_ids is not null then
      v_refused := null;
      for i in 1 .. cardinality(v_ids) loop
        if v_left[i] < a.amount and (v_types[i] = 'organisation' or v_scopes[i] = case v_types[i] when 'key' then a.key when 'agent' then a.agent else a.member end) then
          v_refused := i;
          exit;
        end if;
      end loop;
      if v_refused is not null then
        outcome := 'budget';
        available := greatest(v_left[v_refused], 0);
        budget := (select ledger.describe_budget(b, p_now) from ledger.budget b where b.org_id = p_org and b.id = v_ids[v_refused]);
      else
        for i in 1 .. cardinality(v_ids) loop
          if (v_types[i] = 'organisation' or v_scopes[i] = case v_types[i] when 'key' then a.key when 'agent' then a.agent else a.member end) then
            v_left[i] := v_left[i] - a.amount;
          end if;
        end loop;
      end if;
    end if;
    if outcome = 'ok' then
      v_free := v_free - a.amount;
    end if;
    return next;
  end loop;
end $$;

-- Takes root holds: [{ org, mode, hold, run, amount, key, agent, member, lives, risk }], where `lives` is how many milliseconds of the
-- database's clock pass before the sweeper may take it back. A hold that is there already answers 'ok' again,
-- or 'conflict' when its content differs, so the whole call may be repeated.
create function ledger.take_holds(p_asked jsonb)
  returns table (hold text, outcome text, available bigint, budget jsonb) language plpgsql as $$
declare
  v_now timestamptz;
  v_period_at timestamptz;
  v_book record;
  v_answers jsonb := '[]';
begin
  v_now := platform.now();
  for v_book in
    select a.org, a.mode, jsonb_agg(case when l.line_id is null then to_jsonb(a) else to_jsonb(a) || jsonb_build_object('key', l.line_id) end order by a.place) as asked from (
      select x.*, row_number() over () as place from jsonb_to_recordset(p_asked)
        x (org text, mode text, hold text, run text, amount bigint, key text, agent text, member text, lives bigint, risk bigint)
    ) a
    left join lateral (select true as known from ledger.hold h where h.org_id = a.org and h.id = a.hold offset 0) k on true
    left join lateral (select x.line_id from ledger.key_line x where x.org_id = a.org and x.key_id = a.key offset 0) l on true
    where k.known is null group by 1, 2 order by 1, 2
  loop
    v_period_at := case when v_book.mode = 'live' then ledger.period_now(v_book.org) else v_now end;
    with judged as materialized (
      select j.*, a.run, a.amount, a.key, a.agent, a.member, a.lives, a.risk
      from ledger.judge_holds(v_book.org, v_book.mode, v_book.asked, v_period_at) j
      join jsonb_to_recordset(v_book.asked) a (hold text, run text, amount bigint, key text, agent text, member text, lives bigint, risk bigint) on a.hold = j.hold
    ), taken as (
      select j.*, ledger.hold_transfer_id(j.hold, 'take') as transfer from judged j where j.outcome = 'ok'
    ), holds as (
      insert into ledger.hold (org_id, id, mode, run_id, root_id, amount, key_id, agent_id, member_id, covers_agent, period_at, agent_period_at, expires_at, at_risk)
        select v_book.org, t.hold, v_book.mode, t.run, t.hold, t.amount, t.key, t.agent, t.member, true, v_period_at, v_period_at, v_now + t.lives * interval '1 millisecond', t.risk from taken t
    ), booked as (
      insert into ledger.transfer (org_id, id, mode, template, hold_id, run_id, content_hash, created_at)
        select v_book.org, t.transfer, v_book.mode, 'take-hold', t.hold, t.run,
          ledger.content_hash(t.transfer, v_book.mode, 'take-hold', t.hold, t.run, null, array['available', 'held'], array[-t.amount, t.amount]), v_now
        from taken t where t.amount > 0 returning id, seq
    ), entered as (
      insert into ledger.entry (org_id, transfer_seq, line, mode, account, amount)
        select v_book.org, b.seq, l.line, v_book.mode, l.account, l.sign * t.amount
        from booked b join taken t on t.transfer = b.id, (values (1::smallint, 'available', -1), (2::smallint, 'held', 1)) l (line, account, sign)
    ), moved as (
      update ledger.account a set balance = a.balance + l.sign * s.total
        from (select sum(t.amount)::bigint as total from taken t) s, (values ('available', -1), ('held', 1)) l (account, sign)
        where a.org_id = v_book.org and a.mode = v_book.mode and a.kind = l.account and s.total > 0
    ), counted as (
      update ledger.budget b set
          held = case when b.period_start < ledger.period_start(b.period, v_period_at) then 0 else b.held end + s.total,
          spent = case when b.period_start < ledger.period_start(b.period, v_period_at) then 0 else b.spent end,
          period_start = greatest(b.period_start, ledger.period_start(b.period, v_period_at))
        from (
          select x.id, sum(t.amount)::bigint as total from ledger.budget x join taken t
            on x.scope_type = 'organisation' or x.scope_id = case x.scope_type when 'key' then t.key when 'agent' then t.agent else t.member end
          where x.org_id = v_book.org and v_book.mode = 'live' group by x.id
        ) s
        where b.org_id = v_book.org and b.id = s.id
    )
    select v_answers || coalesce(jsonb_agg(to_jsonb(j)), '[]') into v_answers from judged j;
  end loop;
  return query
    select a.hold, coalesce(j.outcome, case when (h.mode, h.run_id, h.amount) = (a.mode, a.run, a.amount) and h.parent_id is null then 'ok' else 'conflict' end),
      j.available, j.budget
    from jsonb_to_recordset(p_asked) a (org text, mode text, hold text, run text, amount bigint)
    left join jsonb_to_recordset(v_answers) j (hold text, outcome text, available bigint, budget jsonb) on j.hold = a.hold
    left join lateral (select x.* from ledger.hold x where x.org_id = a.org and x.id = a.hold offset 0) h on j.hold is null;
end $$;

-- Settles root holds without children: [{ org, hold, run, cost, loss }], where `loss` is what the operator bears of it. 'ok' with what was
-- charged, also when it was settled with this cost before; 'late' when the sweeper was faster: then nothing is charged and the
-- sweeper has booked the loss; 'conflict' for another cost or run; 'missing'.
create function ledger.settle_holds(p_ends jsonb) returns table (hold text, outcome text, charged bigint) language plpgsql as $$
declare
  v_now timestamptz := platform.now();
  v_done jsonb;
begin
  with ends as materialized (
    select e.*, k.row from jsonb_to_recordset(p_ends) e (org text, hold text, run text, cost bigint, loss bigint)
    cross join lateral (select x.ctid as row from ledger.hold x where x.org_id = e.org and x.id = e.hold offset 0) k
  ), ended as (
    update ledger.hold h set state = 'settled', cost = e.cost, own_charged = least(e.cost, h.amount), charged = least(e.cost, h.amount), expires_at = null, ended_at = v_now
      from ends e where h.ctid = e.row and h.run_id = e.run and h.state = 'open' and h.parent_id is null and h.open_children = 0 and h.charged = 0
      returning h.org_id, h.id, h.mode, h.run_id, h.amount, h.own_charged, h.key_id, h.agent_id, h.member_id, h.period_at, e.loss
  ), wanted as materialized (
    select d.*, ledger.hold_transfer_id(d.id, 'end') as transfer, 'settle-hold' as template,
      array['available', 'held', 'spent'] as accounts, array[d.amount - d.own_charged, -d.amount, d.own_charged] as amounts
    from ended d where d.amount > 0
    union all
    select d.*, ledger.hold_transfer_id(d.id, 'loss'), 'operator-loss', array['provider_cost', 'provider_payable'], array[d.loss, -d.loss] from ended d where d.loss > 0
  ), lines as materialized (
    select w.org_id, w.mode, w.transfer, l.account, l.amount, row_number() over (partition by w.org_id, w.transfer order by l.place)::smallint as line
    from wanted w, unnest(w.accounts, w.amounts) with ordinality l (account, amount, place) where l.amount <> 0
  ), booked as (
    insert into ledger.transfer (org_id, id, mode, template, hold_id, run_id, content_hash, created_at)
      select w.org_id, w.transfer, w.mode, w.template, w.id, w.run_id,
        ledger.content_hash(w.transfer, w.mode, w.template, w.id, w.run_id, null, k.accounts, k.amounts), v_now
      from wanted w, lateral (
        select array_agg(l.account order by l.line) as accounts, array_agg(l.amount order by l.line) as amounts from lines l
        where l.org_id = w.org_id and l.transfer = w.transfer
      ) k
      returning org_id, id, seq
  ), entered as (
    insert into ledger.entry (org_id, transfer_seq, line, mode, account, amount)
      select l.org_id, b.seq, l.line, l.mode, l.account, l.amount from lines l join booked b on b.org_id = l.org_id and b.id = l.transfer
  ), moved as (
    update ledger.account a set balance = a.balance + s.total
      from (select l.org_id, l.mode, l.account, sum(l.amount)::bigint as total from lines l group by 1, 2, 3) s
      where a.org_id = s.org_id and a.mode = s.mode and a.kind = s.account and s.total <> 0
  ), counted as (
    update ledger.budget b set held = b.held - s.held, spent = b.spent + s.spent
      from (
        select x.org_id, x.id, sum(d.amount)::bigint as held, sum(d.own_charged)::bigint as spent from ledger.budget x join ended d
          on x.org_id = d.org_id and d.mode = 'live' and x.period_start = ledger.period_start(x.period, d.period_at)
            and (x.scope_type = 'organisation' or x.scope_id = case x.scope_type when 'key' then d.key_id when 'agent' then d.agent_id else d.member_id end)
        group by 1, 2
      ) s
      where b.org_id = s.org_id and b.id = s.id
  )
  select coalesce(jsonb_agg(jsonb_build_object('hold', d.id, 'charged', d.own_charged)), '[]') into v_done from ended d;
  return query
    select e.hold, case when d.hold is not null then 'ok' when h.id is null then 'missing' when h.run_id <> e.run then 'conflict'
        when h.state = 'settled' and h.cost = e.cost then 'ok' when h.state = 'expired' then 'late' else 'conflict' end,
      coalesce(d.charged, case when h.state = 'settled' then h.own_charged else 0 end)
    from jsonb_to_recordset(p_ends) e (org text, hold text, run text, cost bigint)
    left join jsonb_to_recordset(v_done) d (hold text, charged bigint) on d.hold = e.hold
    left join lateral (select x.* from ledger.hold x where x.org_id = e.org and x.id = e.hold offset 0) h on d.hold is null;
end $$;

-- Takes back one hold that has expired, and books what the operator may owe for it: who it was and whether this call did it (false: it was
-- settled in that very moment); no row when none has. One hold a call, because two trees must not be locked in one transaction.
drop function ledger.sweep_one();
create function ledger.sweep_one() returns table (org_id text, hold text, run text, swept boolean) language plpgsql as $$
declare
  v record;
begin
  select h.org_id, h.id, h.run_id, h.mode, h.at_risk into v from ledger.hold h where h.expires_at <= platform.now() order by h.expires_at limit 1;
  if not found then
    return;
  end if;
  swept := (select e.outcome = 'ok' from ledger.end_hold(v.org_id, v.id, 'expired', null, null) e);
  if swept and v.at_risk > 0 then
    perform ledger.post(v.org_id, v.mode, ledger.hold_transfer_id(v.id, 'loss'), 'operator-loss', v.id, v.run_id, null,
      array['provider_cost', 'provider_payable'], array[v.at_risk, -v.at_risk]);
  end if;
  org_id := v.org_id;
  hold := v.id;
  run := v.run_id;
  return next;
end $$;

-- Before a statement that settles and takes: all locks it will need, in the one order.
create function ledger.lock_calls(p_ends jsonb, p_begins jsonb) returns void language plpgsql as $$
begin
  perform ledger.lock_books(array_agg(l.org_id), array_agg(l.mode)) from (
    select k.org_id, k.mode from (select e.* from jsonb_to_recordset(p_ends) e (org text, hold text) order by e.org, e.hold) e
    cross join lateral (select h.org_id, h.mode from ledger.hold h where h.org_id = e.org and h.id = e.hold offset 0 for update) k
    union
    select b.hold ->> 'org', b.hold ->> 'mode' from jsonb_to_recordset(p_begins) b (hold jsonb)
  ) l;
end $$;

-- What was at risk with a hold.
create function ledger.risk_of(p_org text, p_hold text) returns bigint language sql stable as $$
  select h.at_risk from ledger.hold h where h.org_id = p_org and h.id = p_hold
$$;

revoke all on function ledger.lock_calls, ledger.risk_of, ledger.lock_books, ledger.judge_holds, ledger.take_holds, ledger.settle_holds, ledger.sweep_one from public;
grant execute on function ledger.lock_calls, ledger.risk_of, ledger.lock_books, ledger.judge_holds, ledger.take_holds, ledger.settle_holds, ledger.sweep_one to guildhall_definer;
call platform.system_function('ledger.sweep_one()');
