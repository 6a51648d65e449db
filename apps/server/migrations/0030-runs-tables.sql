-- Lock: none on existing tables; creates the runs module.
call platform.module_schema('runs');

create domain runs.mode as text check (value in ('live', 'test'));
create domain runs.run_status as text check (value in ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'));
create domain runs.waiting_for as text check (value in ('approval', 'review', 'timer', 'child', 'input'));
create domain runs.step_status as text check (value in ('running', 'succeeded', 'failed'));
create domain runs.step_effect as text check (value in ('none', 'idempotent', 'once'));
create domain runs.event_type as text check (value in ('status', 'step', 'token', 'artifact', 'cost', 'log', 'approval'));

create table runs.run (
  id text primary key,
  org_id text not null,
  key_id text not null,
  -- The member whose use it counts as: a person, or whom the key belongs to.
  member_id text,
  agent_id text not null,
  agent_version text not null,
  status runs.run_status not null,
  waiting_for runs.waiting_for,
  tier text not null,
  mode runs.mode not null,
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
  cost_nanos platform.amount not null default 0,
  called_nanos platform.amount not null default 0,
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
  check ((status = 'waiting') = (waiting_for is not null)),
  check (cost_nanos + called_nanos <= hold_nanos)
) with (fillfactor = 80);
call platform.protect_tenant_table('runs.run');
-- Ids sort by the time of making.
create index run_by_time on runs.run (org_id, id desc);
create index run_by_agent on runs.run (org_id, agent_id, id desc);
create unique index run_by_parent_step on runs.run (parent_run_id, parent_step) where parent_run_id is not null;
-- Without the status, which changes: an update that touches no index is half the work.
create index run_live on runs.run (org_id, id) where finished_at is null;
create index run_finished on runs.run (finished_at) where finished_at is not null;
create index run_root on runs.run (root_run_id) where parent_run_id is not null;

-- A run has an end when its status says so, and keeps it for ever: recovery, a late worker or a mistake of ours cannot rewrite it. The one
-- thing that may still happen is that charges are given back: its own, and of what it called all or, where the customer cancelled the run
-- above it, all but the use of models.
create function runs.guard_terminal() returns trigger language plpgsql as $$
begin
  if (new.status in ('succeeded', 'failed', 'cancelled')) <> (new.finished_at is not null) then
    raise exception 'run % is % and has % end', new.id, new.status, case when new.finished_at is null then 'no' else 'an' end
      using errcode = 'check_violation';
  end if;
  if tg_op = 'INSERT' or old.finished_at is null then return new; end if;
  if new.reversed_at is not null and (old.reversed_at is null or new.reversed_at = old.reversed_at) and new.cost_nanos = 0
    and new.called_nanos <= old.called_nanos
    and (to_jsonb(new) - array['reversed_at', 'cost_nanos', 'called_nanos']) = (to_jsonb(old) - array['reversed_at', 'cost_nanos', 'called_nanos']) then
    return new;
  end if;
  raise exception 'run % has ended as % and cannot change', old.id, old.status using errcode = 'GH001';
end $$;
create trigger guard_terminal before insert or update on runs.run for each row execute function runs.guard_terminal();

create table runs.step (
  org_id text not null,
  run_id text not null,
  index int not null,
  -- `name#occurrence`: how a later attempt recognises the step.
  key text not null,
  name text not null,
  kind text not null,
  effect runs.step_effect not null,
  status runs.step_status not null,
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
  type runs.event_type not null,
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
