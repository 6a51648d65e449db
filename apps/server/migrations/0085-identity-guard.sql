-- Lock: short ones on identity.session for new columns; creates tables and functions of identity.

-- How often somebody tried to get into an account without success, by where they tried from: the lane is a keyed hash of a network or of a known
-- device, and empty for all of them together. The account is a keyed hash too, so that addresses nobody has are counted as all others.
create table identity.guess (
  account bytea not null check (octet_length(account) = 32),
  lane bytea not null check (octet_length(lane) in (0, 32)),
  failures int not null,
  blocked_until timestamptz not null,
  tried_at timestamptz not null,
  -- Of all together: the last number of failures the owner was told of, and when.
  told int not null default 0,
  told_at timestamptz,
  primary key (account, lane)
);
create index guess_by_age on identity.guess (tried_at);
grant select, insert, update, delete on identity.guess to guildhall_definer;

-- How long the next try has to wait after so many failures in a row: three are free, then 1 s, doubled each time, up to an hour.
create function identity.guess_pause(p_failures int) returns interval
  language sql immutable parallel safe as $$
  select case when p_failures <= 3 then interval '0' else least(interval '1 hour', interval '1 second' * power(2, least(p_failures, 20) - 4)) end
$$;

-- Takes one try. It counts as a failure from here until clear_guesses says otherwise, so that a thousand at once are no more than a thousand in a row;
-- the pause begins when it has failed, so that somebody who is right may come from several windows at once.
-- ok: go on. wait: too soon in this lane. locked: a hundred in a row, from unknown places together or by one known device.
-- The row of all together is locked before that of a lane, here and in clear_guesses.
create function identity.take_guess(p_account bytea, p_lane bytea, p_is_known boolean)
  returns table (verdict text, wait_ms bigint)
  language plpgsql as $$
declare
  c_max constant int := 100;
  v_now constant timestamptz := platform.now();
  v_all identity.guess;
  v_lane identity.guess;
  v_count int;
begin
  insert into identity.guess (account, lane, failures, blocked_until, tried_at)
    values (p_account, ''::bytea, 0, v_now, v_now) on conflict do nothing;
  select * into v_all from identity.guess g where g.account = p_account and g.lane = ''::bytea for update;
  select * into v_lane from identity.guess g where g.account = p_account and g.lane = p_lane for update;
  v_count := coalesce(v_lane.failures, 0) + 1;
  if (case when p_is_known then v_count else v_all.failures + 1 end) > c_max then
    return query select 'locked'::text, 0::bigint;
    return;
  end if;
  if v_lane.blocked_until > v_now then
    return query select 'wait'::text, ceil(extract(epoch from v_lane.blocked_until - v_now) * 1000)::bigint;
    return;
  end if;
  insert into identity.guess as g (account, lane, failures, blocked_until, tried_at)
    values (p_account, p_lane, 1, v_now, v_now)
    on conflict (account, lane) do update set failures = v_count, tried_at = v_now;
  -- What a known device gets wrong does not bring the others nearer to their end.
  update identity.guess g set failures = g.failures + case when p_is_known then 0 else 1 end, tried_at = v_now
   where g.account = p_account and g.lane = ''::bytea;
  return query select 'ok'::text, 0::bigint;
end $$;
call platform.system_function('identity.take_guess(bytea, bytea, boolean)');

-- Somebody was let in from this lane; with no lane the account has a new password, and all begin anew. True when the owner was told of failures
-- within a day.
create function identity.clear_guesses(p_account bytea, p_lane bytea) returns boolean
  language plpgsql as $$
declare
  v_told_at timestamptz;
begin
  update identity.guess g set failures = 0, told = 0 where g.account = p_account and g.lane = ''::bytea returning g.told_at into v_told_at;
  delete from identity.guess g where g.account = p_account and g.lane <> ''::bytea and (p_lane is null or g.lane = p_lane);
  return coalesce(v_told_at > platform.now() - interval '1 day', false);
end $$;
call platform.system_function('identity.clear_guesses(bytea, bytea)');

-- A try has failed: the next one in its lane has to wait. Tells the owner's number, once: 10 or 100 failures of a known device, or of all unknown
-- lanes together; else 0.
create function identity.fail_guess(p_account bytea, p_lane bytea, p_is_known boolean) returns int
  language plpgsql as $$
declare
  n int;
begin
  perform from identity.guess g where g.account = p_account and g.lane = ''::bytea for update;
  update identity.guess g set blocked_until = platform.now() + identity.guess_pause(g.failures) where g.account = p_account and g.lane = p_lane;
  update identity.guess g set told = case when g.failures >= 100 then 100 else 10 end, told_at = platform.now()
   where g.account = p_account and g.lane = case when p_is_known then p_lane else ''::bytea end
     and (g.failures >= 100 and g.told < 100 or g.failures >= 10 and g.told < 10)
  returning g.told into n;
  return coalesce(n, 0);
end $$;
call platform.system_function('identity.fail_guess(bytea, bytea, boolean)');

-- A browser that a person was let in from. Its cookie holds the id and a signature over it and the person.
-- known: from the first sign-in until ended_at is set, by a password that was reset or by its owner.
create table identity.device (
  id text primary key,
  person_id text not null references identity.person (person_id) on delete cascade,
  user_agent text not null check (length(user_agent) <= 300),
  created_at timestamptz not null default platform.now(),
  seen_at timestamptz not null default platform.now(),
  ended_at timestamptz
);
create index device_by_person on identity.device (person_id) where ended_at is null;
call platform.protect_person_table('identity.device', 'select, insert, update (seen_at, ended_at)');

-- Which of these devices are known to whom has this address, or is this person. Before anybody is known.
create function identity.find_devices(p_email_folded text, p_person text, p_ids text[]) returns table (id text, person_id text)
  language sql stable as $$
  select d.id, d.person_id from identity.device d join identity.person p on p.person_id = d.person_id
   where d.id = any(p_ids) and d.ended_at is null and (p.email_folded = p_email_folded or p.person_id = p_person)
$$;
call platform.system_function('identity.find_devices(text, text, text[])');

-- How unusual a sign-in was, from 0 to 100, and where it came from as far as that is known.
alter table identity.session
  add column risk smallint not null default 0 check (risk between 0 and 100),
  add column country text check (length(country) <= 2),
  add column latitude real,
  add column longitude real;
grant select (risk, country, latitude, longitude), update (risk, country, latitude, longitude) on identity.session to guildhall_app;

-- The networks that a key was used from, as keyed hashes.
create table identity.key_network (
  key_id text not null references identity.api_key (id),
  org_id text not null,
  network bytea not null check (octet_length(network) = 32),
  first_seen_at timestamptz not null default platform.now(),
  primary key (key_id, network)
);
call platform.protect_tenant_table('identity.key_network', 'select, insert');

create function identity.prune_guard(p_keep interval) returns int
  language plpgsql as $$
declare
  n int;
  total int;
begin
  delete from identity.guess where tried_at < platform.now() - p_keep;
  get diagnostics total = row_count;
  delete from identity.device where seen_at < platform.now() - interval '400 days';
  get diagnostics n = row_count;
  return total + n;
end $$;
call platform.system_function('identity.prune_guard(interval)');
