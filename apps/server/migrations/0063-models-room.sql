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
  open int not null default 0 check (open >= 0),
  -- The UTC day by the database's clock whose tokens these are; never goes back. A call belongs to the day on which it began.
  day date not null,
  used bigint not null default 0 check (used >= 0),
  reserved bigint not null default 0 check (reserved >= 0),
  primary key (org_id, mode)
) with (fillfactor = 50);
call platform.protect_tenant_table('models.room', 'select');

-- The day that a call by API counts in; null: it is not counted.
alter table models.call add column room_day date;

-- The day that each book of these calls is in, by organisation and mode.
create function models.room_days(p_begins jsonb, p_now timestamptz) returns jsonb language plpgsql as $$
begin
  return (select jsonb_object_agg(b.org || ' ' || b.mode, greatest((p_now at time zone 'UTC')::date, r.day))
    from (select distinct x.hold ->> 'org' as org, x.hold ->> 'mode' as mode from jsonb_to_recordset(p_begins) x (hold jsonb, room jsonb) where x.room is not null) b
    left join lateral (select x.day from models.room x where x.org_id = b.org and x.mode = b.mode offset 0) r on true);
end $$;

-- Which of the calls have no room: [{ hold: { org, mode, hold, run }, row: { tokens_max }, room: { tokensPerDay, callsAtOnce } }], decided in their order as
-- if each had come alone. Refused tokens tell what is left of the day and for how many seconds it lasts. A call that has begun before is not asked again.
create function models.judge_room(p_begins jsonb, p_days jsonb, p_now timestamptz)
  returns table (hold text, outcome text, available bigint, retry_seconds int) language plpgsql as $$
declare
  v_book record;
  a record;
  v_day date;
  v_open bigint;
  v_tokens bigint;
begin
  for v_book in
    select b.*, r.open, r.day, r.used + r.reserved as taken
    from (
      select x.hold ->> 'org' as org, x.hold ->> 'mode' as mode, count(*) as calls, sum((x."row" ->> 'tokens_max')::bigint) filter (where x.room ? 'tokensPerDay') as tokens,
        min((x.room ->> 'tokensPerDay')::bigint) as day_max, min((x.room ->> 'callsAtOnce')::int) as calls_max
      from jsonb_to_recordset(p_begins) x (hold jsonb, "row" jsonb, room jsonb) where x.room is not null group by 1, 2
    ) b
    left join lateral (select x.* from models.room x where x.org_id = b.org and x.mode = b.mode offset 0) r on true
  loop
    v_day := p_days ->> (v_book.org || ' ' || v_book.mode);
    v_open := coalesce(v_book.open, 0);
    v_tokens := case when v_book.day = v_day then v_book.taken else 0 end;
    -- Which is nearly always so.
    continue when v_open + v_book.calls <= v_book.calls_max and (v_book.day_max is null or v_tokens + coalesce(v_book.tokens, 0) <= v_book.day_max);
    for a in
      select x.hold ->> 'hold' as hold, (x."row" ->> 'tokens_max')::bigint as tokens, (x.room ->> 'tokensPerDay')::bigint as day_max, (x.room ->> 'callsAtOnce')::int as calls_max
      from rows from (jsonb_to_recordset(p_begins) as (hold jsonb, "row" jsonb, room jsonb)) with ordinality x (hold, "row", room, place)
      left join lateral (select true as known from models.call c where c.org_id = v_book.org and c.id = x.hold ->> 'run' offset 0) k on true
      where x.room is not null and k.known is null and x.hold ->> 'org' = v_book.org and x.hold ->> 'mode' = v_book.mode order by x.place
    loop
      if a.day_max is not null and v_tokens + a.tokens > a.day_max then
        hold := a.hold;
        outcome := 'tokens-per-day';
        available := greatest(a.day_max - v_tokens, 0);
        retry_seconds := ceil(extract(epoch from (v_day + 1)::timestamp at time zone 'UTC' - p_now));
        return next;
      elsif v_open >= a.calls_max then
        hold := a.hold;
        outcome := 'calls-at-once';
        available := 0;
        retry_seconds := 1;
        return next;
      else
        v_open := v_open + 1;
        v_tokens := v_tokens + case when a.day_max is null then 0 else a.tokens end;
      end if;
    end loop;
  end loop;
end $$;

create function models.take_room(p_begun jsonb) returns void language plpgsql as $$
begin
  insert into models.room as r (org_id, mode, open, day, reserved)
    select b.org_id, b.mode, count(*), max(b.room_day), sum(b.tokens_max) from jsonb_to_recordset(p_begun) b (org_id text, mode text, room_day date, tokens_max bigint)
    group by 1, 2
    on conflict (org_id, mode) do update set open = r.open + excluded.open, day = excluded.day,
      used = case when r.day < excluded.day then 0 else r.used end, reserved = case when r.day < excluded.day then 0 else r.reserved end + excluded.reserved;
end $$;

create function models.free_room(p_ended jsonb) returns void language plpgsql as $$
begin
  update models.room r set open = r.open - s.calls, reserved = r.reserved - s.reserved, used = r.used + s.used
    from (
      select x.org_id, x.mode, count(*) as calls, coalesce(sum(e.tokens_max) filter (where e.room_day = x.day), 0) as reserved,
        coalesce(sum(e.tokens) filter (where e.room_day = x.day), 0) as used
      from jsonb_to_recordset(p_ended) e (org_id text, mode text, room_day date, tokens_max bigint, tokens bigint)
      join models.room x on x.org_id = e.org_id and x.mode = e.mode where e.room_day is not null group by 1, 2
    ) s
    where r.org_id = s.org_id and r.mode = s.mode;
end $$;

revoke all on function models.room_days, models.judge_room, models.take_room, models.free_room from public;
grant execute on function models.room_days, models.judge_room, models.take_room, models.free_room to guildhall_definer;
