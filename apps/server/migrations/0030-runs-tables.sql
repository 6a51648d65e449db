-- Lock: none on existing tables; creates the runs module.
call platform.module_schema('runs');

create table runs.run (
  id text primary key,
  org_id text not null,
  key_id text not null,
  agent_id text not null,
  agent_version text not null,
  status text not null check (status in ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
  waiting_for text check (waiting_for in ('approval', 'review', 'timer', 'child', 'input')),
  tier text not null,
  mode text not null check (mode in ('live', 'test')),
  input jsonb not null,
  output jsonb,
  error jsonb,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  step_count int not null default 0,
  price_version int not null,
  base_nanos bigint not null,
  estimate_nanos bigint not null,
  hold_id text,
  hold_nanos bigint not null,
  -- Its own charge; what it called is in called_nanos, and the caller sees the sum.
  cost_nanos bigint not null default 0 check (cost_nanos >= 0),
  called_nanos bigint not null default 0 check (called_nanos >= 0),
  -- Set when a charge was given back because the run that called this one failed.
  reversed_at timestamptz,
  parent_run_id text,
  root_run_id text not null,
  -- The step of the parent that waits for this run.
  parent_step text,
  replay_of text,
  replay_from_step int,
  metadata jsonb not null default '{}',
  request_id text not null,
  created_at timestamptz not null default platform.now(),
  started_at timestamptz,
  finished_at timestamptz,
  artifact_count int not null default 0,
  event_seq int not null default 0,
  fence bigint not null default 0,
  -- Milliseconds of execution in attempts that have ended, against the agent's timeout.
  active_ms bigint not null default 0,
  check ((status in ('succeeded', 'failed', 'cancelled')) = (finished_at is not null)),
  check ((status = 'waiting') = (waiting_for is not null)),
  check (cost_nanos + called_nanos <= hold_nanos)
) with (fillfactor = 80);
call platform.protect_tenant_table('runs.run');
-- Ids sort by the time of making.
create index run_by_time on runs.run (org_id, id desc);
create index run_by_agent on runs.run (org_id, agent_id, id desc);
create unique index run_by_parent_step on runs.run (parent_run_id, parent_step) where parent_run_id is not null;
create index run_live on runs.run (org_id, status) where finished_at is null;
create index run_finished on runs.run (finished_at) where finished_at is not null;
create index run_root on runs.run (root_run_id) where parent_run_id is not null;

-- A run that has ended keeps its end for ever: recovery, a late worker or a mistake of ours cannot rewrite it.
-- The one thing that may still happen is that its charge is given back, once.
create function runs.guard_terminal() returns trigger language plpgsql as $$
begin
  if old.finished_at is null then return new; end if;
  if old.reversed_at is null and new.reversed_at is not null and new.cost_nanos = 0 and new.called_nanos = 0
    and (to_jsonb(new) - array['reversed_at', 'cost_nanos', 'called_nanos']) = (to_jsonb(old) - array['reversed_at', 'cost_nanos', 'called_nanos']) then
    return new;
  end if;
  raise exception 'run % has ended as % and cannot change', old.id, old.status using errcode = 'GH001';
end $$;
create trigger guard_terminal before update on runs.run for each row execute function runs.guard_terminal();

create table runs.step (
  org_id text not null,
  run_id text not null,
  index int not null,
  -- `name#occurrence`: how a later attempt recognises the step.
  key text not null,
  name text not null,
  kind text not null,
  effect text not null check (effect in ('none', 'idempotent', 'once')),
  status text not null check (status in ('running', 'succeeded', 'failed')),
  attempt int not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  result jsonb,
  error jsonb,
  cost_nanos bigint not null default 0,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  primary key (run_id, index),
  unique (run_id, key),
  check ((status = 'running') = (finished_at is null))
);
call platform.protect_tenant_table('runs.step');

create table runs.event (
  org_id text not null,
  run_id text not null,
  seq int not null,
  type text not null check (type in ('status', 'step', 'token', 'artifact', 'cost', 'log', 'approval')),
  at timestamptz not null default platform.now(),
  data jsonb not null,
  primary key (run_id, seq)
);
call platform.protect_tenant_table('runs.event', 'select, insert');

-- Steps and events are written by statements that have locked their run, some ten times a run, so a foreign key would only look again at
-- what is known. They go with their run.
create function runs.delete_parts() returns trigger language plpgsql as $$
begin
  delete from runs.step where run_id = old.id;
  delete from runs.event where run_id = old.id;
  return null;
end $$;
create trigger delete_parts after delete on runs.run for each row execute function runs.delete_parts();

create table runs.artifact (
  id text primary key,
  org_id text not null,
  run_id text not null references runs.run (id) on delete cascade,
  step_index int not null,
  name text not null,
  media_type text not null,
  size bigint not null,
  sha256 text not null,
  created_at timestamptz not null default platform.now()
);
call platform.protect_tenant_table('runs.artifact', 'select, insert');
create index artifact_by_run on runs.artifact (run_id, id);
create index artifact_by_content on runs.artifact (org_id, sha256);

create table runs.file (
  id text primary key,
  org_id text not null,
  name text not null,
  media_type text not null,
  size bigint not null,
  sha256 text not null,
  created_at timestamptz not null default platform.now()
);
call platform.protect_tenant_table('runs.file', 'select, insert, delete');
create index file_by_content on runs.file (org_id, sha256);
create index file_by_age on runs.file (created_at);

create table runs.approval (
  id text primary key,
  org_id text not null,
  run_id text not null references runs.run (id) on delete cascade,
  step_key text not null,
  -- approval: asked for by the agent; review: an effect whose outcome is unknown after a crash.
  kind text not null check (kind in ('approval', 'review')),
  title text not null,
  details jsonb,
  decision text check (decision in ('approve', 'reject', 'expired')),
  comment text,
  decided_by text,
  created_at timestamptz not null default platform.now(),
  expires_at timestamptz not null,
  decided_at timestamptz,
  unique (run_id, step_key),
  check ((decision is null) = (decided_at is null))
);
call platform.protect_tenant_table('runs.approval');

-- Runs that were given up because every worker that took them died. Redriving makes a new run.
create table runs.dead_letter (
  run_id text primary key references runs.run (id) on delete cascade,
  org_id text not null,
  reason text not null,
  crashes int not null,
  created_at timestamptz not null default platform.now(),
  redriven_run_id text
);
call platform.protect_tenant_table('runs.dead_letter');
