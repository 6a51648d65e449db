-- Lock: a short one on identity.person for a trigger; creates tables and functions of identity.

-- How many people there may be; null: as many as come. Written by each start of a server from its settings.
create table identity.people_limit (
  single boolean primary key default true check (single),
  people_max int check (people_max > 0)
);
grant select, insert, update on identity.people_limit to guildhall_definer;

create function identity.set_people_max(p_max int) returns void
  language sql as $$
  insert into identity.people_limit (people_max) values (p_max) on conflict (single) do update set people_max = excluded.people_max
$$;
call platform.system_function('identity.set_people_max(int)');

-- However somebody comes: by sign-up, by an identity provider or by a directory, one more than there is room for is refused. With the rights of the
-- definer, because a person sees themselves alone. Under a lock, so that of many at once each counts those before.
create function identity.keep_people_max() returns trigger
  language plpgsql as $$
declare
  v_max int;
begin
  select l.people_max into v_max from identity.people_limit l;
  if v_max is null or new.verified_at is null or (tg_op = 'UPDATE' and old.verified_at is not null) then
    return new;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('identity.people_max', 2));
  if (select count(*) from identity.person p where p.verified_at is not null) >= v_max then
    raise exception 'identity.person: there is room for % people', v_max
      using errcode = 'check_violation', constraint = 'people_max';
  end if;
  return new;
end $$;
alter function identity.keep_people_max() security definer;
alter function identity.keep_people_max() set search_path = pg_catalog, pg_temp;
alter function identity.keep_people_max() owner to guildhall_definer;
create trigger keep_people_max before insert or update of verified_at on identity.person
  for each row execute function identity.keep_people_max();

-- Codes of the operator that let people sign up. Of the whole installation: the operator's routes make and end them, a verification uses one.
create table identity.beta_code (
  id text primary key,
  code_hash bytea not null unique check (octet_length(code_hash) = 32),
  note text not null check (length(note) <= 200),
  -- Whom it is for; null: for whoever has it.
  email_folded text check (length(email_folded) <= 320),
  uses_max int not null check (uses_max between 1 and 100000),
  uses int not null default 0 check (uses between 0 and uses_max),
  created_at timestamptz not null default platform.now(),
  created_by text not null,
  expires_at timestamptz,
  revoked_at timestamptz
);
grant select (id, note, uses_max, uses, created_at, created_by, expires_at, revoked_at), insert, update (uses, revoked_at)
  on identity.beta_code to guildhall_app;
grant select, insert, update, delete on identity.beta_code to guildhall_definer;

-- A good code, by one of the hashes of what was given.
create function identity.find_beta_code(p_hashes bytea[], p_email_folded text) returns table (id text)
  language sql stable as $$
  select c.id from identity.beta_code c
   where c.code_hash = any(p_hashes) and c.revoked_at is null and c.uses < c.uses_max
     and (c.expires_at is null or c.expires_at > platform.now()) and (c.email_folded is null or c.email_folded = p_email_folded)
$$;
call platform.system_function('identity.find_beta_code(bytea[], text)');

-- Whether the operator or an organisation has written to this address to let it in.
create function identity.is_invited(p_email_folded text) returns boolean
  language sql stable as $$
  select exists (
    select from identity.beta_code c
     where c.email_folded = p_email_folded and c.revoked_at is null and c.uses < c.uses_max
       and (c.expires_at is null or c.expires_at > platform.now())
  ) or exists (
    select from identity.invitation i join identity.organisation o on o.org_id = i.org_id
     where i.email_folded = p_email_folded and i.revoked_at is null and i.uses < i.uses_max and i.expires_at > platform.now()
       and o.deleted_at is null
  )
$$;
call platform.system_function('identity.is_invited(text)');

-- With which code somebody signed up; it is used when they verify.
create table identity.beta_ticket (
  person_id text primary key references identity.person (person_id) on delete cascade,
  code_id text not null references identity.beta_code (id)
);
call platform.protect_person_table('identity.beta_ticket', 'select, insert');

-- Who waits to be let in. Under an id of their own, as a person to be. Mailed: at a join, to confirm the address; confirmed: in the line;
-- invited: a code was mailed to them.
create table identity.waiting (
  person_id text primary key,
  email text not null check (length(email) <= 320),
  email_folded text not null unique check (length(email_folded) <= 320),
  locale text not null check (locale in ('en', 'ar')),
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  created_at timestamptz not null default platform.now(),
  confirmed_at timestamptz,
  invited_at timestamptz
);
create index waiting_in_line on identity.waiting (confirmed_at, person_id) where confirmed_at is not null and invited_at is null;
call platform.protect_person_table('identity.waiting',
  'select (person_id, email, email_folded, locale, created_at, confirmed_at, invited_at), insert, update (email, locale, token_hash, confirmed_at, invited_at)');

create function identity.find_waiting(p_email_folded text, p_hashes bytea[]) returns table (person_id text)
  language sql stable as $$
  select w.person_id from identity.waiting w where w.email_folded = p_email_folded or w.token_hash = any(p_hashes)
$$;
call platform.system_function('identity.find_waiting(text, bytea[])');

-- The line, first come first; with p_ids those of them alone.
create function identity.waiting_line(p_ids text[], p_after text, p_limit int)
  returns table (person_id text, email text, email_folded text, locale text, created_at timestamptz, confirmed_at timestamptz, invited_at timestamptz)
  language sql stable as $$
  select w.person_id, w.email, w.email_folded, w.locale, w.created_at, w.confirmed_at, w.invited_at
    from identity.waiting w
   where (p_ids is null or w.person_id = any(p_ids)) and w.confirmed_at is not null and w.invited_at is null
     and (p_after is null or (w.confirmed_at, w.person_id) > (select a.confirmed_at, a.person_id from identity.waiting a where a.person_id = p_after))
   order by w.confirmed_at, w.person_id limit p_limit
$$;
call platform.system_function('identity.waiting_line(text[], text, int)');

create function identity.beta_counts() returns table (people int, waiting int, invited int)
  language sql stable as $$
  select (select count(*)::int from identity.person where verified_at is not null),
         (select count(*)::int from identity.waiting where confirmed_at is not null and invited_at is null),
         (select count(*)::int from identity.waiting where invited_at is not null)
$$;
call platform.system_function('identity.beta_counts()');

-- Forgets who never confirmed, and who was let in, after a while.
create function identity.prune_waiting(p_unconfirmed interval, p_invited interval) returns int
  language plpgsql as $$
declare
  n int;
begin
  delete from identity.waiting
   where (confirmed_at is null and created_at < platform.now() - p_unconfirmed) or invited_at < platform.now() - p_invited;
  get diagnostics n = row_count;
  return n;
end $$;
call platform.system_function('identity.prune_waiting(interval, interval)');
