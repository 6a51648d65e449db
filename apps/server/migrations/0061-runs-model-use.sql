-- Lock: none on existing tables; replaces functions. A step may carry what a model used and cost.

-- As before, and with `use` ({ costNanos, inputTokens, outputTokens }) in the step: it counts in the run with the step.
create or replace function runs.checkpoint(p_org text, p_run text, p_fence bigint, p_step jsonb, p_artifacts jsonb, p_events jsonb)
  returns boolean language plpgsql as $$
declare
  last int;
  finished boolean := p_step ->> 'status' <> 'running';
  v_cost bigint := coalesce((p_step #>> '{use,costNanos}')::bigint, 0);
  v_input bigint := coalesce((p_step #>> '{use,inputTokens}')::bigint, 0);
  v_output bigint := coalesce((p_step #>> '{use,outputTokens}')::bigint, 0);
begin
  perform set_config('guildhall.org_id', p_org, true);
  select event_seq into last from runs.run where id = p_run and fence = p_fence and status = 'running' for update;
  if not found then return false; end if;
  insert into runs.step as s (org_id, run_id, index, key, name, kind, effect, status, attempt, started_at, finished_at, result, error,
      cost_nanos, input_tokens, output_tokens)
    values (p_org, p_run, (p_step ->> 'index')::int, p_step ->> 'key', p_step ->> 'name', p_step ->> 'kind', p_step ->> 'effect',
      p_step ->> 'status', (p_step ->> 'attempt')::int, (p_step ->> 'startedAt')::timestamptz,
      case when finished then platform.now() end, p_step -> 'result', nullif(p_step -> 'error', 'null'),
      v_cost, v_input, v_output)
    on conflict (run_id, key) do update set status = excluded.status, attempt = excluded.attempt, started_at = excluded.started_at,
      finished_at = excluded.finished_at, result = excluded.result, error = excluded.error, cost_nanos = excluded.cost_nanos,
      input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens
      where s.status <> 'succeeded';
  -- A finished step is never overwritten; a second result for it would be a second truth.
  if not found then return false; end if;
  if jsonb_array_length(p_artifacts) > 0 then
    insert into runs.artifact (id, org_id, run_id, step_index, name, media_type, size, sha256)
      select a ->> 'id', p_org, p_run, (p_step ->> 'index')::int, a ->> 'name', a ->> 'mediaType', (a ->> 'size')::bigint, a ->> 'sha256'
      from jsonb_array_elements(p_artifacts) a;
  end if;
  last := runs.append(p_org, p_run, last, p_events);
  update runs.run set event_seq = last, step_count = step_count + case when finished then 1 else 0 end,
      artifact_count = artifact_count + jsonb_array_length(p_artifacts), called_nanos = called_nanos + v_cost,
      input_tokens = input_tokens + v_input, output_tokens = output_tokens + v_output where id = p_run;
  return true;
end $$;

-- As before, but the tokens of a run are counted in usage by the records of its calls of models, each with its model.
create or replace function runs.settle(p jsonb) returns boolean language plpgsql as $$
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
      0, 0, v_cost, 0, null) = 'conflict' then
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

-- A run that has ended keeps its end for ever. The one thing that may still happen is that charges are given back: its own, and of what it
-- called all or, where the customer cancelled the run above it, all but the use of models.
create or replace function runs.guard_terminal() returns trigger language plpgsql as $$
begin
  if old.finished_at is null then return new; end if;
  if new.reversed_at is not null and (old.reversed_at is null or new.reversed_at = old.reversed_at) and new.cost_nanos = 0
    and new.called_nanos <= old.called_nanos
    and (to_jsonb(new) - array['reversed_at', 'cost_nanos', 'called_nanos']) = (to_jsonb(old) - array['reversed_at', 'cost_nanos', 'called_nanos']) then
    return new;
  end if;
  raise exception 'run % has ended as % and cannot change', old.id, old.status using errcode = 'GH001';
end $$;
