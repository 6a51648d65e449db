-- Lock: none on existing tables; creates the schema audit.

call platform.module_schema('audit');

-- Where each organisation's chain ends. Its row is the lock that puts an organisation's audit rows in one order.
create table audit.head (
  org_id text primary key,
  seq bigint not null,
  hash bytea not null
) with (fillfactor = 50);
call platform.protect_tenant_table('audit.head', 'select');

create table audit.event (
  org_id text not null,
  seq bigint not null,
  id text not null,
  actor_type text not null,
  actor_id text,
  action text not null,
  target_type text,
  target_id text,
  request_id text,
  data jsonb not null,
  created_at timestamptz not null,
  prev_hash bytea not null,
  hash bytea not null,
  primary key (org_id, seq),
  -- Ids and small figures only: a payload does not fit.
  check (octet_length(data::text) <= 8192)
);
call platform.protect_tenant_table('audit.event', 'select');
revoke update, delete on audit.event from guildhall_definer;
revoke delete on audit.head from guildhall_definer;

create function audit.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'audit.event is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on audit.event
  for each statement execute function audit.refuse_change();

-- What a row's hash covers: everything in it, its place and its predecessor. jsonb has one text form per value.
create function audit.row_hash(e audit.event) returns bytea language sql stable as $$
  select sha256(convert_to(jsonb_build_array(
    e.org_id, e.seq, e.id, e.actor_type, e.actor_id, e.action, e.target_type, e.target_id, e.request_id, e.data,
    to_char(e.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), encode(e.prev_hash, 'hex'))::text, 'UTF8'))
$$;

-- Events of transactions that have not committed yet; empty between transactions, so a crash has nothing to lose here.
create unlogged table audit.outgoing (
  org_id text not null,
  id text not null,
  actor_type text not null,
  actor_id text,
  action text not null,
  target_type text,
  target_id text,
  request_id text,
  data jsonb not null,
  primary key (org_id, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
call platform.protect_tenant_table('audit.outgoing', 'insert');

-- Hands one event over to the chain, which takes it up when the transaction commits.
create function audit.append(
  p_org text, p_id text, p_actor_type text, p_actor_id text, p_action text, p_target_type text, p_target_id text,
  p_request_id text, p_data jsonb
) returns void language plpgsql as $$
begin
  insert into audit.outgoing values (p_org, p_id, p_actor_type, p_actor_id, p_action, p_target_type, p_target_id, p_request_id, p_data);
end $$;

-- Puts an event at the end of its organisation's chain. Runs at commit: the end of the chain is locked for the commit alone and never
-- while a transaction waits for its next statement, and always after every other lock. Runs as guildhall_definer, so that nobody else can
-- write a chain, and a transaction that has left the organisation again by then can still commit.
create function audit.take_up() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_event audit.event;
begin
  select h.seq + 1, h.hash into v_event.seq, v_event.prev_hash from audit.head h where h.org_id = new.org_id for update;
  if not found then
    insert into audit.head (org_id, seq, hash) values (new.org_id, 0, sha256(convert_to(new.org_id, 'UTF8'))) on conflict (org_id) do nothing;
    select h.seq + 1, h.hash into strict v_event.seq, v_event.prev_hash from audit.head h where h.org_id = new.org_id for update;
  end if;
  v_event.org_id := new.org_id;
  v_event.id := new.id;
  v_event.actor_type := new.actor_type;
  v_event.actor_id := new.actor_id;
  v_event.action := new.action;
  v_event.target_type := new.target_type;
  v_event.target_id := new.target_id;
  v_event.request_id := new.request_id;
  v_event.data := new.data;
  v_event.created_at := platform.now();
  v_event.hash := audit.row_hash(v_event);
  insert into audit.event select v_event.*;
  update audit.head set seq = v_event.seq, hash = v_event.hash where org_id = new.org_id;
  delete from audit.outgoing o where o.org_id = new.org_id and o.id = new.id;
  return null;
end $$;
alter function audit.take_up() owner to guildhall_definer;
create constraint trigger take_up after insert on audit.outgoing deferrable initially deferred for each row execute function audit.take_up();

-- Walks one chain and names its faults in order; no rows when it is whole.
-- A row whose own hash fails was edited, or moved when it does not follow its predecessor either. A row that is sound but does
-- not follow its predecessor accuses the predecessor: that one was rewritten together with its hash.
create function audit.faults(p_org text) returns table (seq bigint, id text, fault text) language sql stable as $$
  with walk as (
    select e.seq, e.id, e.hash,
      lag(e.seq, 1, 0::bigint) over w as before_seq,
      lag(e.id) over w as before_id,
      e.prev_hash = lag(e.hash, 1, sha256(convert_to(p_org, 'UTF8'))) over w as follows,
      e.hash = audit.row_hash(e) as sound
    from audit.event e where e.org_id = p_org window w as (order by e.seq)
  ), chain as (
    -- A row that is named for itself is not accused by its successor as well.
    select w.*, coalesce(lag(w.sound and w.follows) over (order by w.seq), true) as before_whole from walk w
  ), last as (
    select coalesce(max(w.seq), 0) as seq, (array_agg(w.hash order by w.seq desc))[1] as hash,
      (array_agg(w.id order by w.seq desc))[1] as id from walk w
  ), found as (
    select w.before_seq + 1 as seq, null::text as id, 'deleted' as fault from walk w where w.seq > w.before_seq + 1
    union all
    select w.seq, w.id, case when w.follows then 'edited' else 'reordered' end from walk w where not w.sound and w.seq = w.before_seq + 1
    union all
    select w.seq, w.id, 'edited' from walk w where not w.sound and w.seq > w.before_seq + 1
    union all
    select greatest(c.before_seq, 1), coalesce(c.before_id, c.id), 'edited' from chain c
      where c.sound and not c.follows and c.before_whole and c.seq = c.before_seq + 1
    union all
    select l.seq + 1, null, 'truncated' from last l left join audit.head h on h.org_id = p_org
      where h.seq > l.seq or (h.org_id is null and l.seq > 0)
    union all
    select l.seq, l.id, 'edited' from last l join audit.head h on h.org_id = p_org
      where l.seq > 0 and (h.seq < l.seq or (h.seq = l.seq and h.hash <> l.hash))
  )
  select f.seq, f.id, f.fault from found f order by f.seq, f.fault
$$;

-- The first fault of every organisation whose chain is broken.
create function audit.broken_chains() returns table (org_id text, seq bigint, id text, fault text) language sql stable as $$
  select o.org_id, f.seq, f.id, f.fault
  from (select h.org_id from audit.head h union select e.org_id from audit.event e) o
  cross join lateral (select * from audit.faults(o.org_id) limit 1) f
  order by o.org_id
$$;

revoke all on all functions in schema audit from public;
grant execute on all functions in schema audit to guildhall_definer;
grant execute on function audit.append, audit.faults, audit.row_hash to guildhall_app;
call platform.system_function('audit.broken_chains()');
