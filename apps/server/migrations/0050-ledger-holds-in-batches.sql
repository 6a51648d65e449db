-- Lock: ledger.hold, for the length of adding a column; adds functions that take and settle many holds in one statement.
--
-- A model call is over in milliseconds and thousands may wait at once, so their holds are taken and settled together: one statement,
-- one commit, one turn at each organisation's money lock, and still each of them accepted, refused or charged by itself, exactly.
-- Holds taken here are roots without children. Order of locks: holds by (organisation, id), then money by (organisation, mode);
-- ledger.lock_calls takes them all, and the other functions here rely on it.
--
-- They go through their elements one by one: a plain statement by key costs some ten microseconds however large the tables are, while one
-- statement for all of them costs a millisecond before its first row. What changes for every element of a book is summed up and written once.

-- What the operator may come to owe a provider for this hold if nobody ever settles it.
alter table ledger.hold add column at_risk bigint not null default 0 check (at_risk >= 0);

-- Before a statement that settles and takes: all locks it will need, in the one order.
create function ledger.lock_calls(p_ends jsonb, p_begins jsonb) returns void language plpgsql as $$
declare
  e record;
  v_mode text;
  v_books text[] := '{}';
begin
  for e in select x.org, x.hold from jsonb_to_recordset(p_ends) x (org text, hold text) where x.hold is not null order by 1, 2 loop
    select h.mode into v_mode from ledger.hold h where h.org_id = e.org and h.id = e.hold for update;
    if found then
      v_books := v_books || (e.org || ' ' || v_mode);
    end if;
  end loop;
  for e in
    select split_part(b.book, ' ', 1) as org, split_part(b.book, ' ', 2) as mode from (
      select unnest(v_books) as book union select (x.hold ->> 'org') || ' ' || (x.hold ->> 'mode') from jsonb_to_recordset(p_begins) x (hold jsonb)
    ) b order by 1, 2
  loop
    perform ledger.lock_money(e.org, e.mode);
  end loop;
end $$;

-- Writes the transfers' entries and what they change in the accounts of one book, all at once.
create function ledger.write_lines(p_org text, p_mode text, p_seqs bigint[], p_lines smallint[], p_accounts text[], p_amounts bigint[])
  returns void language plpgsql as $$
begin
  insert into ledger.entry (org_id, transfer_seq, line, mode, account, amount)
    select p_org, l.seq, l.line, p_mode, l.account, l.amount from unnest(p_seqs, p_lines, p_accounts, p_amounts) l (seq, line, account, amount);
  update ledger.account a set balance = a.balance + s.total
    from (select l.account, sum(l.amount)::bigint as total from unnest(p_accounts, p_amounts) l (account, amount) group by 1) s
    where a.org_id = p_org and a.mode = p_mode and a.kind = s.account and s.total <> 0;
end $$;

-- Takes root holds: [{ org, mode, hold, run, amount, key, agent, member, lives, risk }], where `lives` is how many milliseconds of the
-- database's clock pass before the sweeper may take it back. Each is decided in the order they came, as if it had been asked for alone. A hold
-- that is there already answers 'ok' again, or 'conflict' when its content differs, so the whole call may be repeated.
create function ledger.take_holds(p_asked jsonb)
  returns table (hold text, outcome text, available bigint, budget jsonb) language plpgsql as $$
declare
  a record;
  v_now timestamptz := platform.now();
  v_org text;
  v_mode text;
  v_free bigint;
  v_period_at timestamptz;
  v_follows boolean;
  v_has_budgets boolean;
  v_known ledger.hold;
  v_budget record;
  v_transfer text;
  v_seq bigint;
  v_seqs bigint[];
  v_lines smallint[];
  v_accounts text[];
  v_amounts bigint[];
begin
  for a in
    select x.* from rows from (jsonb_to_recordset(p_asked) as (org text, mode text, hold text, run text, amount bigint, key text, agent text, member text, lives bigint, risk bigint))
      with ordinality x (org, mode, hold, run, amount, key, agent, member, lives, risk, place) order by x.org, x.mode, x.place
  loop
    if v_org is distinct from a.org or v_mode is distinct from a.mode then
      if v_seqs <> '{}' then
        perform ledger.write_lines(v_org, v_mode, v_seqs, v_lines, v_accounts, v_amounts);
      end if;
      v_org := a.org;
      v_mode := a.mode;
      v_seqs := '{}'; v_lines := '{}'; v_accounts := '{}'; v_amounts := '{}';
      v_free := (select x.balance from ledger.account x where x.org_id = v_org and x.mode = v_mode and x.kind = 'available');
      v_has_budgets := v_mode = 'live' and exists (select from ledger.budget x where x.org_id = v_org);
      v_follows := v_has_budgets and exists (select from ledger.key_line x where x.org_id = v_org);
      v_period_at := case when v_mode = 'live' then ledger.period_now(v_org) else v_now end;
    end if;
    hold := a.hold;
    available := null;
    budget := null;
    select * into v_known from ledger.hold h where h.org_id = v_org and h.id = a.hold;
    if found then
      outcome := case when (v_known.mode, v_known.run_id, v_known.amount) = (a.mode, a.run, a.amount) and v_known.parent_id is null then 'ok' else 'conflict' end;
      return next;
      continue;
    end if;
    outcome := case when v_free is null then 'no-accounts' when v_free < a.amount then 'balance' else 'ok' end;
    if outcome = 'ok' and v_has_budgets then
      if v_follows then
        a.key := ledger.line_of_key(v_org, a.key);
      end if;
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
      insert into ledger.hold (org_id, id, mode, run_id, root_id, amount, key_id, agent_id, member_id, covers_agent, period_at, agent_period_at, expires_at, at_risk)
        values (v_org, a.hold, v_mode, a.run, a.hold, a.amount, a.key, a.agent, a.member, true, v_period_at, v_period_at, v_now + a.lives * interval '1 millisecond', a.risk);
      if a.amount > 0 then
        v_transfer := ledger.hold_transfer_id(a.hold, 'take');
        insert into ledger.transfer (org_id, id, mode, template, hold_id, run_id, content_hash, created_at)
          values (v_org, v_transfer, v_mode, 'take-hold', a.hold, a.run,
            ledger.content_hash(v_transfer, v_mode, 'take-hold', a.hold, a.run, null, array['available', 'held'], array[-a.amount, a.amount]), v_now)
          returning seq into v_seq;
        v_seqs := v_seqs || array[v_seq, v_seq];
        v_lines := v_lines || array[1, 2]::smallint[];
        v_accounts := v_accounts || array['available', 'held'];
        v_amounts := v_amounts || array[-a.amount, a.amount];
      end if;
    end if;
    return next;
  end loop;
  if v_seqs <> '{}' then
    perform ledger.write_lines(v_org, v_mode, v_seqs, v_lines, v_accounts, v_amounts);
  end if;
end $$;

-- Settles root holds without children: [{ org, hold, run, cost, loss }], where `loss` is what the operator bears of it. 'ok' with what was
-- charged, also when it was settled with this cost before; 'late' when the sweeper was faster: then nothing is charged and the
-- sweeper has booked the loss; 'conflict' for another cost or run; 'missing'.
create function ledger.settle_holds(p_ends jsonb) returns table (hold text, outcome text, charged bigint) language plpgsql as $$
declare
  e record;
  h ledger.hold;
  v_now timestamptz := platform.now();
  v_org text;
  v_mode text;
  v_has_budgets boolean;
  v_rest bigint;
  v_transfer text;
  v_seq bigint;
  v_own_accounts text[];
  v_own_amounts bigint[];
  v_seqs bigint[];
  v_lines smallint[];
  v_accounts text[];
  v_amounts bigint[];
begin
  for e in
    select x.*, (select y.mode from ledger.hold y where y.org_id = x.org and y.id = x.hold) as mode
    from jsonb_to_recordset(p_ends) x (org text, hold text, run text, cost bigint, loss bigint) order by 1, 6, 2
  loop
    if v_org is distinct from e.org or v_mode is distinct from e.mode then
      if v_seqs <> '{}' then
        perform ledger.write_lines(v_org, v_mode, v_seqs, v_lines, v_accounts, v_amounts);
      end if;
      v_org := e.org;
      v_mode := e.mode;
      v_seqs := '{}'; v_lines := '{}'; v_accounts := '{}'; v_amounts := '{}';
      v_has_budgets := v_mode = 'live' and exists (select from ledger.budget x where x.org_id = v_org);
    end if;
    hold := e.hold;
    charged := 0;
    select * into h from ledger.hold x where x.org_id = v_org and x.id = e.hold;
    if not found then
      outcome := 'missing';
    elsif h.run_id <> e.run or h.parent_id is not null or h.open_children > 0 then
      outcome := 'conflict';
    elsif h.state <> 'open' then
      outcome := case when h.state = 'settled' and h.cost = e.cost then 'ok' when h.state = 'expired' then 'late' else 'conflict' end;
      charged := h.own_charged;
    else
      outcome := 'ok';
      charged := least(e.cost, h.amount);
      v_rest := h.amount - charged;
      update ledger.hold x set state = 'settled', cost = e.cost, own_charged = settle_holds.charged, charged = settle_holds.charged, expires_at = null, ended_at = v_now
        where x.org_id = v_org and x.id = e.hold;
      if h.amount > 0 then
        v_own_accounts := case when v_rest = 0 then array['held', 'spent'] when charged = 0 then array['available', 'held'] else array['available', 'held', 'spent'] end;
        v_own_amounts := case when v_rest = 0 then array[-h.amount, charged] when charged = 0 then array[v_rest, -h.amount] else array[v_rest, -h.amount, charged] end;
        v_transfer := ledger.hold_transfer_id(h.id, 'end');
        insert into ledger.transfer (org_id, id, mode, template, hold_id, run_id, content_hash, created_at)
          values (v_org, v_transfer, v_mode, 'settle-hold', h.id, h.run_id,
            ledger.content_hash(v_transfer, v_mode, 'settle-hold', h.id, h.run_id, null, v_own_accounts, v_own_amounts), v_now)
          returning seq into v_seq;
        v_seqs := v_seqs || array_fill(v_seq, array[cardinality(v_own_accounts)]);
        v_lines := v_lines || (array[1, 2, 3]::smallint[])[1 : cardinality(v_own_accounts)];
        v_accounts := v_accounts || v_own_accounts;
        v_amounts := v_amounts || v_own_amounts;
        if v_has_budgets then
          perform ledger.count_tree(v_org, h.key_id, h.member_id, h.agent_id, h.period_at, -h.amount, charged);
        end if;
      end if;
      if e.loss > 0 then
        v_transfer := ledger.hold_transfer_id(h.id, 'loss');
        insert into ledger.transfer (org_id, id, mode, template, hold_id, run_id, content_hash, created_at)
          values (v_org, v_transfer, v_mode, 'operator-loss', h.id, h.run_id,
            ledger.content_hash(v_transfer, v_mode, 'operator-loss', h.id, h.run_id, null, array['provider_cost', 'provider_payable'], array[e.loss, -e.loss]), v_now)
          returning seq into v_seq;
        v_seqs := v_seqs || array[v_seq, v_seq];
        v_lines := v_lines || array[1, 2]::smallint[];
        v_accounts := v_accounts || array['provider_cost', 'provider_payable'];
        v_amounts := v_amounts || array[e.loss, -e.loss];
      end if;
    end if;
    return next;
  end loop;
  if v_seqs <> '{}' then
    perform ledger.write_lines(v_org, v_mode, v_seqs, v_lines, v_accounts, v_amounts);
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

revoke all on function ledger.lock_calls, ledger.write_lines, ledger.risk_of, ledger.take_holds, ledger.settle_holds, ledger.sweep_one from public;
grant execute on function ledger.lock_calls, ledger.write_lines, ledger.risk_of, ledger.take_holds, ledger.settle_holds, ledger.sweep_one to guildhall_definer;
call platform.system_function('ledger.sweep_one()');
