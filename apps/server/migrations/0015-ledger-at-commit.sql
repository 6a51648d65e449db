-- Lock: none on existing tables; adds holds that are taken and ended at commit.

-- What a transaction has asked of the ledger and gets when it commits; empty between transactions, so a crash has nothing to lose here.
create unlogged table ledger.outgoing (
  org_id text not null,
  hold_id text not null,
  what text not null check (what in ('take', 'settle')),
  mode text,
  run_id text not null,
  amount bigint not null,
  parent_id text,
  key_id text,
  agent_id text,
  member_id text,
  primary key (org_id, hold_id, what)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
call platform.protect_tenant_table('ledger.outgoing', 'select, insert, delete');

-- Runs at commit, so that an organisation's money stays locked for the length of a commit and never while a transaction waits for its
-- next statement: with many runs at once of one organisation that is the difference between tens and hundreds a second. Rows are taken
-- up in the order they were asked for, the ledger's before the audit trail's when they are asked for in that order.
-- A refusal fails the commit with GH402 and the answer of ledger.take_hold as its detail.
create function ledger.take_up() returns trigger language plpgsql as $$
declare
  v_take record;
  v_end record;
begin
  if new.what = 'take' then
    select * into v_take from ledger.take_hold(new.org_id, new.hold_id, new.mode, new.run_id, new.amount, new.parent_id, null,
      new.key_id, new.agent_id, new.member_id);
    if v_take.outcome <> 'ok' then
      raise exception 'hold % refused: %', new.hold_id, v_take.outcome using errcode = 'GH402', detail = to_jsonb(v_take)::text;
    end if;
  else
    select * into v_end from ledger.end_hold(new.org_id, new.hold_id, 'settled', new.amount, new.run_id);
    if v_end.outcome <> 'ok' or v_end.charged is distinct from new.amount then
      raise exception 'hold % cannot be settled for %: %, charged %', new.hold_id, new.amount, v_end.outcome, v_end.charged using errcode = 'GH500';
    end if;
  end if;
  delete from ledger.outgoing o where o.org_id = new.org_id and o.hold_id = new.hold_id and o.what = new.what;
  return null;
end $$;
create constraint trigger take_up after insert on ledger.outgoing deferrable initially deferred for each row execute function ledger.take_up();

-- For statements of the modules above that must be one round trip.
create function ledger.hold_at_commit(
  p_org text, p_hold text, p_mode text, p_run text, p_amount bigint, p_parent text, p_key text, p_agent text, p_member text
) returns void language plpgsql as $$
begin
  insert into ledger.outgoing (org_id, hold_id, what, mode, run_id, amount, parent_id, key_id, agent_id, member_id)
    values (p_org, p_hold, 'take', p_mode, p_run, p_amount, p_parent, p_key, p_agent, p_member);
end $$;
create function ledger.settle_at_commit(p_org text, p_hold text, p_run text, p_cost bigint) returns void language plpgsql as $$
begin
  insert into ledger.outgoing (org_id, hold_id, what, run_id, amount) values (p_org, p_hold, 'settle', p_run, p_cost);
end $$;
