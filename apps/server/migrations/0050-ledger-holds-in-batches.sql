-- Lock: ledger.hold, for the length of adding a column; adds functions that take and settle many holds in one statement.
--
-- A model call is over in milliseconds and thousands may wait at once, so their holds are taken and settled together: one statement,
-- one commit, one turn at each organisation's money lock, and still each of them accepted, refused or charged by itself, exactly.
-- Holds taken here are roots without children. Order of locks: holds by (organisation, id), then money by (organisation, mode);
-- ledger.lock_calls takes them all, and the other functions here rely on it.
--
-- Each element is judged by itself, with plain look-ups by key that cost a few microseconds however large the tables are. What follows from the
-- judgements is written for all elements of a book together: a statement that writes costs more to begin than to write one row more.

-- What the operator may come to owe a provider for this hold if nobody ever settles it.
alter table ledger.hold add column at_risk platform.amount not null default 0;

-- Before a statement that settles and takes: all locks it will need, in the one order.
create function ledger.lock_calls(p_ends jsonb, p_begins jsonb) returns void language plpgsql as $$
declare
  e record;
  v_mode text;
  v_books text[] := '{}';
begin
  if p_ends <> '[]' then
    for e in select x.org, x.hold from jsonb_to_recordset(p_ends) x (org text, hold text) where x.hold is not null order by 1, 2 loop
      select h.mode into v_mode from ledger.hold h where h.org_id = e.org and h.id = e.hold for update;
      if found then
        v_books := array_append(v_books, e.org || ' ' || v_mode);
      end if;
    end loop;
  end if;
  for e in
    select b.book from unnest(v_books) b (book)
    union select x.hold ->> 'org' || ' ' || (x.hold ->> 'mode') from jsonb_to_recordset(p_begins) x (hold jsonb)
    order by 1
  loop
    perform ledger.lock_money(split_part(e.book, ' ', 1), split_part(e.book, ' ', 2));
  end loop;
end $$;

-- Writes down the holds that were taken in one book, their transfers, and what they change in its accounts.
create function ledger.write_taken(
  p_org text, p_mode text, p_now timestamptz, p_period_at timestamptz, p_holds text[], p_runs text[], p_amounts bigint[],
  p_keys text[], p_agents text[], p_members text[], p_lives bigint[], p_risks bigint[], p_total bigint
) returns void language plpgsql as $$
begin
  insert into ledger.hold (org_id, id, mode, run_id, root_id, amount, key_id, agent_id, member_id, covers_agent, period_at, agent_period_at, expires_at, at_risk)
    select p_org, t.hold, p_mode, t.run, t.hold, t.amount, t.key, t.agent, t.member, true, p_period_at, p_period_at, p_now + t.lives * interval '1 millisecond', t.risk
    from unnest(p_holds, p_runs, p_amounts, p_keys, p_agents, p_members, p_lives, p_risks) t (hold, run, amount, key, agent, member, lives, risk);
  if p_total > 0 then
    with booked as (
      insert into ledger.transfer (org_id, id, mode, template, hold_id, run_id, content_hash, created_at)
        select p_org, i.id, p_mode, 'take-hold', t.hold, t.run,
          ledger.content_hash(i.id, p_mode, 'take-hold', t.hold, t.run, null, array['available', 'held'], array[-t.amount, t.amount]), p_now
        from unnest(p_holds, p_runs, p_amounts) t (hold, run, amount), lateral (select ledger.hold_transfer_id(t.hold, 'take') as id offset 0) i where t.amount > 0
        returning seq, hold_id
    )
    insert into ledger.entry (org_id, transfer_seq, line, mode, account, amount)
      select p_org, b.seq, l.line, p_mode, l.account, l.sign * t.amount
      from booked b join unnest(p_holds, p_amounts) t (hold, amount) on t.hold = b.hold_id, (values (1::smallint, 'available', -1), (2::smallint, 'held', 1)) l (line, account, sign);
    update ledger.account a set balance = a.balance + case a.kind when 'held' then p_total else -p_total end
      where a.org_id = p_org and a.mode = p_mode and a.kind in ('available', 'held');
  end if;
end $$;

-- What the settled holds of one book come to.
create type ledger.settled_sums as (held bigint, charged bigint, lost bigint);

-- The same for holds that were settled, which lie at p_at: what each reported, was charged, and costs the operator.
create function ledger.write_settled(
  p_org text, p_mode text, p_now timestamptz, p_at tid[], p_holds text[], p_runs text[], p_amounts bigint[], p_costs bigint[], p_charged bigint[], p_losses bigint[],
  p_sums ledger.settled_sums
) returns void language plpgsql as $$
begin
  update ledger.hold x set state = 'settled', cost = t.cost, own_charged = t.charged, charged = t.charged, expires_at = null, ended_at = p_now
    from unnest(p_holds, p_costs, p_charged) t (hold, cost, charged) where x.ctid = any (p_at) and x.id = t.hold;
  with wanted as (
    select t.hold, t.run, ledger.hold_transfer_id(t.hold, w.what) as id, w.template, w.accounts, w.amounts
    from unnest(p_holds, p_runs, p_amounts, p_charged, p_losses) t (hold, run, amount, charged, loss), lateral (values
      ('end', 'settle-hold', case when t.charged = t.amount then array['held', 'spent'] when t.charged = 0 then array['available', 'held'] else array['available', 'held', 'spent'] end,
        case when t.charged = t.amount then array[-t.amount, t.charged] when t.charged = 0 then array[t.amount, -t.amount] else array[t.amount - t.charged, -t.amount, t.charged] end,
        t.amount > 0),
      ('loss', 'operator-loss', array['provider_cost', 'provider_payable'], array[t.loss, -t.loss], t.loss > 0)) w (what, template, accounts, amounts, is_wanted)
    where w.is_wanted offset 0
  ), booked as (
    insert into ledger.transfer (org_id, id, mode, template, hold_id, run_id, content_hash, created_at)
      select p_org, w.id, p_mode, w.template, w.hold, w.run, ledger.content_hash(w.id, p_mode, w.template, w.hold, w.run, null, w.accounts, w.amounts), p_now from wanted w
      returning seq, id
  )
  insert into ledger.entry (org_id, transfer_seq, line, mode, account, amount)
    select p_org, b.seq, l.line::smallint, p_mode, l.account, l.amount
    from booked b join wanted w on w.id = b.id, unnest(w.accounts, w.amounts) with ordinality l (account, amount, line);
  update ledger.account a set balance = a.balance + case a.kind when 'available' then p_sums.held - p_sums.charged when 'held' then -p_sums.held when 'spent' then p_sums.charged
      when 'provider_cost' then p_sums.lost else -p_sums.lost end
    where a.org_id = p_org and a.mode = p_mode and (a.kind in ('available', 'held', 'spent') or (p_sums.lost > 0 and a.kind in ('provider_cost', 'provider_payable')));
end $$;

-- Takes root holds: [{ org, mode, hold, run, amount, key, agent, member, lives, risk }], where `lives` is how many milliseconds of the
-- database's clock pass before the sweeper may take it back. Each is decided in the order they came, as if it had been asked for alone. A hold
-- that is there already answers 'ok' again, or 'conflict' when its content differs, so the whole call may be repeated.
create function ledger.take_holds(p_asked jsonb)
  returns table (hold text, outcome text, available bigint, budget jsonb) language plpgsql as $$
declare
  a record;
  v_known record;
  v_budget record;
  v_now timestamptz := platform.now();
  v_org text;
  v_mode text;
  v_free bigint;
  v_total bigint;
  v_period_at timestamptz;
  v_follows boolean;
  v_has_budgets boolean;
  v_holds text[] := '{}';
  v_runs text[];
  v_amounts bigint[];
  v_keys text[];
  v_agents text[];
  v_members text[];
  v_lives bigint[];
  v_risks bigint[];
begin
  for a in
    select x.* from rows from (jsonb_to_recordset(p_asked) as (org text, mode text, hold text, run text, amount bigint, key text, agent text, member text, lives bigint, risk bigint))
      with ordinality x (org, mode, hold, run, amount, key, agent, member, lives, risk, place) order by x.org, x.mode, x.place
  loop
    if v_org is distinct from a.org or v_mode is distinct from a.mode then
      if v_holds <> '{}' then
        perform ledger.write_taken(v_org, v_mode, v_now, v_period_at, v_holds, v_runs, v_amounts, v_keys, v_agents, v_members, v_lives, v_risks, v_total);
      end if;
      v_org := a.org;
      v_mode := a.mode;
      v_holds := '{}'; v_runs := '{}'; v_amounts := '{}'; v_keys := '{}'; v_agents := '{}'; v_members := '{}'; v_lives := '{}'; v_risks := '{}';
      v_total := 0;
      select (select x.balance from ledger.account x where x.org_id = v_org and x.mode = v_mode and x.kind = 'available'),
          v_mode = 'live' and exists (select from ledger.budget x where x.org_id = v_org), exists (select from ledger.key_line x where x.org_id = v_org)
        into v_free, v_has_budgets, v_follows;
      -- Without a budget no period counts.
      v_period_at := case when v_has_budgets then ledger.period_now(v_org) else v_now end;
    end if;
    hold := a.hold;
    available := null;
    budget := null;
    select h.mode, h.run_id, h.amount, h.parent_id into v_known from ledger.hold h where h.org_id = v_org and h.id = a.hold;
    if found then
      outcome := case when (v_known.mode, v_known.run_id, v_known.amount) = (a.mode, a.run, a.amount) and v_known.parent_id is null then 'ok' else 'conflict' end;
      return next;
      continue;
    end if;
    if v_follows then
      a.key := ledger.line_of_key(v_org, a.key);
    end if;
    outcome := case when v_free is null then 'no-accounts' when v_free < a.amount then 'balance' else 'ok' end;
    if outcome = 'ok' and v_has_budgets then
      select * into v_budget from ledger.reserve_budgets(v_org, a.amount, a.key, a.agent, a.member, false, v_period_at);
      if v_budget.budget is not null then
        outcome := 'budget';
        available := v_budget.available;
        budget := v_budget.budget;
      end if;
    elsif outcome = 'balance' then
      available := v_free;
    end if;
    if outcome = 'ok' then
      v_free := v_free - a.amount;
      v_total := v_total + a.amount;
      v_holds := array_append(v_holds, a.hold);
      v_runs := array_append(v_runs, a.run);
      v_amounts := array_append(v_amounts, a.amount);
      v_keys := array_append(v_keys, a.key);
      v_agents := array_append(v_agents, a.agent);
      v_members := array_append(v_members, a.member);
      v_lives := array_append(v_lives, a.lives);
      v_risks := array_append(v_risks, a.risk);
    end if;
    return next;
  end loop;
  if v_holds <> '{}' then
    perform ledger.write_taken(v_org, v_mode, v_now, v_period_at, v_holds, v_runs, v_amounts, v_keys, v_agents, v_members, v_lives, v_risks, v_total);
  end if;
end $$;

-- Settles root holds without children: [{ org, hold, run, cost, loss }], where `loss` is what the operator bears of it. 'ok' with what was
-- charged, also when it was settled with this cost before; 'late' when the sweeper was faster: then nothing is charged and the
-- sweeper has booked the loss; 'conflict' for another cost or run; 'missing'.
create function ledger.settle_holds(p_ends jsonb) returns table (hold text, outcome text, charged bigint) language plpgsql as $$
declare
  e record;
  h record;
  v_now timestamptz := platform.now();
  v_org text;
  v_mode text;
  v_has_budgets boolean;
  v_at tid[];
  v_holds text[] := '{}';
  v_runs text[];
  v_amounts bigint[];
  v_costs bigint[];
  v_charged bigint[];
  v_losses bigint[];
  v_sums ledger.settled_sums;
begin
  for e in
    select x.*, (select y.mode from ledger.hold y where y.org_id = x.org and y.id = x.hold) as mode
    from jsonb_to_recordset(p_ends) x (org text, hold text, run text, cost bigint, loss bigint) order by 1, 6, 2
  loop
    if v_org is distinct from e.org or v_mode is distinct from e.mode then
      if v_holds <> '{}' then
        perform ledger.write_settled(v_org, v_mode, v_now, v_at, v_holds, v_runs, v_amounts, v_costs, v_charged, v_losses, v_sums);
      end if;
      v_org := e.org;
      v_mode := e.mode;
      v_at := '{}'; v_holds := '{}'; v_runs := '{}'; v_amounts := '{}'; v_costs := '{}'; v_charged := '{}'; v_losses := '{}';
      v_sums := (0, 0, 0);
      v_has_budgets := v_mode = 'live' and exists (select from ledger.budget x where x.org_id = v_org);
    end if;
    hold := e.hold;
    charged := 0;
    select x.ctid as at, x.run_id, x.parent_id, x.open_children, x.state, x.cost, x.own_charged, x.amount, x.key_id, x.member_id, x.agent_id, x.period_at into h
      from ledger.hold x where x.org_id = v_org and x.id = e.hold;
    if not found then
      outcome := 'missing';
    elsif h.run_id <> e.run or h.parent_id is not null or h.open_children > 0 then
      outcome := 'conflict';
    elsif h.state <> 'open' then
      outcome := case when h.state = 'settled' and h.cost = e.cost then 'ok' when h.state = 'expired' then 'late' else 'conflict' end;
      charged := h.own_charged;
    elsif e.hold = any (v_holds) then
      -- Asked twice in one call: the first settles it, and the second is asked again by itself.
      outcome := 'conflict';
    else
      outcome := 'ok';
      charged := least(e.cost, h.amount);
      v_at := array_append(v_at, h.at);
      v_holds := array_append(v_holds, e.hold);
      v_runs := array_append(v_runs, e.run);
      v_amounts := array_append(v_amounts, h.amount);
      v_costs := array_append(v_costs, e.cost);
      v_charged := array_append(v_charged, charged);
      v_losses := array_append(v_losses, e.loss);
      v_sums := (v_sums.held + h.amount, v_sums.charged + charged, v_sums.lost + e.loss);
      if v_has_budgets then
        perform ledger.count_tree(v_org, h.key_id, h.member_id, h.agent_id, h.period_at, -h.amount, charged);
      end if;
    end if;
    return next;
  end loop;
  if v_holds <> '{}' then
    perform ledger.write_settled(v_org, v_mode, v_now, v_at, v_holds, v_runs, v_amounts, v_costs, v_charged, v_losses, v_sums);
  end if;
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

-- What was at risk with a hold.
create function ledger.risk_of(p_org text, p_hold text) returns bigint language sql stable as $$
  select h.at_risk from ledger.hold h where h.org_id = p_org and h.id = p_hold
$$;

revoke all on function ledger.lock_calls, ledger.write_taken, ledger.write_settled, ledger.risk_of, ledger.take_holds, ledger.settle_holds, ledger.sweep_one from public;
grant execute on function ledger.lock_calls, ledger.write_taken, ledger.write_settled, ledger.risk_of, ledger.take_holds, ledger.settle_holds, ledger.sweep_one to guildhall_definer;
call platform.system_function('ledger.sweep_one()');
