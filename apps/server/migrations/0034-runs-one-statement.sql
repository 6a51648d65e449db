-- Lock: none on existing tables; admission and settlement of a run as one statement each. Other modules are reached through their functions alone.

-- Who starts a run is a key, or a person by their membership.
create function runs.actor_type(p_key text) returns text language sql immutable return case when starts_with(p_key, 'mbr_') then 'member' else 'key' end;

-- Everything that makes a run exist: run, first event, task, outbox event, hold, audit row. The hold is taken and the audit row chained at
-- the commit, in this order.
create function runs.admit(p jsonb) returns setof runs.run language plpgsql as $$
declare
  r runs.run;
  v_org text := p ->> 'orgId';
  v_id text := p ->> 'id';
begin
  perform set_config('guildhall.org_id', v_org, true);
  insert into runs.run (id, org_id, key_id, member_id, agent_id, agent_version, status, tier, mode, input, price_version, base_nanos, estimate_nanos,
      hold_id, hold_nanos, parent_run_id, root_run_id, parent_step, replay_of, replay_from_step, metadata, request_id, event_seq)
    values (v_id, v_org, p ->> 'keyId', p ->> 'memberId', p ->> 'agentId', p ->> 'agentVersion', 'queued', p ->> 'tier', p ->> 'mode', p -> 'input',
      (p ->> 'priceVersion')::int, (p ->> 'baseNanos')::bigint, (p ->> 'estimateNanos')::bigint, p ->> 'holdId', (p ->> 'holdNanos')::bigint,
      p ->> 'parentRunId', p ->> 'rootRunId', p ->> 'parentStep', p ->> 'replayOf', (p ->> 'replayFromStep')::int, p -> 'metadata',
      p ->> 'requestId', 1)
    returning * into r;
  insert into runs.event (org_id, run_id, seq, type, data) values (v_org, v_id, 1, 'status', '{"status": "queued"}');
  perform durable.enqueue(v_org, v_id, p ->> 'lane', (p ->> 'orgMax')::int, (p ->> 'laneMax')::int, (p ->> 'durableVersion')::int);
  perform platform.tell_outside(v_org, p ->> 'eventId', 'run.started.v1',
    jsonb_build_object('runId', v_id, 'agentId', p ->> 'agentId', 'mode', p ->> 'mode'));
  if p ->> 'holdId' is not null then
    perform ledger.hold_at_commit(v_org, p ->> 'holdId', p ->> 'mode', v_id, (p ->> 'holdNanos')::bigint, p ->> 'parentHoldId', p ->> 'keyId',
      p ->> 'agentId', p ->> 'memberId');
  end if;
  perform audit.append(v_org, p ->> 'auditId', runs.actor_type(p ->> 'keyId'), p ->> 'keyId', 'run.start', 'run', v_id, p ->> 'requestId', '{}');
  return next r;
end $$;

-- The end of a run: state, task, caller, usage, outbox, settlement, audit. Writes the status event last, so that a reader who sees it has seen
-- everything. False when it has ended already, or (fence not null) when another attempt owns it. The tokens of a run are counted in usage by
-- the records of its calls of models, each with its model.
create function runs.settle(p jsonb) returns boolean language plpgsql as $$
declare
  r runs.run;
  v_org text := p ->> 'orgId';
  v_fence bigint := p ->> 'fence';
  v_cost bigint := p ->> 'costNanos';
  v_called bigint := p ->> 'calledNanos';
  v_status text := p ->> 'status';
  v_error jsonb := nullif(p -> 'error', 'null');
  v_money jsonb := jsonb_build_object('nanos', (v_cost + v_called)::text, 'currency', 'USD');
begin
  perform set_config('guildhall.org_id', v_org, true);
  update runs.run set status = v_status, waiting_for = null, output = p -> 'output', error = v_error, event_seq = event_seq + 2,
      cost_nanos = v_cost, called_nanos = v_called, finished_at = platform.now(), started_at = coalesce(started_at, platform.now())
    where id = p ->> 'id' and finished_at is null and (v_fence is null or (fence = v_fence and status = 'running'))
    returning * into r;
  if not found then return false; end if;
  insert into runs.event (org_id, run_id, seq, type, data) values
    (v_org, r.id, r.event_seq - 1, 'cost', jsonb_build_object('cost', v_money)),
    (v_org, r.id, r.event_seq, 'status', jsonb_strip_nulls(jsonb_build_object('status', v_status, 'error', v_error)));
  perform durable.finish(r.id);
  if r.parent_run_id is not null then
    update runs.run set called_nanos = called_nanos + v_cost + v_called where id = r.parent_run_id and finished_at is null;
    perform durable.signal(r.parent_run_id);
  end if;
  if metering.record(v_org, 'run', r.id, null, r.mode, r.id, r.agent_id, r.key_id, r.member_id, r.tier, null, r.price_version, 1,
      0, 0, v_cost, 0, null) = 'conflict' then
    raise exception 'usage of run % was recorded with another content', r.id using errcode = 'GH500';
  end if;
  perform platform.tell_outside(v_org, p ->> 'eventId', 'run.' || v_status || '.v1', jsonb_build_object('runId', r.id, 'agentId', r.agent_id,
    'status', v_status, 'mode', r.mode, 'tier', r.tier, 'cost', v_money, 'errorCode', v_error ->> 'code', 'parentRunId', r.parent_run_id));
  if r.hold_id is not null then
    perform ledger.settle_at_commit(v_org, r.hold_id, r.id, v_cost);
  end if;
  perform audit.append(v_org, p ->> 'auditId', runs.actor_type(r.key_id), r.key_id, 'run.' || v_status, 'run', r.id, r.request_id, '{}');
  return true;
end $$;
