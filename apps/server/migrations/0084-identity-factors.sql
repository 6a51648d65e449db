-- Lock: short ones on identity.organisation for a new column; creates tables and functions of identity.

-- The same as before, also for what belongs to a person.
create or replace procedure platform.seal_column(target regclass, column_name name)
  language plpgsql as $$
declare
  v_owner name := (select a.attname from pg_attribute a
    where a.attrelid = target and a.attname in ('org_id', 'person_id') and not a.attisdropped order by a.attname limit 1);
begin
  insert into platform.sealed_column values (target::regclass::text, column_name, v_owner);
  execute format('grant select, update (%I) on %s to guildhall_definer', column_name, target);
end $$;

-- Whether members must have a second factor to act in the organisation.
alter table identity.organisation add column second_factor_required boolean not null default false;
grant update (second_factor_required) on identity.organisation to guildhall_app;

-- What a person shows besides the password. pending: from the beginning of its set-up until a code of it was shown (a passkey is never pending).
-- A row that is removed is gone; the trail tells of it.
create table identity.factor (
  id text primary key,
  person_id text not null references identity.person (person_id) on delete cascade,
  kind text not null check (kind in ('totp', 'passkey')),
  name text not null check (length(name) between 1 and 100),
  created_at timestamptz not null default platform.now(),
  confirmed_at timestamptz,
  used_at timestamptz,
  -- Of a code generator: its secret, and the number of the last step of 30 s whose code was used. Only later ones are good.
  secret bytea,
  last_step bigint not null default 0,
  -- Of a passkey.
  credential_id bytea unique check (octet_length(credential_id) between 1 and 1023),
  public_key bytea check (octet_length(public_key) <= 4096),
  counter bigint not null default 0,
  transports text[] not null default '{}',
  check (case kind when 'totp' then secret is not null and credential_id is null
                   else secret is null and credential_id is not null and public_key is not null and confirmed_at is not null end)
);
create index factor_by_person on identity.factor (person_id);
-- One code generator, and one that may take its place.
create unique index factor_totp on identity.factor (person_id, (confirmed_at is null)) where kind = 'totp';
call platform.protect_person_table('identity.factor',
  'select, insert, update (name, confirmed_at, used_at, last_step, counter), delete');
call platform.seal_column('identity.factor', 'secret');

-- What gets a person in who lost their factors. All codes of a set are hashed with one salt, so that one hash finds a code among them.
create table identity.recovery_code (
  person_id text not null references identity.person (person_id) on delete cascade,
  code_hash bytea not null check (octet_length(code_hash) = 32),
  salt bytea not null check (octet_length(salt) = 16),
  created_at timestamptz not null default platform.now(),
  used_at timestamptz,
  primary key (person_id, code_hash)
);
call platform.protect_person_table('identity.recovery_code', 'select, insert, update (used_at), delete');

-- What a second factor is shown for. It is good for five minutes and used up by a good answer. A passkey that signs in by itself leaves a row
-- that is used from the beginning, so that its answer works once as well.
create table identity.challenge (
  id text primary key,
  person_id text not null references identity.person (person_id) on delete cascade,
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  purpose text not null check (purpose in ('sign-in', 'step-up', 'passkey', 'register')),
  -- How the first factor was shown, for sign-in, and the organisation whose own identity provider said so; the session that is to be renewed, for
  -- step-up.
  method text,
  via_org text,
  session_id text,
  -- A keyed hash of the network and the browser that asked for it.
  source bytea not null check (octet_length(source) = 32),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index challenge_by_age on identity.challenge (expires_at);
create index challenge_by_person on identity.challenge (person_id) where used_at is null;
call platform.protect_person_table('identity.challenge', 'select, insert, update (used_at)');

-- Whoever has a factor, as far as organisations ask for one.
create function identity.has_factor(p_person text) returns boolean
  language sql stable as $$
  select exists (select from identity.factor f where f.person_id = p_person and f.confirmed_at is not null)
$$;
revoke all on function identity.has_factor(text) from public;
grant execute on function identity.has_factor(text) to guildhall_app, guildhall_definer;

-- The organisations of a person that are closed to them until they have a factor.
create function identity.closed_without_factor(p_person text) returns table (org_id text)
  language sql stable as $$
  select m.org_id from identity.membership m join identity.organisation o on o.org_id = m.org_id
   where m.person_id = p_person and m.ended_at is null and o.second_factor_required and not identity.has_factor(p_person)
$$;
call platform.system_function('identity.closed_without_factor(text)');

-- Whose challenge this is. It is used up by the person's own transaction.
create function identity.find_challenge(p_hashes bytea[]) returns table (id text, person_id text)
  language sql stable as $$
  select c.id, c.person_id from identity.challenge c
   where c.token_hash = any(p_hashes) and c.used_at is null and c.expires_at > platform.now()
$$;
call platform.system_function('identity.find_challenge(bytea[])');

-- Whose passkey this is; nobody's where the person is not verified, or disabled.
create function identity.find_passkey(p_credential bytea) returns table (person_id text)
  language sql stable as $$
  select f.person_id from identity.factor f join identity.person p on p.person_id = f.person_id
   where f.credential_id = p_credential and f.confirmed_at is not null and p.verified_at is not null and p.disabled_at is null
$$;
call platform.system_function('identity.find_passkey(bytea)');

create trigger announce after insert or update of confirmed_at on identity.factor
  for each row execute function identity.announce_person();
create function identity.announce_former_factor() returns trigger
  language plpgsql as $$
begin
  perform pg_notify('guildhall_sessions', old.person_id);
  return null;
end $$;
create trigger announce_former after delete on identity.factor
  for each row execute function identity.announce_former_factor();

-- A new password, or the end of all sessions, ends what was asked for before it.
create function identity.void_challenges() returns trigger
  language plpgsql as $$
begin
  update identity.challenge set used_at = platform.now() where person_id = new.person_id and used_at is null;
  return null;
end $$;
create trigger void_challenges after update of password_hash, disabled_at on identity.person
  for each row execute function identity.void_challenges();

create function identity.prune_factors(p_keep interval) returns int
  language plpgsql as $$
declare
  n int;
  total int;
begin
  delete from identity.challenge where expires_at < platform.now() - p_keep;
  get diagnostics total = row_count;
  -- Set-ups that nobody ended.
  delete from identity.factor where confirmed_at is null and created_at < platform.now() - p_keep;
  get diagnostics n = row_count;
  return total + n;
end $$;
call platform.system_function('identity.prune_factors(interval)');

-- Who may come in has changed for all of its members.
create function identity.announce_members() returns trigger
  language plpgsql as $$
begin
  perform pg_notify('guildhall_sessions', m.person_id) from identity.membership m
   where m.org_id = coalesce(new.org_id, old.org_id) and m.ended_at is null and m.person_id is not null;
  return null;
end $$;
create trigger announce_members after update of second_factor_required on identity.organisation
  for each row execute function identity.announce_members();
