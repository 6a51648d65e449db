-- Lock: none on existing tables; creates tables and functions of identity.

-- How the members of an organisation sign in with its identity provider. It works while it is enabled.
create table identity.saml_connection (
  id text primary key,
  org_id text not null references identity.organisation (org_id),
  name text not null check (length(name) between 1 and 100),
  -- What the provider calls itself, and where browsers are sent to.
  entity_id text not null check (length(entity_id) between 1 and 1024),
  sso_url text not null check (length(sso_url) between 1 and 2048),
  -- PEM. The keys of these sign, and no others, whatever a response says; two while the provider changes its own.
  certificates text[] not null check (cardinality(certificates) between 1 and 2),
  -- Attributes with the address and the name; without one, the subject is the address, and the name.
  email_attribute text check (length(email_attribute) <= 255),
  name_attribute text check (length(name_attribute) <= 255),
  -- The attribute whose values give roles, [{value, role}]; the role of those who have none of them.
  role_attribute text check (length(role_attribute) <= 255),
  role_mappings jsonb not null default '[]',
  default_role text not null check (default_role in ('admin', 'developer', 'billing', 'viewer')),
  -- Whether somebody of a verified domain who is no member becomes one by signing in.
  joins_members boolean not null,
  enabled boolean not null,
  created_at timestamptz not null default platform.now(),
  created_by text not null,
  updated_at timestamptz not null default platform.now()
);
create index saml_connection_by_organisation on identity.saml_connection (org_id, id);
call platform.protect_tenant_table('identity.saml_connection');

-- A sign-in that a browser began and that its provider has not answered yet. It is answered once.
create table identity.saml_request (
  -- As the provider sees it.
  id text primary key,
  org_id text not null,
  connection_id text not null references identity.saml_connection (id) on delete cascade,
  -- HMAC-SHA-256 of the cookie of that browser.
  browser_hash bytea not null unique check (octet_length(browser_hash) = 32),
  -- Where the person goes on: a path of ours.
  return_to text not null check (length(return_to) <= 2048),
  created_at timestamptz not null default platform.now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index saml_request_by_connection on identity.saml_request (connection_id);
create index saml_request_by_age on identity.saml_request (expires_at);
call platform.protect_tenant_table('identity.saml_request', 'select, insert, update (used_at)');

-- Assertions that were accepted, until they could not be again anyway.
create table identity.saml_assertion (
  org_id text not null,
  connection_id text not null references identity.saml_connection (id) on delete cascade,
  assertion_id text not null check (length(assertion_id) <= 256),
  usable_until timestamptz not null,
  primary key (connection_id, assertion_id)
);
create index saml_assertion_by_age on identity.saml_assertion (usable_until);
call platform.protect_tenant_table('identity.saml_assertion', 'select, insert');

-- Who the subject of a provider is here. Its address may change; this does not.
create table identity.saml_subject (
  org_id text not null,
  connection_id text not null references identity.saml_connection (id) on delete cascade,
  subject text not null check (length(subject) <= 512),
  person_id text not null references identity.person (person_id) on delete cascade,
  created_at timestamptz not null default platform.now(),
  primary key (connection_id, subject)
);
create index saml_subject_by_person on identity.saml_subject (person_id);
call platform.protect_tenant_table('identity.saml_subject', 'select, insert');

-- The organisation of a connection that works, before anybody is known.
create function identity.saml_organisation(p_connection text) returns table (org_id text)
  language sql stable as $$
  select c.org_id from identity.saml_connection c join identity.organisation o on o.org_id = c.org_id
   where c.id = p_connection and c.enabled and o.deleted_at is null
$$;
call platform.system_function('identity.saml_organisation(text)');

-- Forgets requests and assertions that nobody can use any more.
create function identity.prune_saml(p_keep interval) returns int
  language plpgsql as $$
declare
  n int;
  total int;
begin
  delete from identity.saml_request where expires_at < platform.now() - p_keep;
  get diagnostics total = row_count;
  delete from identity.saml_assertion where usable_until < platform.now() - p_keep;
  get diagnostics n = row_count;
  return total + n;
end $$;
call platform.system_function('identity.prune_saml(interval)');
