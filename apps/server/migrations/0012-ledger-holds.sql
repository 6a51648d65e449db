-- Lock: none on existing tables; adds the functions that take, end and reverse holds.

-- Changes the counters of an agent's budgets in the period of p_at. Counters of another period stay as they are.
create function ledger.count_agent(p_org text, p_agent text, p_at timestamptz, p_held bigint, p_spent bigint) returns void language plpgsql as $$
begin
  update ledger.budget b set held = b.held + p_held, spent = b.spent + p_spent
    where b.org_id = p_org and b.scope_type = 'agent' and b.scope_id = p_agent and b.period_start = ledger.period_start(b.period, p_at);
end $$;

-- The same for all other budgets of a tree, which count it by its root; and with p_agent for that agent's in the same statement.
create function ledger.count_tree(p_org text, p_key text, p_member text, p_agent text, p_at timestamptz, p_held bigint, p_spent bigint)
  returns void language plpgsql as $$
begin
  update ledger.budget b set held = b.held + p_held, spent = b.spent + p_spent
    where b.org_id = p_org and b.period_start = ledger.period_start(b.period, p_at)
      and (b.scope_type = 'organisation' or (b.scope_type = 'key' and b.scope_id = p_key)
        or (b.scope_type = 'member' and b.scope_id = p_member) or (b.scope_type = 'agent' and b.scope_id = p_agent));
end $$;

-- The instant whose periods count now: the present by the database's clock, or the start of the latest period begun, whichever is later. A
-- clock that is set back over midnight therefore counts on in the period that has begun, and a hold ends where it was counted.
create function ledger.period_now(p_org text) returns timestamptz language sql volatile as $$
  select greatest(platform.now(), (select max(b.period_start) from ledger.budget b where b.org_id = p_org))
$$;

-- Reserves p_amount in every matching budget, or in none: then `budget` says which hard one refused. The money lock is held.
-- A child (p_agent_only) is covered by its root in all budgets but its own agent's.
create function ledger.reserve_budgets(
  p_org text, p_amount bigint, p_key text, p_agent text, p_member text, p_agent_only boolean, p_now timestamptz,
  out budget jsonb, out available bigint
) language plpgsql as $$
declare
  b record;
  v_ids text[] := '{}';
begin
  for b in
    select x.id, x.hard, x as whole, x.limit_nanos - case when x.period_start < ledger.period_start(x.period, p_now) then 0 else x.spent + x.held end as free
    from ledger.budget x
    where x.org_id = p_org
      and ((x.scope_type = 'agent' and x.scope_id = p_agent)
        or (not p_agent_only and (x.scope_type = 'organisation' or (x.scope_type = 'key' and x.scope_id = p_key)
          or (x.scope_type = 'member' and x.scope_id = p_member))))
    order by x.id for update
  loop
    if b.hard and b.free < p_amount then
      budget := ledger.describe_budget(b.whole, p_now);
      available := greatest(b.free, 0);
      return;
    end if;
    v_ids := v_ids || b.id;
  end loop;
  if cardinality(v_ids) > 0 then
    update ledger.budget x set
      held = case when x.period_start < ledger.period_start(x.period, p_now) then 0 else x.held end + p_amount,
      spent = case when x.period_start < ledger.period_start(x.period, p_now) then 0 else x.spent end,
      period_start = greatest(x.period_start, ledger.period_start(x.period, p_now))
      where x.org_id = p_org and x.id = any (v_ids);
  end if;
end $$;

-- Takes a hold: outcome 'ok', or the refusal 'balance' | 'budget' | 'parent', or 'conflict' (this id with other content),
-- 'no-accounts', 'no-parent'. Balance and budgets are read under the lock that their change needs, so never over by one nano.
create function ledger.take_hold(
  p_org text, p_id text, p_mode text, p_run text, p_amount bigint, p_parent text, p_expires timestamptz,
  p_key text, p_agent text, p_member text,
  out outcome text, out required bigint, out available bigint, out budget jsonb
) language plpgsql as $$
declare
  v_now timestamptz;
  v_key text := ledger.line_of_key(p_org, p_key);
  v_money bigint;
  v_parent ledger.hold;
  v_root ledger.hold;
  v_known ledger.hold;
  v_cover timestamptz;
  v_budget record;
begin
  required := p_amount;
  if p_parent is not null then
    select h.root_id into v_root.id from ledger.hold h where h.org_id = p_org and h.id = p_parent;
    select * into v_root from ledger.hold h where h.org_id = p_org and h.id = v_root.id for update;
    select * into v_parent from ledger.hold h where h.org_id = p_org and h.id = p_parent and h.mode = p_mode;
    if not found then
      outcome := 'no-parent';
      return;
    end if;
    with recursive up as (
      select h.parent_id, h.agent_id, h.covers_agent, h.agent_period_at from ledger.hold h where h.org_id = p_org and h.id = p_parent
      union all
      select h.parent_id, h.agent_id, h.covers_agent, h.agent_period_at from ledger.hold h join up on h.org_id = p_org and h.id = up.parent_id
    )
    select up.agent_period_at into v_cover from up where up.covers_agent and up.agent_id = p_agent;
  end if;
  v_money := ledger.lock_money(p_org, p_mode);
  if v_money is null then
    outcome := 'no-accounts';
    return;
  end if;
  v_now := ledger.period_now(p_org);
  if p_parent is null and v_money < p_amount then
    outcome := 'balance';
    available := v_money;
  elsif p_parent is not null and (v_parent.state <> 'open' or v_parent.amount - v_parent.drawn < p_amount) then
    outcome := 'parent';
    available := case when v_parent.state = 'open' then v_parent.amount - v_parent.drawn else 0 end;
  end if;
  -- A repeated call must see its own hold before it is refused or counted a second time.
  select * into v_known from ledger.hold h where h.org_id = p_org and h.id = p_id;
  if found then
    outcome := case when (v_known.mode, v_known.run_id, v_known.amount) = (p_mode, p_run, p_amount)
      and v_known.parent_id is not distinct from p_parent then 'ok' else 'conflict' end;
    return;
  end if;
  if outcome is not null then
    return;
  end if;
  if p_mode = 'live' and v_cover is null then
    select * into v_budget from ledger.reserve_budgets(p_org, p_amount, v_key, p_agent, p_member, p_parent is not null, v_now);
    if v_budget.budget is not null then
      outcome := 'budget';
      available := v_budget.available;
      budget := v_budget.budget;
      return;
    end if;
  end if;
  insert into ledger.hold (org_id, id, mode, run_id, parent_id, root_id, amount, key_id, agent_id, member_id, covers_agent, period_at, agent_period_at, expires_at)
    values (p_org, p_id, p_mode, p_run, p_parent, coalesce(v_root.id, p_id), p_amount,
      case when p_parent is null then v_key else v_root.key_id end, p_agent, case when p_parent is null then p_member else v_root.member_id end,
      v_cover is null, coalesce(v_root.period_at, v_now), coalesce(v_cover, v_now), p_expires);
  if p_parent is null then
    perform ledger.post(p_org, p_mode, ledger.hold_transfer_id(p_id, 'take'), 'take-hold', p_id, p_run, null,
      array['available', 'held'], array[-p_amount, p_amount]);
  else
    update ledger.hold h set drawn = h.drawn + p_amount, open_children = h.open_children + 1 where h.org_id = p_org and h.id = p_parent;
  end if;
  outcome := 'ok';
end $$;

-- Locks the root of a hold's tree, then reads the hold: no row when there is none.
create function ledger.lock_hold(p_org text, p_id text) returns setof ledger.hold language plpgsql as $$
begin
  return query select * from ledger.hold h where h.org_id = p_org and h.id = p_id and h.parent_id is null for update;
  if not found then
    perform 1 from ledger.hold r where r.org_id = p_org
      and r.id = (select h.root_id from ledger.hold h where h.org_id = p_org and h.id = p_id) for update;
    return query select * from ledger.hold h where h.org_id = p_org and h.id = p_id;
  end if;
end $$;

-- Ends every open hold beneath p_id without a charge of its own. What they reserved falls back to p_id.
create function ledger.close_descendants(p_org text, p_id text, p_mode text) returns void language plpgsql as $$
declare
  d record;
begin
  for d in
    with recursive down as (
      select h.* from ledger.hold h where h.org_id = p_org and h.parent_id = p_id
      union all
      select h.* from ledger.hold h join down on h.org_id = p_org and h.parent_id = down.id
    )
    select * from down where down.state = 'open'
  loop
    update ledger.hold h set state = 'released', closed_by = p_id, drawn = h.charged, open_children = 0, expires_at = null, ended_at = platform.now()
      where h.org_id = p_org and h.id = d.id;
    if p_mode = 'live' and d.covers_agent then
      perform ledger.count_agent(p_org, d.agent_id, d.agent_period_at, -(d.amount - d.charged), 0);
    end if;
  end loop;
  update ledger.hold h set drawn = h.charged, open_children = 0 where h.org_id = p_org and h.id = p_id;
end $$;

-- Carries a change of charges from an ended child up to its root: holds, then budgets. p_freed is what the child gives back.
create function ledger.carry_up(p_org text, p_child ledger.hold, p_charged bigint, p_freed bigint) returns void language plpgsql as $$
declare
  v_at ledger.hold;
  v_parent text := p_child.parent_id;
  v_freed bigint := p_freed;
begin
  if p_child.mode = 'live' and p_child.covers_agent then
    perform ledger.count_agent(p_org, p_child.agent_id, p_child.agent_period_at,
      case when p_child.state = 'open' then -(p_charged + p_freed) else 0 end, p_charged);
  end if;
  while v_parent is not null loop
    -- An open child's whole amount is drawn from its parent already; only an ended one's charges are.
    update ledger.hold h set charged = h.charged + p_charged, drawn = h.drawn - v_freed,
        open_children = h.open_children - case when h.id = p_child.parent_id and p_child.state = 'open' then 1 else 0 end
      where h.org_id = p_org and h.id = v_parent returning * into v_at;
    if v_at.mode = 'live' and v_at.covers_agent then
      perform ledger.count_agent(p_org, v_at.agent_id, v_at.agent_period_at, case when v_at.state = 'open' then -p_charged else 0 end,
        case when v_at.agent_id = p_child.agent_id then p_charged else 0 end);
    end if;
    if v_at.mode = 'live' and v_at.parent_id is null then
      perform ledger.count_tree(p_org, v_at.key_id, v_at.member_id, null, v_at.period_at, case when v_at.state = 'open' then -p_charged else 0 end, p_charged);
    end if;
    v_freed := case when v_at.state = 'open' then 0 else -p_charged end;
    v_parent := v_at.parent_id;
  end loop;
end $$;

-- Ends a hold as p_state. Outcome 'ok' with what it charged; 'missing'; 'ended' (it ended otherwise before); 'conflict' (settled with another
-- cost, or of another run). A settlement repeated with the same cost answers as the first time. A hold that its ancestor's end closed
-- answers 'ok' with nothing charged: its parent is over, so the use is the operator's loss.
create function ledger.end_hold(p_org text, p_id text, p_state text, p_cost bigint, p_run text, out outcome text, out charged bigint) language plpgsql as $$
declare
  h ledger.hold;
  v_own bigint := 0;
  v_rest bigint;
begin
  select * into h from ledger.lock_hold(p_org, p_id);
  if h.id is null then
    outcome := 'missing';
    return;
  end if;
  if h.state <> 'open' or (p_run is not null and p_run <> h.run_id) then
    charged := h.own_charged;
    outcome := case when p_run is not null and p_run <> h.run_id then 'conflict' when h.closed_by is not null then 'ok'
      when h.state <> 'settled' or p_state <> 'settled' then 'ended' when h.cost = p_cost then 'ok' else 'conflict' end;
    return;
  end if;
  perform ledger.lock_money(p_org, h.mode);
  if h.open_children > 0 then
    perform ledger.close_descendants(p_org, p_id, h.mode);
  end if;
  -- While a hold is open, `charged` is what its descendants charged, and after closing them nothing else is drawn.
  if p_state = 'settled' then
    v_own := least(p_cost, h.amount - h.charged);
  end if;
  v_rest := h.amount - h.charged - v_own;
  update ledger.hold x set state = p_state, cost = p_cost, own_charged = v_own, charged = x.charged + v_own, expires_at = null, ended_at = platform.now()
    where x.org_id = p_org and x.id = p_id;
  if h.parent_id is null then
    perform ledger.post(p_org, h.mode, ledger.hold_transfer_id(p_id, 'end'), case when p_state = 'settled' then 'settle-hold' else 'release-hold' end,
      p_id, h.run_id, null, array['available', 'held', 'spent'], array[v_rest, -(v_rest + v_own), v_own]);
    if h.mode = 'live' then
      perform ledger.count_tree(p_org, h.key_id, h.member_id, h.agent_id, h.period_at, -(v_rest + v_own), v_own);
    end if;
  else
    perform ledger.post(p_org, h.mode, ledger.hold_transfer_id(p_id, 'end'), 'settle-hold', p_id, h.run_id, null, array['held', 'spent'], array[-v_own, v_own]);
    perform ledger.carry_up(p_org, h, v_own, v_rest);
  end if;
  outcome := 'ok';
  charged := v_own;
end $$;

-- Gives one hold's own charge back: into the tree's reservation while its root is open, to the customer after that.
create function ledger.reverse_one(p_org text, h ledger.hold, p_root_open boolean, p_reason text) returns void language plpgsql as $$
begin
  update ledger.hold x set own_charged = 0, charged = x.charged - h.own_charged where x.org_id = p_org and x.id = h.id;
  if p_root_open then
    perform ledger.post(p_org, h.mode, ledger.hold_transfer_id(h.id, 'reverse'), 'reverse-charge', h.id, h.run_id, p_reason,
      array['held', 'spent'], array[h.own_charged, -h.own_charged]);
  else
    perform ledger.post(p_org, h.mode, ledger.hold_transfer_id(h.id, 'reverse'), 'refund-charge', h.id, h.run_id, p_reason,
      array['available', 'refunds'], array[h.own_charged, -h.own_charged]);
  end if;
  if h.parent_id is null and h.mode = 'live' then
    perform ledger.count_tree(p_org, h.key_id, h.member_id, null, h.period_at, 0, -h.own_charged);
  end if;
  perform ledger.carry_up(p_org, h, -h.own_charged, h.own_charged);
end $$;

-- Reverses the charge of a hold, and with p_subtree those of all holds beneath it. Returns what was given back: 0 the second time, null for no such hold.
create function ledger.reverse_charge(p_org text, p_id text, p_subtree boolean, p_reason text) returns bigint language plpgsql as $$
declare
  h ledger.hold;
  d ledger.hold;
  v_root_open boolean;
  v_total bigint := 0;
begin
  select * into h from ledger.lock_hold(p_org, p_id);
  if h.id is null then
    return null;
  end if;
  perform ledger.lock_money(p_org, h.mode);
  select r.state = 'open' into v_root_open from ledger.hold r where r.org_id = p_org and r.id = h.root_id;
  for d in
    with recursive down as (
      select x.* from ledger.hold x where x.org_id = p_org and x.id = p_id
      union all
      select x.* from ledger.hold x join down on p_subtree and x.org_id = p_org and x.parent_id = down.id
    )
    select * from down where down.own_charged > 0
  loop
    perform ledger.reverse_one(p_org, d, v_root_open, p_reason);
    v_total := v_total + d.own_charged;
  end loop;
  return v_total;
end $$;

-- Takes back one hold that has expired: true; false when it was settled in that very moment; null when there is none.
-- One hold a call, because two trees must not be locked in one transaction.
create function ledger.sweep_one() returns boolean language plpgsql as $$
declare
  v record;
begin
  select h.org_id, h.id into v from ledger.hold h where h.expires_at <= platform.now() order by h.expires_at limit 1;
  if not found then
    return null;
  end if;
  return (select e.outcome = 'ok' from ledger.end_hold(v.org_id, v.id, 'expired', null, null) e);
end $$;

-- What the budgets of a scope must show at p_at, from the holds. The reserve of an agent is counted by the holds that cover it.
create function ledger.expected_counters(p_org text, p_scope_type text, p_scope_id text, p_period text, p_at timestamptz, out spent bigint, out held bigint)
  language sql stable as $$
  select
    coalesce(sum(h.own_charged), 0)::bigint,
    coalesce(sum(h.amount - h.charged) filter (where h.state = 'open'
      and case when p_scope_type = 'agent' then h.covers_agent else h.parent_id is null end), 0)::bigint
  from ledger.hold h
  where h.org_id = p_org and h.mode = 'live'
    and case p_scope_type when 'organisation' then true when 'key' then h.key_id = p_scope_id
      when 'member' then h.member_id = p_scope_id else h.agent_id = p_scope_id end
    and ledger.period_start(p_period, case when p_scope_type = 'agent' then h.agent_period_at else h.period_at end) = ledger.period_start(p_period, p_at)
$$;

-- Creates or replaces a budget. A new one starts with what its scope has spent and reserved in the current period.
create function ledger.put_budget(
  p_org text, p_id text, p_scope_type text, p_scope_id text, p_period text, p_limit bigint, p_hard boolean, p_alert_at bigint[]
) returns text language plpgsql as $$
declare
  v_scope text := case when p_scope_type = 'key' then ledger.line_of_key(p_org, p_scope_id) else p_scope_id end;
  v_start timestamptz;
  v_id text;
begin
  perform ledger.lock_money(p_org, 'live');
  v_start := ledger.period_start(p_period, ledger.period_now(p_org));
  -- The counters of a period that is over must not meet the new limit.
  update ledger.budget b set limit_nanos = p_limit, hard = p_hard, alert_at = p_alert_at, period_start = greatest(b.period_start, v_start),
      held = case when b.period_start < v_start then 0 else b.held end, spent = case when b.period_start < v_start then 0 else b.spent end
    where b.org_id = p_org and b.scope_type = p_scope_type and b.scope_id = v_scope and b.period = p_period returning b.id into v_id;
  if v_id is null then
    insert into ledger.budget (org_id, id, scope_type, scope_id, period, limit_nanos, hard, alert_at, period_start, spent, held)
      select p_org, p_id, p_scope_type, v_scope, p_period, p_limit, p_hard, p_alert_at, v_start, c.spent, c.held
      from ledger.expected_counters(p_org, p_scope_type, v_scope, p_period, v_start) c;
    v_id := p_id;
  end if;
  return v_id;
end $$;
