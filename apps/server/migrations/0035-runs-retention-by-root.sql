-- Lock: none on rows; replaces functions of retention.

-- A tree of calls goes as a whole, once its root is past its age: while the root lives, the charges below it may still have to be
-- given back. Steps, events and artifacts follow their run.
create or replace function runs.prune(p_runs interval, p_files interval, p_limit int) returns table (runs int, files int) language plpgsql as $$
declare
  runs_gone int;
  files_gone int;
begin
  delete from runs.run where id in
    (select r.id from runs.run r where r.finished_at < platform.now() - p_runs
      and not exists (select 1 from runs.run t where t.id = r.root_run_id and t.id <> r.id
        and (t.finished_at is null or t.finished_at >= platform.now() - p_runs))
      order by r.finished_at limit p_limit);
  get diagnostics runs_gone = row_count;
  delete from runs.file where id in
    (select f.id from runs.file f where f.created_at < platform.now() - p_files order by f.created_at limit p_limit);
  get diagnostics files_gone = row_count;
  return query select runs_gone, files_gone;
end $$;

call platform.system_function('runs.prune(interval, interval, int)');

-- The hour counts from the last row that let go of the content, so that every upload of the same bytes has all of it.
grant update on runs.loose_content to guildhall_app, guildhall_definer;
create or replace function runs.note_loose() returns trigger language plpgsql as $$
begin
  insert into runs.loose_content (org_id, sha256) values (old.org_id, old.sha256)
    on conflict (org_id, sha256) do update set since = platform.now();
  return null;
end $$;
