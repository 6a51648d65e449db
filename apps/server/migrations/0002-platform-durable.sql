-- Lock: none on existing tables; creates the queue of durable tasks.
call platform.module_schema('durable');

-- A process that executes tasks. Its tasks are given to others once its heartbeat is older than the lease.
create table durable.worker (
  id text primary key,
  host text not null,
  pid int not null,
  started_at timestamptz not null default platform.now(),
  heartbeat_at timestamptz not null default platform.now(),
  -- Set when the lease ran out or the worker left: an id is never used again.
  ended_at timestamptz
);
grant select, insert, update, delete on durable.worker to guildhall_definer;

-- One row per unfinished piece of durable work; it is deleted when the work ends. Ids only, never payloads.
create domain durable.task_state as text check (value in ('queued', 'running', 'waiting'));
create domain durable.cap as int check (value > 0);

create table durable.task (
  id text primary key,
  org_id text not null,
  -- A share of the organisation with a cap of its own (a tier).
  lane text not null,
  org_max durable.cap not null,
  lane_max durable.cap not null,
  state durable.task_state not null default 'queued',
  -- queued: not before this instant; waiting: the timer, null when only a signal can wake it.
  due_at timestamptz default platform.now(),
  worker_id text,
  claimed_at timestamptz,
  -- Raised at every claim and every take-over; each write of a worker carries the value it was given.
  fence bigint not null default 0,
  -- Raised by every wake-up, so that one that comes between reading and suspending is not lost.
  signals bigint not null default 0,
  -- Workers lost in a row without progress between.
  crashes int not null default 0,
  cancel_requested boolean not null default false,
  -- Programs older than this do not claim the task.
  version int not null,
  enqueued_at timestamptz not null default platform.now(),
  check ((state = 'running') = (worker_id is not null)),
  check (state <> 'queued' or due_at is not null)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
call platform.protect_tenant_table('durable.task');
create index task_queued on durable.task (org_id, lane, due_at, id) where state = 'queued';
create index task_running on durable.task (worker_id) where state = 'running';
create index task_timers on durable.task (due_at) where state = 'waiting' and due_at is not null;

create function durable.register(p_worker text, p_host text, p_pid int) returns void language sql as $$
  insert into durable.worker (id, host, pid) values (p_worker, p_host, p_pid);
$$;
call platform.system_function('durable.register(text, text, int)');

-- Renews the lease. Returns no row when the lease has already been taken away: the worker must then stop what it does.
-- Gives back tasks that the worker holds in the database but does not execute: the answer to its claim, or its giving back, got lost.
-- Returns the tasks of this worker that are to be cancelled, for the case that the notification got lost.
create function durable.beat(p_worker text, p_executing text[]) returns table (cancelled text[]) language plpgsql as $$
begin
  update durable.worker set heartbeat_at = platform.now() where id = p_worker and ended_at is null;
  if not found then return; end if;
  -- A claim under way may not have been answered yet; two seconds are far more than it takes.
  update durable.task set state = 'queued', worker_id = null, fence = fence + 1
    where worker_id = p_worker and state = 'running' and id <> all (p_executing) and claimed_at < platform.now() - interval '2 seconds';
  return query select array(select t.id from durable.task t where t.worker_id = p_worker and t.state = 'running' and t.cancel_requested);
end $$;
call platform.system_function('durable.beat(text, text[])');

-- Takes up to p_slots due tasks. One claimer at a time in the whole database (a claim takes about a millisecond), so caps are exact.
-- Fair: organisations with the fewest running tasks first, then the oldest task. Reads (org, lane) pairs by a loose index scan,
-- so a tenant with 100,000 queued tasks costs as much as one with a single task.
-- A task that lost three workers in a row is suspected of killing them, and a worker has one suspect at a time: so what kills its worker does not
-- take the same companions down again and again until they are given up with it.
create function durable.claim(p_worker text, p_slots int, p_version int, p_after text)
  returns table (id text, org_id text, fence bigint, signals bigint, crashes int, cancel_requested boolean, enqueued_at timestamptz) language plpgsql as $$
declare
  instant timestamptz;
begin
  perform pg_advisory_xact_lock(4871226002);
  -- Read after the lock: a heartbeat lost while waiting here must be seen.
  if not exists (select 1 from durable.worker w where w.id = p_worker and w.ended_at is null) then return; end if;
  instant := platform.now();
  update durable.task t set state = 'queued' where t.state = 'waiting' and t.due_at <= instant;
  return query
  with recursive pair as (
    (select t.org_id, t.lane from durable.task t
      where t.state = 'queued' and t.org_id > p_after order by t.org_id, t.lane limit 1)
    union all
    select n.org_id, n.lane from pair p cross join lateral (
      select t.org_id, t.lane from durable.task t
      where t.state = 'queued' and (t.org_id, t.lane) > (p.org_id, p.lane) order by t.org_id, t.lane limit 1) n
  ), bounded as (select * from pair limit 400
  ), running_lane as (
    select t.org_id, t.lane, count(*)::int as n from durable.task t where t.state = 'running' group by 1, 2
  ), running_org as (select r.org_id, sum(r.n)::int as n from running_lane r group by 1
  ), due as (
    select c.id, c.org_id, c.due_at, c.org_max, c.crashes >= 3 as suspect, coalesce(o.n, 0) as org_running
    from bounded b
    left join running_lane l on l.org_id = b.org_id and l.lane = b.lane
    left join running_org o on o.org_id = b.org_id
    cross join lateral (
      select d.id, d.org_id, d.due_at, d.org_max, d.lane_max, d.crashes, row_number() over (order by d.due_at, d.id) as place
      from (select t.id, t.org_id, t.due_at, t.org_max, t.lane_max, t.crashes from durable.task t
        where t.state = 'queued' and t.org_id = b.org_id and t.lane = b.lane and t.due_at <= instant and t.version <= p_version
        order by t.due_at, t.id limit p_slots) d
    ) c
    where c.place + coalesce(l.n, 0) <= c.lane_max
  ), ranked as (
    select d.id, d.due_at, d.org_max, d.suspect, d.org_running + row_number() over (partition by d.org_id order by d.due_at, d.id) as turn from due d
  ), allowed as (
    select r.id, r.turn, r.due_at, r.suspect, row_number() over (partition by r.suspect order by r.due_at, r.id) as nth from ranked r where r.turn <= r.org_max
  ), chosen as (
    select a.id from allowed a
    where not a.suspect or (a.nth = 1 and not exists (select from durable.task t where t.worker_id = p_worker and t.state = 'running' and t.crashes >= 3))
    order by a.turn, a.due_at, a.id limit p_slots
  )
  update durable.task t set state = 'running', worker_id = p_worker, claimed_at = instant, fence = t.fence + 1
    from chosen c where t.id = c.id and t.state = 'queued'
    returning t.id, t.org_id, t.fence, t.signals, t.crashes, t.cancel_requested, t.enqueued_at;
end $$;
call platform.system_function('durable.claim(text, int, int, text)');

-- When a reaper last looked. They look twice a second, so a longer silence tells that the server, or everybody, was away.
create table durable.pulse (single boolean primary key default true check (single), at timestamptz not null);
insert into durable.pulse (at) values (platform.now());
grant select, update on durable.pulse to guildhall_definer;

-- Ends workers whose heartbeat is older than the lease and gives their tasks back, in the place in the queue that they had: work that was
-- begun goes on before new work begins. Time in which nobody could look does not count against a lease, because nobody could renew one
-- then either. Only one reaper works at a time; the others return at once.
create function durable.reap(p_lease interval) returns table (worker_id text, task_id text, org_id text, crashes int) language plpgsql as $$
declare
  instant timestamptz := platform.now();
  away interval;
begin
  if not pg_try_advisory_xact_lock(4871226003) then return; end if;
  -- A third of the lease is silence that a busy machine explains.
  select instant - p.at - p_lease / 3 into away from durable.pulse p;
  update durable.pulse p set at = instant;
  if away > interval '0' then
    update durable.worker w set heartbeat_at = least(w.heartbeat_at + away, instant) where w.ended_at is null;
  end if;
  return query
  with dead as (
    update durable.worker w set ended_at = instant
    where w.ended_at is null and w.heartbeat_at < instant - p_lease
    returning w.id
  )
  update durable.task t set state = 'queued', worker_id = null, fence = t.fence + 1, crashes = t.crashes + 1
    from dead d, (select x.worker_id as was, x.id from durable.task x where x.state = 'running') o
    where t.state = 'running' and t.worker_id = d.id and o.id = t.id
    returning o.was, t.id, t.org_id, t.crashes;
end $$;
call platform.system_function('durable.reap(interval)');

-- A worker leaves in good order: its tasks go back at once and no crash is counted.
create function durable.leave(p_worker text) returns int language plpgsql as $$
declare
  n int;
begin
  update durable.worker set ended_at = platform.now() where id = p_worker;
  update durable.task set state = 'queued', worker_id = null, fence = fence + 1
    where worker_id = p_worker and state = 'running';
  get diagnostics n = row_count;
  return n;
end $$;
call platform.system_function('durable.leave(text)');

-- Gives one task back without counting a crash; used when an attempt stops because its process drains or the database went away.
create function durable.give_back(p_id text, p_fence bigint, p_delay interval) returns boolean language plpgsql as $$
begin
  update durable.task set state = 'queued', worker_id = null, due_at = platform.now() + p_delay
    where id = p_id and fence = p_fence and state = 'running';
  return found;
end $$;
call platform.system_function('durable.give_back(text, bigint, interval)');

-- Lays a task aside until a signal or its timer. When a signal came since p_signals was read it is queued again at once.
create function durable.suspend(p_id text, p_fence bigint, p_signals bigint, p_due timestamptz) returns text language plpgsql as $$
declare
  result text;
begin
  update durable.task set
      worker_id = null,
      state = case when signals = p_signals and not cancel_requested then 'waiting' else 'queued' end,
      due_at = case when signals = p_signals and not cancel_requested then p_due else platform.now() end,
      crashes = 0
    where id = p_id and fence = p_fence and state = 'running'
    returning state into result;
  return result;
end $$;
grant execute on function durable.suspend(text, bigint, bigint, timestamptz) to guildhall_app;

create function durable.counts() returns table (state text, n bigint, oldest_due_at timestamptz) language sql as $$
  select t.state, count(*), min(t.due_at) from durable.task t group by t.state;
$$;
call platform.system_function('durable.counts()');

-- Ended workers are kept for a while for the operator's eyes.
create function durable.prune(p_keep interval) returns int language plpgsql as $$
declare
  n int;
begin
  delete from durable.worker where ended_at < platform.now() - p_keep;
  get diagnostics n = row_count;
  return n;
end $$;
call platform.system_function('durable.prune(interval)');

-- For statements of the modules above that must be one round trip.
create function durable.enqueue(p_org text, p_id text, p_lane text, p_org_max int, p_lane_max int, p_version int) returns void language plpgsql as $$
begin
  insert into durable.task (id, org_id, lane, org_max, lane_max, version) values (p_id, p_org, p_lane, p_org_max, p_lane_max, p_version);
end $$;
create function durable.finish(p_id text) returns void language plpgsql as $$
begin
  delete from durable.task where id = p_id;
end $$;
-- Wakes a waiting task; one that is just about to wait will not. Unknown ids do nothing.
create function durable.signal(p_id text) returns void language plpgsql as $$
begin
  update durable.task set signals = signals + 1,
      due_at = case when state = 'waiting' then platform.now() else due_at end,
      state = case when state = 'waiting' then 'queued' else state end
    where id = p_id;
end $$;
