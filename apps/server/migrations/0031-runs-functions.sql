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

-- Records a step (and with it its artifacts and events) under the fence. False when another attempt owns the run.
create function runs.checkpoint(p_org text, p_run text, p_fence bigint, p_step jsonb, p_artifacts jsonb, p_events jsonb)
  returns boolean language plpgsql as $$
declare
  last int;
  finished boolean := p_step ->> 'status' <> 'running';
begin
  perform set_config('guildhall.org_id', p_org, true);
  select event_seq into last from runs.run where id = p_run and fence = p_fence and status = 'running' for update;
  if not found then return false; end if;
  insert into runs.step as s (org_id, run_id, index, key, name, kind, effect, status, attempt, started_at, finished_at, result, error)
    values (p_org, p_run, (p_step ->> 'index')::int, p_step ->> 'key', p_step ->> 'name', p_step ->> 'kind', p_step ->> 'effect',
      p_step ->> 'status', (p_step ->> 'attempt')::int, (p_step ->> 'startedAt')::timestamptz,
      case when finished then platform.now() end, p_step -> 'result', nullif(p_step -> 'error', 'null'))
    on conflict (run_id, key) do update set status = excluded.status, attempt = excluded.attempt, started_at = excluded.started_at,
      finished_at = excluded.finished_at, result = excluded.result, error = excluded.error
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
      artifact_count = artifact_count + jsonb_array_length(p_artifacts) where id = p_run;
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

-- Ends a run. Writes the status event last, so that a reader who sees it has seen everything. False when it has ended already,
-- or (p_fence not null) when another attempt owns it.
create function runs.finish(p_org text, p_run text, p_fence bigint, p_status text, p_output jsonb, p_error jsonb, p_cost bigint, p_called bigint)
  returns boolean language plpgsql as $$
declare
  last int;
begin
  perform set_config('guildhall.org_id', p_org, true);
  select event_seq into last from runs.run
    where id = p_run and finished_at is null and (p_fence is null or (fence = p_fence and status = 'running')) for update;
  if not found then return false; end if;
  last := runs.append(p_org, p_run, last, jsonb_build_array(
    jsonb_build_object('type', 'cost', 'data', jsonb_build_object('cost', jsonb_build_object('nanos', (p_cost + p_called)::text, 'currency', 'USD'))),
    jsonb_build_object('type', 'status', 'data', jsonb_strip_nulls(jsonb_build_object('status', p_status, 'error', p_error)))));
  update runs.run set status = p_status, waiting_for = null, output = p_output, error = p_error, event_seq = last,
      cost_nanos = p_cost, called_nanos = p_called, finished_at = platform.now(), started_at = coalesce(started_at, platform.now())
    where id = p_run;
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
