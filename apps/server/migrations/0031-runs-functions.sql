-- Lock: none; the hot statements of a run, each one round trip. They run with the caller's rights: row-level security applies.

-- Appends events [{type, data}] and returns the last sequence number. The caller must have locked the run's row.
create function runs.append(p_org text, p_run text, p_last int, p_events jsonb) returns int language plpgsql as $$
begin
  insert into runs.event (org_id, run_id, seq, type, data)
    select p_org, p_run, p_last + e.ordinality::int, e.value ->> 'type', e.value -> 'data'
    from jsonb_array_elements(p_events) with ordinality e;
  return p_last + jsonb_array_length(p_events);
end $$;

-- Starts an attempt: the fence becomes this attempt's, so every write of an earlier one is refused from here on.
-- Returns nothing when the run has ended or a later attempt owns it.
create function runs.begin(p_org text, p_run text, p_fence bigint) returns setof runs.run language plpgsql as $$
declare
  r runs.run;
begin
  perform set_config('guildhall.org_id', p_org, true);
  select * into r from runs.run where id = p_run and finished_at is null and fence < p_fence for update;
  if not found then return; end if;
  if r.status <> 'running' then
    r.event_seq := runs.append(p_org, p_run, r.event_seq, jsonb_build_array(jsonb_build_object('type', 'status', 'data', jsonb_build_object('status', 'running'))));
  end if;
  return query update runs.run set status = 'running', waiting_for = null, fence = p_fence, event_seq = r.event_seq,
      started_at = coalesce(started_at, platform.now()) where id = p_run returning *;
end $$;

-- Records a step (and with it its artifacts and events) under the fence. A step may carry `use` ({ costNanos, inputTokens, outputTokens }), what a
-- model used in it: it counts in the run with the step. False when another attempt owns the run.
create function runs.checkpoint(p_org text, p_run text, p_fence bigint, p_step jsonb, p_artifacts jsonb, p_events jsonb)
  returns boolean language plpgsql as $$
declare
  v_last int;
  v_events int := jsonb_array_length(p_events);
  v_artifacts int := jsonb_array_length(p_artifacts);
  v_index int := p_step ->> 'index';
  v_finished int := case when p_step ->> 'status' = 'running' then 0 else 1 end;
  v_cost bigint := coalesce((p_step #>> '{use,costNanos}')::bigint, 0);
  v_input bigint := coalesce((p_step #>> '{use,inputTokens}')::bigint, 0);
  v_output bigint := coalesce((p_step #>> '{use,outputTokens}')::bigint, 0);
begin
  perform set_config('guildhall.org_id', p_org, true);
  update runs.run set event_seq = event_seq + v_events, step_count = step_count + v_finished, artifact_count = artifact_count + v_artifacts,
      called_nanos = called_nanos + v_cost, input_tokens = input_tokens + v_input, output_tokens = output_tokens + v_output
    where id = p_run and fence = p_fence and status = 'running'
    returning event_seq into v_last;
  if not found then return false; end if;
  insert into runs.step as s (org_id, run_id, index, key, name, kind, effect, status, attempt, started_at, finished_at, result, error,
      cost_nanos, input_tokens, output_tokens)
    values (p_org, p_run, v_index, p_step ->> 'key', p_step ->> 'name', p_step ->> 'kind', p_step ->> 'effect',
      p_step ->> 'status', (p_step ->> 'attempt')::int, (p_step ->> 'startedAt')::timestamptz,
      case v_finished when 1 then platform.now() end, p_step -> 'result', nullif(p_step -> 'error', 'null'), v_cost, v_input, v_output)
    on conflict (run_id, key) do update set status = excluded.status, attempt = excluded.attempt, started_at = excluded.started_at,
      finished_at = excluded.finished_at, result = excluded.result, error = excluded.error, cost_nanos = excluded.cost_nanos,
      input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens
      where s.status <> 'succeeded';
  if not found then
    -- A finished step is never overwritten; a second result for it would be a second truth. What was counted for it is taken back.
    update runs.run set event_seq = event_seq - v_events, step_count = step_count - v_finished, artifact_count = artifact_count - v_artifacts,
        called_nanos = called_nanos - v_cost, input_tokens = input_tokens - v_input, output_tokens = output_tokens - v_output
      where id = p_run;
    return false;
  end if;
  if v_artifacts > 0 then
    insert into runs.artifact (id, org_id, run_id, step_index, name, media_type, size, sha256)
      select a ->> 'id', p_org, p_run, v_index, a ->> 'name', a ->> 'mediaType', (a ->> 'size')::bigint, a ->> 'sha256'
      from jsonb_array_elements(p_artifacts) a;
  end if;
  perform runs.append(p_org, p_run, v_last - v_events, p_events);
  return true;
end $$;

-- Events between checkpoints (progress, logs). False when another attempt owns the run.
create function runs.tell(p_org text, p_run text, p_fence bigint, p_events jsonb) returns boolean language plpgsql as $$
declare
  last int;
begin
  perform set_config('guildhall.org_id', p_org, true);
  select event_seq into last from runs.run where id = p_run and fence = p_fence and status = 'running' for update;
  if not found then return false; end if;
  update runs.run set event_seq = runs.append(p_org, p_run, last, p_events) where id = p_run;
  return true;
end $$;

-- One run as its own organisation sees it, in one round trip.
create function runs.read_run(p_org text, p_run text) returns setof runs.run language plpgsql as $$
begin
  perform set_config('guildhall.org_id', p_org, true);
  return query select * from runs.run where id = p_run;
end $$;

-- Artifacts of one run; a run has few.
create function runs.read_artifacts(p_org text, p_run text) returns setof runs.artifact language plpgsql as $$
begin
  perform set_config('guildhall.org_id', p_org, true);
  return query select * from runs.artifact where run_id = p_run order by id;
end $$;

-- Events after a sequence number, in order.
create function runs.read_events(p_org text, p_run text, p_after int, p_limit int) returns setof runs.event language plpgsql as $$
begin
  perform set_config('guildhall.org_id', p_org, true);
  return query select * from runs.event where run_id = p_run and seq > p_after order by seq limit p_limit;
end $$;
