-- Lock: short ones on identity.organisation for new columns and on identity.api_key and identity.membership for indexes; creates tables and functions of identity.

-- An organisation is deleted in two steps. deleted_at: its owner ended it; nobody acts in it, its keys answer as unknown ones, and until erase_at
-- an owner may take that back. erased_at: it is over, and all that was known of it is gone but the books and the audit trail.
alter table identity.organisation
  add column deleted_at timestamptz,
  add column deleted_by text,
  add column erase_at timestamptz,
  -- When nothing of it was running any more.
  add column quiet_at timestamptz,
  add column erased_at timestamptz,
  add check ((deleted_at is null) = (erase_at is null)),
  add check (erased_at is null or deleted_at is not null);
grant update (name, deleted_at, deleted_by, erase_at, quiet_at, erased_at) on identity.organisation to guildhall_app;
create index organisation_winding_up on identity.organisation (erase_at) where deleted_at is not null and erased_at is null;

-- An offer to become a member. It is good until it is revoked, expires, or has been accepted uses_max times. With an address it is for the person
-- who has that one alone.
create table identity.invitation (
  id text primary key,
  org_id text not null references identity.organisation (org_id),
  role text not null check (role in ('owner', 'admin', 'developer', 'billing', 'viewer')),
  email text check (length(email) <= 320),
  email_folded text check (length(email_folded) <= 320),
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  uses_max int not null check (uses_max between 1 and 1000),
  uses int not null default 0 check (uses between 0 and uses_max),
  created_at timestamptz not null default platform.now(),
  created_by text not null,
  -- The member who answers for it: it ends when they could not make it any more. Null where a key without a member made it.
  member_id text references identity.membership (id),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  check ((email is null) = (email_folded is null)),
  check (email is null or uses_max = 1)
);
create index invitation_by_organisation on identity.invitation (org_id, id);
create index invitation_by_address on identity.invitation (org_id, email_folded) where revoked_at is null;
create index invitation_by_member on identity.invitation (member_id) where member_id is not null;
call platform.protect_tenant_table('identity.invitation',
  'select (id, org_id, role, email, email_folded, uses_max, uses, created_at, created_by, member_id, expires_at, revoked_at), '
  'insert, update (uses, revoked_at)');

create index api_key_by_member on identity.api_key (member_id) where member_id is not null;
create index membership_by_organisation on identity.membership (org_id, id) where ended_at is null;

-- An organisation keeps an owner. The row of the organisation is locked first, so that of two who leave at once the second one counts without the
-- first. Ended memberships stay ended.
create function identity.keep_an_owner() returns trigger
  language plpgsql as $$
begin
  if old.ended_at is not null then
    raise exception 'identity.membership %: an ended membership stays as it is', old.id;
  end if;
  if old.role <> 'owner' or old.person_id is null or (new.role = 'owner' and new.ended_at is null) then
    return null;
  end if;
  perform 1 from identity.organisation where org_id = new.org_id for no key update;
  if not exists (
    select from identity.membership m
     where m.org_id = new.org_id and m.role = 'owner' and m.ended_at is null and m.person_id is not null
  ) then
    raise exception 'identity.organisation %: it keeps an owner', new.org_id
      using errcode = 'check_violation', constraint = 'organisation_keeps_owner';
  end if;
  return null;
end $$;
create trigger keep_an_owner after update of role, ended_at on identity.membership
  for each row execute function identity.keep_an_owner();

-- What the memory of keys holds by the id of a member or an organisation is told under that id.
create trigger announce_keys after update of role, ended_at on identity.membership
  for each row execute function identity.announce_key();

create function identity.announce_organisation() returns trigger
  language plpgsql as $$
begin
  perform pg_notify('guildhall_keys', new.org_id);
  perform pg_notify('guildhall_sessions', m.person_id)
     from identity.membership m where m.org_id = new.org_id and m.ended_at is null and m.person_id is not null;
  return null;
end $$;
create trigger announce after update of deleted_at on identity.organisation
  for each row execute function identity.announce_organisation();

-- With the rights of the definer: a person's row is changed as that person, who does not see their memberships.
create function identity.announce_person_keys() returns trigger
  language plpgsql as $$
begin
  perform pg_notify('guildhall_keys', m.id) from identity.membership m where m.person_id = new.person_id and m.ended_at is null;
  return null;
end $$;
alter function identity.announce_person_keys() security definer;
alter function identity.announce_person_keys() set search_path = pg_catalog, pg_temp;
alter function identity.announce_person_keys() owner to guildhall_definer;
create trigger announce_keys after update of disabled_at, operator on identity.person
  for each row execute function identity.announce_person_keys();

-- What bounds a good key beside its scopes: the role and standing of the member it belongs to. No row, and the key is no good, when its organisation
-- is deleted, that member is none any more, or the person is disabled.
create function identity.key_bounds(p_org text, p_member text) returns table (role text, operator boolean)
  language sql stable as $$
  select m.role, coalesce(p.operator, false)
    from identity.organisation o
    left join identity.membership m on m.id = p_member
    left join identity.person p on p.person_id = m.person_id
   where o.org_id = p_org and o.deleted_at is null and m.ended_at is null and p.disabled_at is null
$$;
call platform.system_function('identity.key_bounds(text, text)');

-- Where a person is a member, oldest first. Deleted organisations are left out.
create or replace function identity.memberships_of(p_person text)
  returns table (id text, org_id text, organisation text, role text, created_at timestamptz)
  language sql stable as $$
  select m.id, m.org_id, o.name, m.role, m.created_at
    from identity.membership m join identity.organisation o on o.org_id = m.org_id
   where m.person_id = p_person and m.ended_at is null and o.deleted_at is null
   order by m.created_at, m.id
$$;
call platform.system_function('identity.memberships_of(text)');

-- The same with the organisations that this person, as an owner, may still bring back.
create function identity.organisations_of(p_person text)
  returns table (member_id text, org_id text, name text, role text, created_at timestamptz, deleted_at timestamptz, erase_at timestamptz)
  language sql stable as $$
  select m.id, m.org_id, o.name, m.role, m.created_at, o.deleted_at, o.erase_at
    from identity.membership m join identity.organisation o on o.org_id = m.org_id
   where m.person_id = p_person and m.ended_at is null
     and (o.deleted_at is null or (m.role = 'owner' and o.erased_at is null and o.erase_at > platform.now()))
   order by m.created_at, m.id
$$;
call platform.system_function('identity.organisations_of(text)');

-- As in 0080, without deleted organisations.
create or replace function identity.find_session(p_hashes bytea[])
  returns table (
    id text, person_id text, token_hash bytea, active_org text, verified boolean, operator boolean, memberships jsonb,
    authenticated_ago_ms bigint, valid_for_ms bigint)
  language sql stable as $$
  select s.id, s.person_id, s.token_hash, s.active_org, p.verified_at is not null, p.operator,
         (select coalesce(jsonb_agg(jsonb_build_array(m.id, m.org_id, m.role) order by m.created_at, m.id), '[]')
            from identity.membership m join identity.organisation o on o.org_id = m.org_id
           where m.person_id = s.person_id and m.ended_at is null and o.deleted_at is null),
         floor(extract(epoch from platform.now() - s.authenticated_at) * 1000)::bigint,
         floor(extract(epoch from identity.session_ends(p.operator, s.created_at, s.used_at) - platform.now()) * 1000)::bigint
    from identity.session s join identity.person p on p.person_id = s.person_id
   where s.token_hash = any(p_hashes)
     and s.ended_at is null
     and p.disabled_at is null
     and identity.session_ends(p.operator, s.created_at, s.used_at) > platform.now()
$$;
call platform.system_function('identity.find_session(bytea[])');

-- The members of an organisation with the names of people, who are tenants of their own; one of them, or a page in the order of their ids.
create function identity.members_of(p_org text, p_id text, p_after text, p_limit int)
  returns table (
    id text, person_id text, email text, name text, role text, created_at timestamptz, created_by text, disabled boolean)
  language sql stable as $$
  select m.id, m.person_id, p.email, coalesce(p.name, m.name), m.role, m.created_at, m.created_by, p.disabled_at is not null
    from identity.membership m left join identity.person p on p.person_id = m.person_id
   where m.org_id = p_org and m.ended_at is null and (p_id is null or m.id = p_id) and m.id > coalesce(p_after, '')
   order by m.id limit p_limit
$$;
call platform.system_function('identity.members_of(text, text, text, int)');

-- A good invitation, by one of the hashes of its token.
create function identity.find_invitation(p_hashes bytea[])
  returns table (id text, org_id text, organisation text, role text, email text, email_folded text, expires_at timestamptz)
  language sql stable as $$
  select i.id, i.org_id, o.name, i.role, i.email, i.email_folded, i.expires_at
    from identity.invitation i join identity.organisation o on o.org_id = i.org_id
   where i.token_hash = any(p_hashes) and i.revoked_at is null and i.uses < i.uses_max and i.expires_at > platform.now()
     and o.deleted_at is null
$$;
call platform.system_function('identity.find_invitation(bytea[])');

-- Deleted organisations in which something may still be running.
create function identity.organisations_to_quiet(p_limit int) returns table (org_id text)
  language sql stable as $$
  select o.org_id from identity.organisation o
   where o.deleted_at is not null and o.erased_at is null and o.quiet_at is null
   order by o.deleted_at limit p_limit
$$;
call platform.system_function('identity.organisations_to_quiet(int)');

-- A request that was let in before the deletion may begin something a little after it, so quiet is only believed a minute later.
create function identity.mark_quiet(p_org text) returns void
  language sql as $$
  update identity.organisation o set quiet_at = platform.now()
   where o.org_id = p_org and o.deleted_at is not null and o.deleted_at <= platform.now() - interval '1 minute'
$$;
call platform.system_function('identity.mark_quiet(text)');

-- Whether everything of it is to be erased: its grace is over, and nothing of it runs any more.
create function identity.is_over(p_org text) returns boolean
  language sql stable as $$
  select exists (
    select from identity.organisation o
     where o.org_id = p_org and o.deleted_at is not null and o.erase_at <= platform.now() and o.quiet_at is not null and o.erased_at is null)
$$;
call platform.system_function('identity.is_over(text)');

create function identity.organisations_to_erase(p_limit int) returns table (org_id text)
  language sql stable as $$
  select o.org_id from identity.organisation o
   where o.deleted_at is not null and o.erased_at is null and identity.is_over(o.org_id)
   order by o.erase_at, o.org_id limit p_limit
$$;
call platform.system_function('identity.organisations_to_erase(int)');
