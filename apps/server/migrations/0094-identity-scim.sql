-- Lock: none on existing tables; creates tables and functions of identity.

-- By which the directory of an organisation is known. Good until revoked_at or expires_at.
create table identity.scim_token (
  id text primary key,
  org_id text not null references identity.organisation (org_id),
  name text not null check (length(name) between 1 and 100),
  -- HMAC-SHA-256 of the token: it is stored nowhere.
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  last4 text not null,
  created_at timestamptz not null default platform.now(),
  created_by text not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  -- Set when it was rotated: the token that took its place.
  replaced_by text references identity.scim_token (id) on delete set null
);
create index scim_token_by_organisation on identity.scim_token (org_id, id);
call platform.protect_tenant_table('identity.scim_token',
  'select (id, org_id, name, last4, created_at, created_by, expires_at, last_used_at, revoked_at, replaced_by), '
  'insert, update (expires_at, revoked_at, replaced_by)');

-- Which roles a directory gives. Without a row, everybody is a viewer.
create table identity.scim_setting (
  org_id text primary key references identity.organisation (org_id),
  default_role text not null check (default_role in ('admin', 'developer', 'billing', 'viewer')),
  -- [{group, role}], by the displayName of a group.
  group_roles jsonb not null
);
call platform.protect_tenant_table('identity.scim_setting', 'select, insert, update');

-- Somebody as the directory of an organisation knows them.
create table identity.scim_user (
  id text primary key,
  org_id text not null references identity.organisation (org_id),
  user_name text not null check (length(user_name) between 1 and 320),
  -- What makes two the same: SCIM compares names without their case.
  user_name_folded text not null,
  external_id text check (length(external_id) <= 320),
  given_name text check (length(given_name) <= 100),
  family_name text check (length(family_name) <= 100),
  display_name text check (length(display_name) <= 100),
  email text check (length(email) <= 320),
  email_folded text check (length(email_folded) <= 320),
  active boolean not null,
  -- Set from when they became somebody here.
  person_id text references identity.person (person_id) on delete set null,
  -- The membership that follows the directory; null while they are switched off, and while they are invited.
  member_id text references identity.membership (id),
  invitation_id text,
  created_at timestamptz not null default platform.now(),
  updated_at timestamptz not null default platform.now()
);
create unique index scim_user_by_name on identity.scim_user (org_id, user_name_folded);
create index scim_user_by_organisation on identity.scim_user (org_id, id);
create index scim_user_by_external_id on identity.scim_user (org_id, external_id) where external_id is not null;
create index scim_user_by_member on identity.scim_user (member_id) where member_id is not null;
create index scim_user_by_person on identity.scim_user (person_id) where person_id is not null;
call platform.protect_tenant_table('identity.scim_user');

create table identity.scim_group (
  id text primary key,
  org_id text not null references identity.organisation (org_id),
  display_name text not null check (length(display_name) between 1 and 320),
  display_name_folded text not null,
  external_id text check (length(external_id) <= 320),
  created_at timestamptz not null default platform.now(),
  updated_at timestamptz not null default platform.now()
);
create unique index scim_group_by_name on identity.scim_group (org_id, display_name_folded);
create index scim_group_by_organisation on identity.scim_group (org_id, id);
call platform.protect_tenant_table('identity.scim_group');

create table identity.scim_group_member (
  org_id text not null,
  group_id text not null references identity.scim_group (id) on delete cascade,
  user_id text not null references identity.scim_user (id) on delete cascade,
  primary key (group_id, user_id)
);
create index scim_group_member_by_user on identity.scim_group_member (user_id);
call platform.protect_tenant_table('identity.scim_group_member', 'select, insert, delete');

-- The good token behind one of these hashes, marked as used; a mark of the last minute is left alone.
create function identity.use_scim_token(p_hashes bytea[]) returns table (id text, org_id text)
  language plpgsql as $$
declare
  v identity.scim_token;
begin
  select t.* into v from identity.scim_token t join identity.organisation o on o.org_id = t.org_id
   where t.token_hash = any(p_hashes) and t.revoked_at is null and (t.expires_at is null or t.expires_at > platform.now())
     and o.deleted_at is null;
  if not found then
    return;
  end if;
  if v.last_used_at is null or v.last_used_at <= platform.now() - interval '1 minute' then
    update identity.scim_token t set last_used_at = platform.now() where t.id = v.id;
  end if;
  id := v.id;
  org_id := v.org_id;
  return next;
end $$;
call platform.system_function('identity.use_scim_token(bytea[])');

-- The member of an organisation who has this address: people are tenants of their own.
create function identity.member_by_address(p_org text, p_email_folded text) returns table (member_id text, person_id text)
  language sql stable as $$
  select m.id, p.person_id
    from identity.person p join identity.membership m on m.person_id = p.person_id and m.org_id = p_org and m.ended_at is null
   where p.email_folded = p_email_folded and p.verified_at is not null
$$;
call platform.system_function('identity.member_by_address(text, text)');
