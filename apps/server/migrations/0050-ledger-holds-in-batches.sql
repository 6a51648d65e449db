-- Lock: ledger.hold, for the length of adding a column; adds functions that take and settle many holds in one statement.
--
-- A model call is over in milliseconds and thousands may wait at once, so their holds are taken and settled together: one statement,
-- one commit, one turn at each organisation's money lock, and still each of them accepted, refused or charged by itself, exactly.
-- Holds taken here are roots without children. Order of locks: holds by (organisation, mode, id), then money by (organisation, mode);
-- ledger.lock_books takes them all, and the other functions here rely on it.
--
-- Many calls come alone, and a statement costs more to begin than to run on one row: so there are few, each is plain, and what the calls of a
-- book share (its balances) is written once.

-- What the operator may come to owe a provider for this hold if nobody ever settles it.
alter table ledger.hold add column at_risk platform.amount not null default 0;

-- What became of a hold that was asked for or ended; told as JSON.
create type ledger.hold_answer as (outcome text, charged bigint, available bigint, budget jsonb);

-- Before a statement that settles and takes: all locks it will need, in the one order. Books [{ org, mode, ends: [{ hold }] }] come sorted by
-- organisation and mode, each once, and the ends of each by hold.
create function ledger.lock_books(p_books jsonb) returns void language plpgsql as $$
declare
  b jsonb;
begin
  for i in 0 .. jsonb_array_length(p_books) - 1 loop
    b := p_books -> i;
    for k in 0 .. jsonb_array_length(b -> 'ends') - 1 loop
      perform 1 from ledger.hold h where h.org_id = b ->> 'org' and h.id = b -> 'ends' -> k ->> 'hold' for update;
    end loop;
  end loop;
  for i in 0 .. jsonb_array_length(p_books) - 1 loop
    perform ledger.lock_money(p_books -> i ->> 'org', p_books -> i ->> 'mode');
  end loop;
end $$;

-- A transfer of a hold that is to be written, and its entries.
create type ledger.posting as (seq bigint, id text, template text, hold text, run text, accounts text[], amounts bigint[]);
create type ledger.posting_line as (seq bigint, line smallint, account text, amount bigint);
grant usage on sequence ledger.transfer_seq_seq to guildhall_definer;

-- Writes transfers of a book down, all but the balances.
create function ledger.enter(p_org text, p_mode text, p_postings ledger.posting[], p_now timestamptz) returns void language plpgsql as $$
declare
  p ledger.posting;
  v_lines ledger.posting_line[] := '{}';
begin
  foreach p in array p_postings loop
    for i in 1 .. cardinality(p.accounts) loop
      v_lines := array_append(v_lines, (p.seq, i, p.accounts[i], p.amounts[i])::ledger.posting_line);
    end loop;
  end loop;
  insert into ledger.transfer (org_id, id, seq, mode, template, hold_id, run_id, content_hash, created_at) overriding system value
    select p_org, t.id, t.seq, p_mode, t.template, t.hold, t.run, ledger.content_hash(t.id, p_mode, t.template, t.hold, t.run, null, t.accounts, t.amounts), p_now from unnest(p_postings) t;
  insert into ledger.entry (org_id, transfer_seq, line, mode, account, amount)
    select p_org, l.seq, l.line, p_mode, l.account, l.amount from unnest(v_lines) l;
end $$;

-- Takes root holds of one book: [{ hold, run, amount, key, agent, member, lives, risk }], where `lives` is how many milliseconds of the
-- database's clock pass before the sweeper may take it back. Each is decided in the order they came, as if it had been asked for alone. A hold
-- that is there already answers 'ok' again, or 'conflict' when its content differs, so the whole call may be repeated.
create function ledger.take_holds(p_org text, p_mode text, p_asked jsonb[]) returns jsonb[] language plpgsql as $$
declare
  a jsonb;
  v_known record;
  v_hold text;
  v_key text;
  v_amount bigint;
  v_now timestamptz := platform.now();
  v_free bigint;
  v_taken bigint := 0;
  v_period_at timestamptz := v_now;
  v_follows boolean;
  v_has_budgets boolean;
  v_answer ledger.hold_answer;
  v_answers jsonb[] := '{}';
  v_postings ledger.posting[] := '{}';
begin
  select (select x.balance from ledger.account x where x.org_id = p_org and x.mode = p_mode and x.kind = 'available' and x.closed_at is null),
      p_mode = 'live' and exists (select from ledger.budget x where x.org_id = p_org), exists (select from ledger.key_line x where x.org_id = p_org)
    into v_free, v_has_budgets, v_follows;
  -- Without a budget no period counts.
  if v_has_budgets then
    v_period_at := ledger.period_now(p_org);
  end if;
  foreach a in array p_asked loop
    v_hold := a ->> 'hold';
    v_amount := a ->> 'amount';
    v_answer := ('ok', null, null, null);
    select h.mode, h.run_id, h.amount, h.parent_id into v_known from ledger.hold h where h.org_id = p_org and h.id = v_hold;
    if found then
      if (v_known.mode, v_known.run_id, v_known.amount) <> (p_mode, a ->> 'run', v_amount) or v_known.parent_id is not null then
        v_answer.outcome := 'conflict';
      end if;
    elsif v_free is null then
      v_answer.outcome := 'no-accounts';
    elsif v_free < v_amount then
      v_answer.outcome := 'balance';
      v_answer.available := v_free;
    else
      v_key := case when v_follows then ledger.line_of_key(p_org, a ->> 'key') else a ->> 'key' end;
      if v_has_budgets then
        select r.budget, r.available into v_answer.budget, v_answer.available
          from ledger.reserve_budgets(p_org, v_amount, v_key, a ->> 'agent', a ->> 'member', false, v_period_at) r;
      end if;
      if v_answer.budget is not null then
        v_answer.outcome := 'budget';
      else
        insert into ledger.hold (org_id, id, mode, run_id, root_id, amount, key_id, agent_id, member_id, covers_agent, period_at, agent_period_at, expires_at, at_risk)
          values (p_org, v_hold, p_mode, a ->> 'run', v_hold, v_amount, v_key, a ->> 'agent', a ->> 'member', true, v_period_at, v_period_at,
            v_now + (a ->> 'lives')::bigint * interval '1 millisecond', (a ->> 'risk')::bigint);
        if v_amount > 0 then
          v_postings := array_append(v_postings, (nextval('ledger.transfer_seq_seq'), ledger.hold_transfer_id(v_hold, 'take'), 'take-hold', v_hold, a ->> 'run',
            array['available', 'held'], array[-v_amount, v_amount])::ledger.posting);
        end if;
        v_free := v_free - v_amount;
        v_taken := v_taken + v_amount;
      end if;
    end if;
    v_answers := array_append(v_answers, to_jsonb(v_answer));
  end loop;
  if v_taken > 0 then
    perform ledger.enter(p_org, p_mode, v_postings, v_now);
    update ledger.account x set balance = x.balance + case x.kind when 'held' then v_taken else -v_taken end
      where x.org_id = p_org and x.mode = p_mode and x.kind in ('available', 'held');
  end if;
  return v_answers;
end $$;

-- Settles root holds of one book without children: [{ hold, run, cost, loss }], where `loss` is what the operator bears of it. 'ok' with what was
-- charged, also when it was settled with this cost before; 'late' when the sweeper was faster: then nothing is charged and the
-- sweeper has booked the loss; 'conflict' for another cost or run; 'missing'.
create function ledger.settle_holds(p_org text, p_mode text, p_ends jsonb[]) returns jsonb[] language plpgsql as $$
declare
  e jsonb;
  h record;
  v_run text;
  v_cost bigint;
  v_loss bigint;
  v_now timestamptz := platform.now();
  v_has_budgets boolean := p_mode = 'live' and exists (select from ledger.budget x where x.org_id = p_org);
  v_held bigint := 0;
  v_charged bigint := 0;
  v_answer ledger.hold_answer;
  v_answers jsonb[] := '{}';
  v_postings ledger.posting[] := '{}';
begin
  foreach e in array p_ends loop
    v_run := e ->> 'run';
    v_cost := e ->> 'cost';
    v_loss := e ->> 'loss';
    v_answer := ('ok', 0, null, null);
    select x.ctid as at, x.id, x.run_id, x.parent_id, x.open_children, x.state, x.cost, x.own_charged, x.amount, x.key_id, x.member_id, x.agent_id, x.period_at into h
      from ledger.hold x where x.org_id = p_org and x.id = e ->> 'hold' and x.mode = p_mode;
    if not found then
      v_answer.outcome := 'missing';
    elsif h.run_id <> v_run or h.parent_id is not null or h.open_children > 0 then
      v_answer.outcome := 'conflict';
    elsif h.state <> 'open' then
      v_answer.outcome := case when h.state = 'settled' and h.cost = v_cost then 'ok' when h.state = 'expired' then 'late' else 'conflict' end;
      v_answer.charged := h.own_charged;
    else
      v_answer.charged := least(v_cost, h.amount);
      update ledger.hold x set state = 'settled', cost = v_cost, own_charged = v_answer.charged, charged = v_answer.charged, expires_at = null, ended_at = v_now
        where x.ctid = h.at;
      if h.amount > 0 then
        v_postings := array_append(v_postings, (nextval('ledger.transfer_seq_seq'), ledger.hold_transfer_id(h.id, 'end'), 'settle-hold', h.id, v_run,
          case v_answer.charged when h.amount then array['held', 'spent'] when 0 then array['available', 'held'] else array['available', 'held', 'spent'] end,
          case v_answer.charged when h.amount then array[-h.amount, h.amount] when 0 then array[h.amount, -h.amount]
            else array[h.amount - v_answer.charged, -h.amount, v_answer.charged] end)::ledger.posting);
      end if;
      if v_loss > 0 then
        perform ledger.post(p_org, p_mode, ledger.hold_transfer_id(h.id, 'loss'), 'operator-loss', h.id, v_run, null,
          array['provider_cost', 'provider_payable'], array[v_loss, -v_loss]);
      end if;
      v_held := v_held + h.amount;
      v_charged := v_charged + v_answer.charged;
      if v_has_budgets then
        perform ledger.count_tree(p_org, h.key_id, h.member_id, h.agent_id, h.period_at, -h.amount, v_answer.charged);
      end if;
    end if;
    v_answers := array_append(v_answers, to_jsonb(v_answer));
  end loop;
  if v_held > 0 then
    perform ledger.enter(p_org, p_mode, v_postings, v_now);
    update ledger.account x set balance = x.balance + case x.kind when 'available' then v_held - v_charged when 'held' then -v_held else v_charged end
      where x.org_id = p_org and x.mode = p_mode and x.kind in ('available', 'held', 'spent');
  end if;
  return v_answers;
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

revoke all on function ledger.lock_books, ledger.enter, ledger.risk_of, ledger.take_holds, ledger.settle_holds, ledger.sweep_one from public;
grant execute on function ledger.lock_books, ledger.enter, ledger.risk_of, ledger.take_holds, ledger.settle_holds, ledger.sweep_one to guildhall_definer;
call platform.system_function('ledger.sweep_one()');
