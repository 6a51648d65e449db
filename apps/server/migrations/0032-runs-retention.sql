-- Lock: brief, on tables of this release; adds retention of runs and files.

-- Contents whose last row may be gone. They wait an hour, so that an upload of the same bytes under way is not cut short.
create table runs.loose_content (
  org_id text not null,
  sha256 text not null,
  since timestamptz not null default platform.now(),
  primary key (org_id, sha256)
);
call platform.protect_tenant_table('runs.loose_content', 'select, insert');

create function runs.note_loose() returns trigger language plpgsql as $$
begin
  insert into runs.loose_content (org_id, sha256) values (old.org_id, old.sha256) on conflict do nothing;
  return null;
end $$;
create trigger note_loose after delete on runs.file for each row execute function runs.note_loose();
create trigger note_loose after delete on runs.artifact for each row execute function runs.note_loose();

-- Runs below a root go with it. Steps, events and artifacts follow their run.
create function runs.prune(p_runs interval, p_files interval, p_limit int) returns table (runs int, files int) language plpgsql as $$
declare
  runs_gone int;
  files_gone int;
  -- Read once: an index can serve a comparison with a value, not with a clock.
  v_now timestamptz := platform.now();
begin
  delete from runs.run where id in
    (select r.id from runs.run r where r.finished_at < v_now - p_runs order by r.finished_at limit p_limit);
  get diagnostics runs_gone = row_count;
  delete from runs.file where id in
    (select f.id from runs.file f where f.created_at < v_now - p_files order by f.created_at limit p_limit);
  get diagnostics files_gone = row_count;
  return query select runs_gone, files_gone;
end $$;
call platform.system_function('runs.prune(interval, interval, int)');

-- Contents that no row names, after their hour; the caller deletes the bytes.
create function runs.take_orphans(p_limit int) returns table (org_id text, sha256 text) language plpgsql as $$
begin
  return query
  with due as (
    delete from runs.loose_content l where (l.org_id, l.sha256) in
      (select x.org_id, x.sha256 from runs.loose_content x where x.since < platform.now() - interval '1 hour' order by x.since limit p_limit)
    returning l.org_id, l.sha256
  )
  select d.org_id, d.sha256 from due d
  where not exists (select 1 from runs.file f where f.org_id = d.org_id and f.sha256 = d.sha256)
    and not exists (select 1 from runs.artifact a where a.org_id = d.org_id and a.sha256 = d.sha256);
end $$;
call platform.system_function('runs.take_orphans(int)');
