-- Lock: none on existing tables; admission and settlement of a run as one statement each. Other modules are reached through their functions alone.

-- Everything that makes a run exist: run, first event, task, outbox event, hold, audit row. The hold is taken and the audit row chained at
-- the commit, in this order.
create function runs.admit(p jsonb) returns setof runs.run language plpgsql as $$
declare
  v_org text := p ->> 'orgId';
  v_id text := p ->> 'id';
begin
  perform set_config('guildhall.org_id', v_org, true);
  insert into runs.run (id, org_id, key_id, agent_id, agent_version, status, tier, mode, input, price_version, base_nanos, estimate_nanos,
      hold_id, hold_nanos, parent_run_id, root_run_id, parent_step, replay_of, replay_from_step, metadata, request_id, event_seq)
    values (v_id, v_org, p ->> 'keyId', p ->> 'agentId', p ->> 'agentVersion', 'queued', p ->> 'tier', p ->> 'mode', p -> 'input',
      (p ->> 'priceVersion')::int, (p ->> 'baseNanos')::bigint, (p ->> 'estimateNanos')::bigint, p ->> 'holdId', (p ->> 'holdNanos')::bigint,
      p ->> 'parentRunId', p ->> 'rootRunId', p ->> 'parentStep', p ->> 'replayOf', (p ->> 'replayFromStep')::int, p -> 'metadata',
      p ->> 'requestId', 1);
  insert into runs.event (org_id, run_id, seq, type, data) values (v_org, v_id, 1, 'status', '{"status": "queued"}');
  perform durable.enqueue(v_org, v_id, p ->> 'lane', (p ->> 'orgMax')::int, (p ->> 'laneMax')::int, (p ->> 'durableVersion')::int);
  perform platform.tell_outside(v_org, p ->> 'eventId', 'run.started.v1',
    jsonb_build_object('runId', v_id, 'agentId', p ->> 'agentId', 'mode', p ->> 'mode'));
  if p ->> 'holdId' is not null then
    perform ledger.hold_at_commit(v_org, p ->> 'holdId', p ->> 'mode', v_id, (p ->> 'holdNanos')::bigint, p ->> 'parentHoldId', p ->> 'keyId',
      p ->> 'agentId', null);
  end if;
  perform audit.append(v_org, p ->> 'auditId', 'key', p ->> 'keyId', 'run.start', 'run', v_id, p ->> 'requestId', '{}');
  return query select * from runs.run where id = v_id;
end $$;

-- The end of a run: state, task, caller, usage, outbox, settlement, audit. False when it has ended already or another attempt owns it.
create function runs.settle(p jsonb) returns boolean language plpgsql as $$
declare
  r runs.run;
  v_cost bigint := (p ->> 'costNanos')::bigint;
  v_called bigint := (p ->> 'calledNanos')::bigint;
  v_status text := p ->> 'status';
begin
  if not runs.finish(p ->> 'orgId', p ->> 'id', (p ->> 'fence')::bigint, v_status, p -> 'output', nullif(p -> 'error', 'null'), v_cost, v_called) then
    return false;
  end if;
  select * into strict r from runs.run where id = p ->> 'id';
  perform durable.finish(r.id);
  if r.parent_run_id is not null then
    update runs.run set called_nanos = called_nanos + v_cost + v_called where id = r.parent_run_id and finished_at is null;
    perform durable.signal(r.parent_run_id);
  end if;
  if metering.record(r.org_id, 'run', r.id, null, r.mode, r.id, r.agent_id, r.key_id, null, r.tier, null, r.price_version, 1,
      r.input_tokens, r.output_tokens, v_cost, 0, null) = 'conflict' then
    raise exception 'usage of run % was recorded with another content', r.id using errcode = 'GH500';
  end if;
  perform platform.tell_outside(r.org_id, p ->> 'eventId', 'run.' || v_status || '.v1', jsonb_build_object('runId', r.id, 'agentId', r.agent_id,
    'status', v_status, 'mode', r.mode, 'tier', r.tier, 'cost', jsonb_build_object('nanos', (v_cost + v_called)::text, 'currency', 'USD'),
    'errorCode', r.error ->> 'code', 'parentRunId', r.parent_run_id));
  if r.hold_id is not null then
    perform ledger.settle_at_commit(r.org_id, r.hold_id, r.id, v_cost);
  end if;
  perform audit.append(r.org_id, p ->> 'auditId', 'key', r.key_id, 'run.' || v_status, 'run', r.id, r.request_id, '{}');
  return true;
end $$;
