-- Lock: models.call, for the length of adding a column; creates a table of its own.
--
-- The room that a tier gives to calls of models: so many at once, and so many tokens a day. Both are sold, so they are counted in a logged table, in
-- the statement that takes the holds, under the money lock of the same book (which comes first) and therefore exactly: what a call may
-- come to is reserved when it begins and replaced by what it used when it ends. Calls of runs are bounded by their run instead, and tokens of
-- a provider that the customer pays are not counted.
create table models.room (
  org_id text not null,
  mode text not null,
  -- Calls that have begun and not ended.
  open platform.count not null default 0,
  -- The UTC day by the database's clock whose tokens these are; never goes back. A call belongs to the day on which it began.
  day date not null,
  used platform.amount not null default 0,
  reserved platform.amount not null default 0,
  primary key (org_id, mode)
) with (fillfactor = 50);
call platform.protect_tenant_table('models.room', 'select');

-- The day that a call by API counts in; null: it is not counted.
alter table models.call add column room_day date;

-- Takes the room of one call with the limits { tokensPerDay, callsAtOnce }: 'ok' with the day that it counts in, or what there is no room for. Refused
-- tokens tell what is left of the day and for how many seconds it lasts. The money lock of the book is held.
create function models.take_room(
  p_org text, p_mode text, p_tokens bigint, p_limits jsonb, p_now timestamptz,
  out outcome text, out day date, out available bigint, out retry_seconds int
) language plpgsql as $$
declare
  r models.room;
  v_day_max bigint := (p_limits ->> 'tokensPerDay')::bigint;
  v_taken bigint;
begin
  select * into r from models.room x where x.org_id = p_org and x.mode = p_mode;
  day := greatest((p_now at time zone 'UTC')::date, r.day);
  v_taken := case when r.day = day then r.used + r.reserved else 0 end;
  if v_taken + p_tokens > v_day_max then
    outcome := 'tokens-per-day';
    available := greatest(v_day_max - v_taken, 0);
    retry_seconds := ceil(extract(epoch from (day + 1)::timestamp at time zone 'UTC' - p_now));
  elsif coalesce(r.open, 0) >= (p_limits ->> 'callsAtOnce')::int then
    outcome := 'calls-at-once';
    available := 0;
    retry_seconds := 1;
  else
    outcome := 'ok';
    if r.org_id is null then
      insert into models.room (org_id, mode, open, day, reserved) values (p_org, p_mode, 1, take_room.day, p_tokens);
    else
      update models.room x set open = x.open + 1, day = take_room.day, used = case when x.day < take_room.day then 0 else x.used end,
          reserved = case when x.day < take_room.day then 0 else x.reserved end + p_tokens
        where x.org_id = p_org and x.mode = p_mode;
    end if;
  end if;
end $$;

-- Gives the room of calls back and counts what they used, where their day is not over: { org, mode, day, reserved, used }.
create function models.free_room(p_ended jsonb[]) returns void language plpgsql as $$
begin
  update models.room r set open = r.open - s.calls, reserved = r.reserved - s.reserved, used = r.used + s.used
    from (
      select e.org, e.mode, count(*) as calls, coalesce(sum(e.reserved) filter (where e.day = x.day), 0) as reserved, coalesce(sum(e.used) filter (where e.day = x.day), 0) as used
      from jsonb_to_recordset(to_jsonb(p_ended)) e (org text, mode text, day date, reserved bigint, used bigint)
      cross join lateral (select y.day from models.room y where y.org_id = e.org and y.mode = e.mode offset 0) x group by 1, 2
    ) s
    where r.org_id = s.org and r.mode = s.mode;
end $$;

revoke all on function models.take_room, models.free_room from public;
grant execute on function models.take_room, models.free_room to guildhall_definer;
