-- Lock: short ones on identity.api_key for a new column; creates tables and functions of identity.

-- The same as protect_tenant_table for what belongs to a person, who is a tenant of their own: such a table has person_id.
create procedure platform.protect_person_table(target regclass, privileges text default 'select, insert, update, delete')
  language plpgsql as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy person on %s using (person_id = platform.current_org()) with check (person_id = platform.current_org())', target);
  execute format('create policy definer on %s to guildhall_definer using (true) with check (true)', target);
  execute format('grant %s on %s to guildhall_app', privileges, target);
  execute format('grant select, insert, update, delete on %s to guildhall_definer', target);
end $$;

-- A person. pending: from sign-up until the address is verified; may sign in, and do nothing else. verified: the one person of that address.
-- disabled: by an operator; no session and no sign-in until it is lifted.
create table identity.person (
  person_id text primary key,
  -- As it was written, for mails and for showing.
  email text not null check (length(email) <= 320),
  -- What makes two addresses the same: lower case, NFC, domain in its ASCII form.
  email_folded text not null check (length(email_folded) <= 320),
  name text not null check (length(name) between 1 and 100),
  locale text not null default 'en' check (locale in ('en', 'ar')),
  -- $argon2id$…, or $2…$ from an import until the next sign-in. Null for someone who has only ever come by other ways.
  password_hash text,
  -- The organisation that is made for them when the address is verified; null when they wanted none.
  first_organisation text check (length(first_organisation) between 1 and 100),
  -- May run the whole installation.
  operator boolean not null default false,
  created_at timestamptz not null default platform.now(),
  verified_at timestamptz,
  disabled_at timestamptz
);
-- An address has one verified person and at most one sign-up under way, which does not tell whether there is the other.
create unique index person_by_email on identity.person (email_folded) where verified_at is not null;
create unique index person_pending_by_email on identity.person (email_folded) where verified_at is null;
create index person_pending_by_age on identity.person (created_at) where verified_at is null;
call platform.protect_person_table('identity.person',
  'select, insert (person_id, email, email_folded, name, locale, password_hash, first_organisation, verified_at), '
  'update (email, email_folded, name, locale, password_hash, first_organisation, operator, verified_at, disabled_at)');

-- A person in an organisation with a role; without a person it is a service account, for machines. Ended rows stay, so that ids keep their meaning.
create table identity.membership (
  id text primary key,
  org_id text not null references identity.organisation (org_id),
  person_id text references identity.person (person_id),
  role text not null check (role in ('owner', 'admin', 'developer', 'billing', 'viewer')),
  -- Of a service account; a person has a name of their own.
  name text check (length(name) between 1 and 100),
  created_at timestamptz not null default platform.now(),
  created_by text not null,
  ended_at timestamptz,
  check ((person_id is null) = (name is not null))
);
create unique index membership_once on identity.membership (org_id, person_id) where ended_at is null and person_id is not null;
create index membership_by_person on identity.membership (person_id) where ended_at is null;
call platform.protect_tenant_table('identity.membership', 'select, insert, update (role, name, ended_at)');

-- Who made a key: a membership of the same organisation, or null for a key made by the program or by another key.
alter table identity.api_key add column member_id text references identity.membership (id);
grant select (member_id) on identity.api_key to guildhall_app;

-- Where somebody is signed in. It is good until ended_at is set, expires_at is reached, or it was not used for the idle time.
create table identity.session (
  id text primary key,
  person_id text not null references identity.person (person_id) on delete cascade,
  -- HMAC-SHA-256 of the token in the cookie; a step-up replaces it.
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  method text not null check (method in ('password', 'magic-link', 'passkey', 'oidc', 'saml')),
  -- The organisation that its requests are for when they name none; null means that of the oldest membership.
  active_org text,
  ip text not null,
  user_agent text not null check (length(user_agent) <= 300),
  created_at timestamptz not null default platform.now(),
  used_at timestamptz not null default platform.now(),
  -- The last time a factor was shown: at sign-in or at a step-up.
  authenticated_at timestamptz not null default platform.now(),
  ended_at timestamptz
);
create index session_by_person on identity.session (person_id, id) where ended_at is null;
create index session_by_age on identity.session (created_at);
call platform.protect_person_table('identity.session',
  'select (id, person_id, method, active_org, ip, user_agent, created_at, used_at, authenticated_at, ended_at), '
  'insert, update (token_hash, active_org, authenticated_at, ended_at)');

-- What was mailed to a person to act without being signed in. Only its hash is here; it works once.
create table identity.link (
  id text primary key,
  person_id text not null references identity.person (person_id) on delete cascade,
  kind text not null check (kind in ('verify', 'reset', 'magic', 'email')),
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  -- The new address, for `email`.
  email text,
  email_folded text,
  created_at timestamptz not null default platform.now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index link_by_person on identity.link (person_id, kind) where used_at is null;
create index link_by_age on identity.link (expires_at);
call platform.protect_person_table('identity.link',
  'select (id, person_id, kind, email, email_folded, created_at, expires_at, used_at), insert, update (used_at)');

-- Every process remembers sessions. Whatever changes what one may do is told to all of them when it commits, by the id of the person.
create function identity.announce_person() returns trigger
  language plpgsql as $$
begin
  if new.person_id is not null then
    perform pg_notify('guildhall_sessions', new.person_id);
  end if;
  return null;
end $$;
create trigger announce after update of verified_at, disabled_at, operator on identity.person
  for each row execute function identity.announce_person();
create trigger announce after update of token_hash, active_org, ended_at, authenticated_at on identity.session
  for each row execute function identity.announce_person();
create trigger announce after insert or update on identity.membership
  for each row execute function identity.announce_person();

create function identity.keep_session_ended() returns trigger
  language plpgsql as $$
begin
  if old.ended_at is not null and new.ended_at is distinct from old.ended_at then
    raise exception 'identity.session %: an ended session stays ended', old.id;
  end if;
  return new;
end $$;
create trigger keep_ended before update of ended_at on identity.session for each row execute function identity.keep_session_ended();

-- Who signs in with this address: the verified person and the one whose sign-up is under way, each or none.
create function identity.find_people(p_email_folded text)
  returns table (person_id text, email text, locale text, password_hash text, verified boolean, disabled boolean)
  language sql stable as $$
  select p.person_id, p.email, p.locale, p.password_hash, p.verified_at is not null, p.disabled_at is not null
    from identity.person p where p.email_folded = p_email_folded
   order by p.verified_at is null
$$;
call platform.system_function('identity.find_people(text)');

-- Where a person is a member, oldest first.
create function identity.memberships_of(p_person text)
  returns table (id text, org_id text, organisation text, role text, created_at timestamptz)
  language sql stable as $$
  select m.id, m.org_id, o.name, m.role, m.created_at
    from identity.membership m join identity.organisation o on o.org_id = m.org_id
   where m.person_id = p_person and m.ended_at is null
   order by m.created_at, m.id
$$;
call platform.system_function('identity.memberships_of(text)');

-- How long a session lives without use and at most. An operator's is shorter, also when they became one meanwhile.
create function identity.session_ends(p_operator boolean, p_created_at timestamptz, p_used_at timestamptz) returns timestamptz
  language sql immutable parallel safe as $$
  select case when p_operator then least(p_used_at + interval '15 minutes', p_created_at + interval '12 hours')
              else least(p_used_at + interval '1 hour', p_created_at + interval '24 hours') end
$$;

-- The session behind one of these hashes, if it is good at this moment, with all that its requests are judged by. Memberships are
-- [id, organisation, role], oldest first. Ages spare the process from comparing its own clock with ours.
create function identity.find_session(p_hashes bytea[])
  returns table (
    id text, person_id text, token_hash bytea, active_org text, verified boolean, operator boolean, memberships jsonb,
    authenticated_ago_ms bigint, valid_for_ms bigint)
  language sql stable as $$
  select s.id, s.person_id, s.token_hash, s.active_org, p.verified_at is not null, p.operator,
         (select coalesce(jsonb_agg(jsonb_build_array(m.id, m.org_id, m.role) order by m.created_at, m.id), '[]')
            from identity.membership m where m.person_id = s.person_id and m.ended_at is null),
         floor(extract(epoch from platform.now() - s.authenticated_at) * 1000)::bigint,
         floor(extract(epoch from identity.session_ends(p.operator, s.created_at, s.used_at) - platform.now()) * 1000)::bigint
    from identity.session s join identity.person p on p.person_id = s.person_id
   where s.token_hash = any(p_hashes)
     and s.ended_at is null
     and p.disabled_at is null
     and identity.session_ends(p.operator, s.created_at, s.used_at) > platform.now()
$$;
call platform.system_function('identity.find_session(bytea[])');

-- Marks sessions as used. Rows are locked in the order of their ids, so that two processes cannot wait for each other.
create function identity.touch_sessions(p_ids text[]) returns void
  language sql as $$
  update identity.session s
     set used_at = platform.now()
    from (select l.id from identity.session l where l.id = any(p_ids) and l.ended_at is null order by l.id for no key update) as due
   where s.id = due.id
$$;
call platform.system_function('identity.touch_sessions(text[])');

-- Whose unused link this is. It is used up by the person's own transaction.
create function identity.find_link(p_hashes bytea[], p_kind text)
  returns table (id text, person_id text)
  language sql stable as $$
  select l.id, l.person_id from identity.link l
   where l.token_hash = any(p_hashes) and l.kind = p_kind and l.used_at is null and l.expires_at > platform.now()
$$;
call platform.system_function('identity.find_link(bytea[], text)');

-- Makes way for a new sign-up with an address: the one before it is forgotten with its sessions and links.
create function identity.forget_pending(p_email_folded text) returns int
  language plpgsql as $$
declare
  n int;
begin
  delete from identity.person p where p.email_folded = p_email_folded and p.verified_at is null;
  get diagnostics n = row_count;
  return n;
end $$;
call platform.system_function('identity.forget_pending(text)');

-- Forgets sign-ups that nobody verified, links long expired and sessions long over.
create function identity.prune_people(p_keep interval) returns int
  language plpgsql as $$
declare
  n int;
  total int;
begin
  delete from identity.link where expires_at < platform.now() - p_keep;
  get diagnostics total = row_count;
  delete from identity.session where created_at < platform.now() - p_keep;
  get diagnostics n = row_count;
  total := total + n;
  delete from identity.person where verified_at is null and created_at < platform.now() - p_keep;
  get diagnostics n = row_count;
  return total + n;
end $$;
call platform.system_function('identity.prune_people(interval)');
