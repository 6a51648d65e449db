-- Lock: short ones on audit.head for new columns and on audit.event for an index of a few pages; adds tables and functions of audit, and one of models.

-- Where retention cut the chain's beginning off: it now begins behind floor_seq, whose hash is kept so that the next row still follows something.
alter table audit.head
  add column floor_seq bigint not null default 0,
  add column floor_hash bytea;
grant delete on audit.event to guildhall_definer;
-- Rows come in the order of time, so a few pages tell where old ones lie; nothing is added to what a busy run writes.
create index event_by_age on audit.event using brin (created_at);

-- Nobody changes a row. Only retention removes one, in its own function, from the beginning of a chain.
create or replace function audit.refuse_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_user = 'guildhall_definer' and current_setting('guildhall.audit_prune', true) = 'on' then
    return null;
  end if;
  raise exception 'audit.event is append-only' using errcode = 'insufficient_privilege';
end $$;

-- Removes up to p_limit of the oldest rows of chains whose beginning is older than p_keep, and says so in each chain with a row of its own,
-- for which it takes an id of p_ids. The last row of a chain always stays. Returns the number of rows removed.
create function audit.prune(p_keep interval, p_limit int, p_ids text[]) returns int language plpgsql as $$
declare
  c record;
  n int;
  total int := 0;
  i int := 0;
begin
  perform set_config('guildhall.audit_prune', 'on', true);
  for c in
    select o.org_id, max(o.seq) as seq from (
      select e.org_id, e.seq from audit.event e join audit.head h on h.org_id = e.org_id
       where e.created_at < platform.now() - p_keep and e.seq < h.seq
       order by e.created_at limit p_limit) o
     group by o.org_id order by o.org_id limit cardinality(p_ids)
  loop
    i := i + 1;
    perform 1 from audit.head h where h.org_id = c.org_id for update;
    update audit.head h set floor_seq = c.seq, floor_hash = (select e.hash from audit.event e where e.org_id = c.org_id and e.seq = c.seq)
     where h.org_id = c.org_id and h.floor_seq < c.seq;
    delete from audit.event e where e.org_id = c.org_id and e.seq <= c.seq;
    get diagnostics n = row_count;
    total := total + n;
    perform audit.append(c.org_id, p_ids[i], 'system', 'retention', 'audit.prune', 'audit', null, null,
      jsonb_build_object('through', c.seq, 'rows', n));
  end loop;
  perform set_config('guildhall.audit_prune', '', true);
  return total;
end $$;
call platform.system_function('audit.prune(interval, int, text[])');

-- As before (0010), from where retention left the chain. A floor that no row of the chain tells of was made by somebody else.
create or replace function audit.faults(p_org text) returns table (seq bigint, id text, fault text) language sql stable as $$
  with floor as (
    select coalesce(max(h.floor_seq), 0) as seq, coalesce((array_agg(h.floor_hash))[1], sha256(convert_to(p_org, 'UTF8'))) as hash
      from audit.head h where h.org_id = p_org
  ), walk as (
    select e.seq, e.id, e.hash,
      lag(e.seq, 1, f.seq) over w as before_seq,
      lag(e.id) over w as before_id,
      e.prev_hash = lag(e.hash, 1, f.hash) over w as follows,
      e.hash = audit.row_hash(e) as sound
    from audit.event e cross join floor f where e.org_id = p_org window w as (order by e.seq)
  ), chain as (
    -- A row that is named for itself is not accused by its successor as well.
    select w.*, coalesce(lag(w.sound and w.follows) over (order by w.seq), true) as before_whole from walk w
  ), last as (
    select coalesce(max(w.seq), (select f.seq from floor f)) as seq, (array_agg(w.hash order by w.seq desc))[1] as hash,
      (array_agg(w.id order by w.seq desc))[1] as id from walk w
  ), found as (
    select w.before_seq + 1 as seq, null::text as id, 'deleted' as fault from walk w where w.seq > w.before_seq + 1
    union all
    select w.seq, w.id, case when w.follows then 'edited' else 'reordered' end from walk w where not w.sound and w.seq = w.before_seq + 1
    union all
    select w.seq, w.id, 'edited' from walk w where not w.sound and w.seq > w.before_seq + 1
    union all
    select greatest(c.before_seq, f.seq + 1), coalesce(c.before_id, c.id), 'edited' from chain c cross join floor f
      where c.sound and not c.follows and c.before_whole and c.seq = c.before_seq + 1
    union all
    select l.seq + 1, null, 'truncated' from last l left join audit.head h on h.org_id = p_org
      where h.seq > l.seq or (h.org_id is null and l.seq > 0)
    union all
    select l.seq, l.id, 'edited' from last l cross join floor f join audit.head h on h.org_id = p_org
      where l.seq > f.seq and (h.seq < l.seq or (h.seq = l.seq and h.hash <> l.hash))
    union all
    select 1, null, 'truncated' from floor f
     where f.seq > 0 and not exists (
       select from audit.event e where e.org_id = p_org and e.action = 'audit.prune' and (e.data ->> 'through')::bigint = f.seq)
  )
  select f.seq, f.id, f.fault from found f order by f.seq, f.fault
$$;

-- The faults of every chain, in order: up to p_each of one chain.
create function audit.list_faults(p_each int) returns table (org_id text, seq bigint, id text, fault text) language sql stable as $$
  select o.org_id, f.seq, f.id, f.fault
  from (select h.org_id from audit.head h union select e.org_id from audit.event e) o
  cross join lateral (select * from audit.faults(o.org_id) limit p_each) f
  order by o.org_id, f.seq
$$;
call platform.system_function('audit.list_faults(int)');

-- Where chains end at this moment, page by page, for keeping outside of the database.
create function audit.list_heads(p_after text, p_limit int) returns table (org_id text, seq bigint, hash text) language sql stable as $$
  select h.org_id, h.seq, encode(h.hash, 'hex') from audit.head h where h.org_id > p_after order by h.org_id limit p_limit
$$;
call platform.system_function('audit.list_heads(text, int)');

-- What stands now where heads once were: the hash of the row, and whether retention has cut it off since.
create function audit.look_at(p_orgs text[], p_seqs bigint[]) returns table (org_id text, seq bigint, id text, hash text, pruned boolean)
  language sql stable as $$
  select w.org_id, w.seq, e.id, coalesce(encode(e.hash, 'hex'), case when h.floor_seq = w.seq then encode(h.floor_hash, 'hex') end),
         coalesce(h.floor_seq > w.seq, false)
    from unnest(p_orgs, p_seqs) w(org_id, seq)
    left join audit.event e on e.org_id = w.org_id and e.seq = w.seq
    left join audit.head h on h.org_id = w.org_id
$$;
call platform.system_function('audit.look_at(text[], bigint[])');

-- Organisations whose audit trail is handed on to their webhooks, and how far that has come.
create table audit.stream (
  org_id text primary key,
  seq bigint not null
);
call platform.protect_tenant_table('audit.stream', 'select, insert, update, delete');

create function audit.due_streams(p_limit int) returns table (org_id text) language sql stable as $$
  select s.org_id from audit.stream s join audit.head h on h.org_id = s.org_id where h.seq > s.seq order by s.org_id limit p_limit
$$;
call platform.system_function('audit.due_streams(int)');

revoke all on all functions in schema audit from public;
grant execute on all functions in schema audit to guildhall_definer;

-- Marks keys as used, as before (0059), and writes one audit row for each key and day (UTC) on which it was opened. The row of the key is
-- locked when its day is looked at, so that two processes write one row. Each takes its id from p_audit_ids, at the place of its key.
create function models.note_key_use(p_ids text[], p_audit_ids text[]) returns void language plpgsql as $$
declare
  k record;
begin
  for k in
    select l.id, l.org_id, w.audit_id,
           (l.last_used_at is null or (l.last_used_at at time zone 'UTC')::date < (platform.now() at time zone 'UTC')::date) as first_today
      from models.provider_key l join unnest(p_ids, p_audit_ids) w(id, audit_id) on w.id = l.id
     where l.last_used_at is null or l.last_used_at <= platform.now() - interval '1 minute'
     order by l.id for no key update of l
  loop
    update models.provider_key u set last_used_at = platform.now() where u.id = k.id;
    if k.first_today then
      perform audit.append(k.org_id, k.audit_id, 'system', 'models', 'provider-key.use', 'provider-key', k.id, null, '{}');
    end if;
  end loop;
end $$;
call platform.system_function('models.note_key_use(text[], text[])');
drop function models.touch_provider_keys(text[]);
