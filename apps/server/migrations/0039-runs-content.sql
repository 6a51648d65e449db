-- Lock: exclusive and short on runs.file, runs.artifact and runs.loose_content, whose rows are read once; registers every stored content.

-- A content of an organisation whose bytes may lie in the file store. The row is committed before the bytes are put and goes after they
-- are gone, so bytes without a row do not exist. Files and artifacts refer to it, so a row that names bytes which were swept cannot be written.
create table runs.content (
  org_id text not null,
  sha256 text not null,
  -- Set when bytes are put and when a row that named them goes; cleared when the sweep finds a row that names them.
  loose_since timestamptz default platform.now(),
  primary key (org_id, sha256)
);
call platform.protect_tenant_table('runs.content');
create index content_loose on runs.content (loose_since) where loose_since is not null;

-- The owner of the tables is under row-level security too; this once it has to see all rows.
alter table runs.file no force row level security;
alter table runs.artifact no force row level security;
alter table runs.loose_content no force row level security;
alter table runs.content no force row level security;
insert into runs.content (org_id, sha256)
  select org_id, sha256 from runs.file union select org_id, sha256 from runs.artifact union select org_id, sha256 from runs.loose_content;
alter table runs.file add constraint file_content foreign key (org_id, sha256) references runs.content;
alter table runs.artifact add constraint artifact_content foreign key (org_id, sha256) references runs.content;
alter table runs.file force row level security;
alter table runs.artifact force row level security;
alter table runs.content force row level security;
drop function runs.take_orphans(int);
drop table runs.loose_content;

create or replace function runs.note_loose() returns trigger language plpgsql as $$
begin
  update runs.content c set loose_since = platform.now() where c.org_id = old.org_id and c.sha256 = old.sha256;
  return null;
end $$;

-- Contents past their two hours that nothing names, as far as can be seen without locks; lock_orphan has the last word on each. Those that
-- something names are taken off the list on the way.
-- Two hours are more than any step has between keeping an artifact and its checkpoint.
create function runs.find_orphans(p_limit int) returns table (org_id text, sha256 text) language plpgsql as $$
declare
  v_before timestamptz := platform.now() - interval '2 hours';
begin
  update runs.content c set loose_since = null from
    (select x.org_id, x.sha256 from runs.content x where x.loose_since < v_before
      and (exists (select 1 from runs.file f where f.org_id = x.org_id and f.sha256 = x.sha256)
        or exists (select 1 from runs.artifact a where a.org_id = x.org_id and a.sha256 = x.sha256))
      order by x.loose_since limit p_limit for update skip locked) named
    where c.org_id = named.org_id and c.sha256 = named.sha256;
  return query select c.org_id, c.sha256 from runs.content c where c.loose_since < v_before order by c.loose_since limit p_limit;
end $$;
call platform.system_function('runs.find_orphans(int)');

-- True when nothing names this content and its two hours are over. Then its row is locked until the end of the transaction, and whoever
-- puts or names the same bytes waits for that.
create function runs.lock_orphan(p_sha256 text) returns boolean language plpgsql as $$
begin
  perform 1 from runs.content c where c.org_id = platform.current_org() and c.sha256 = p_sha256
    and c.loose_since < platform.now() - interval '2 hours' for update skip locked;
  -- Looked up after the lock is held: a row that names the content is either visible now, or waits and fails.
  return found
    and not exists (select 1 from runs.file f where f.org_id = platform.current_org() and f.sha256 = p_sha256)
    and not exists (select 1 from runs.artifact a where a.org_id = platform.current_org() and a.sha256 = p_sha256);
end $$;
