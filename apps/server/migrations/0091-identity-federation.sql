-- Lock: short ones on identity.organisation and identity.session for new columns; creates tables and functions of identity.

-- A domain that an organisation says is its own. Once it is verified it is nobody else's; until then any number may claim it.
create table identity.domain (
  id text primary key,
  org_id text not null references identity.organisation (org_id),
  -- ASCII, lower case.
  domain text not null check (domain ~ '^[a-z0-9.-]{3,253}$'),
  -- What has to stand in its DNS. No secret: it says who asks.
  challenge text not null,
  created_at timestamptz not null default platform.now(),
  created_by text not null,
  verified_at timestamptz,
  unique (org_id, domain)
);
create unique index domain_verified_once on identity.domain (domain) where verified_at is not null;
call platform.protect_tenant_table('identity.domain', 'select, insert, delete, update (verified_at)');

-- True: who has an address at a verified domain of the organisation comes in through a connection of it.
alter table identity.organisation add column sso_required boolean not null default false;
grant update (sso_required) on identity.organisation to guildhall_app;

-- The organisation whose own identity provider let somebody in; null for every other way.
alter table identity.session add column via_org text;
grant select (via_org) on identity.session to guildhall_app;

-- Sessions are judged by both, in every process at once.
create trigger announce_members_of_sso after update of sso_required on identity.organisation
  for each row execute function identity.announce_members();
create trigger announce_members after update of verified_at or delete on identity.domain
  for each row execute function identity.announce_members();

-- An organisation's own identity provider, by OpenID Connect.
create table identity.oidc_connection (
  id text primary key,
  org_id text not null references identity.organisation (org_id),
  name text not null check (length(name) between 1 and 100),
  issuer text not null check (length(issuer) <= 500),
  client_id text not null check (length(client_id) between 1 and 500),
  sealed bytea not null,
  -- Of who comes for the first time, and of whom no rule below speaks. Nobody becomes an owner by a claim.
  default_role text not null check (default_role in ('admin', 'developer', 'billing', 'viewer')),
  role_claim text check (length(role_claim) between 1 and 100),
  -- Value of the claim → role.
  role_by_value jsonb not null default '{}',
  enabled boolean not null default true,
  last_check jsonb not null,
  created_at timestamptz not null default platform.now(),
  updated_at timestamptz not null default platform.now()
);
create index oidc_connection_by_organisation on identity.oidc_connection (org_id, id);
call platform.protect_tenant_table('identity.oidc_connection');
call platform.seal_column('identity.oidc_connection', 'sealed');

-- A person's account at an outside provider. An address is no identity: it is kept to be shown.
create table identity.identity_link (
  id text primary key,
  person_id text not null references identity.person (person_id) on delete cascade,
  issuer text not null check (length(issuer) <= 500),
  subject text not null check (length(subject) between 1 and 500),
  -- google, github, oidc, or the id of a connection.
  provider text not null,
  email text check (length(email) <= 320),
  created_at timestamptz not null default platform.now(),
  unique (issuer, subject)
);
create index identity_link_by_person on identity.identity_link (person_id);
call platform.protect_person_table('identity.identity_link', 'select, insert, delete');

-- A sign-in that went out to a provider and has not come back. Whoever comes back first with its state takes it.
create table identity.sign_in_flow (
  state_hash bytea primary key check (octet_length(state_hash) = 32),
  -- Of what only the browser has that began it.
  browser_hash bytea not null check (octet_length(browser_hash) = 32),
  provider text not null,
  -- The person who links another account to theirs; null for a sign-in.
  links_person text,
  return_to text not null,
  expires_at timestamptz not null
);
create index sign_in_flow_by_age on identity.sign_in_flow (expires_at);
grant select, insert, delete on identity.sign_in_flow to guildhall_definer;

-- Ten minutes are enough to sign in elsewhere. Those that never came back are forgotten here.
create function identity.begin_flow(p_state bytea, p_browser bytea, p_provider text, p_person text, p_return_to text) returns void
  language plpgsql as $$
begin
  delete from identity.sign_in_flow where expires_at < platform.now();
  insert into identity.sign_in_flow (state_hash, browser_hash, provider, links_person, return_to, expires_at)
  values (p_state, p_browser, p_provider, p_person, p_return_to, platform.now() + interval '10 minutes');
end $$;
call platform.system_function('identity.begin_flow(bytea, bytea, text, text, text)');

create function identity.take_flow(p_state bytea)
  returns table (browser_hash bytea, provider text, links_person text, return_to text)
  language sql as $$
  delete from identity.sign_in_flow f where f.state_hash = p_state and f.expires_at > platform.now()
  returning f.browser_hash, f.provider, f.links_person, f.return_to
$$;
call platform.system_function('identity.take_flow(bytea)');

-- Whose account at a provider this is.
create function identity.find_identity(p_issuer text, p_subject text) returns table (person_id text, disabled boolean)
  language sql stable as $$
  select l.person_id, p.disabled_at is not null
    from identity.identity_link l join identity.person p on p.person_id = l.person_id
   where l.issuer = p_issuer and l.subject = p_subject
$$;
call platform.system_function('identity.find_identity(text, text)');

-- The organisation that a verified domain belongs to. Here and below, one that is deleted is not there.
create function identity.find_domain(p_domain text) returns table (org_id text, sso_required boolean)
  language sql stable as $$
  select d.org_id, o.sso_required from identity.domain d join identity.organisation o on o.org_id = d.org_id
   where d.domain = p_domain and d.verified_at is not null and o.deleted_at is null
$$;
call platform.system_function('identity.find_domain(text)');

-- The organisation of a connection.
create function identity.find_oidc_connection(p_id text) returns table (org_id text)
  language sql stable as $$
  select c.org_id from identity.oidc_connection c join identity.organisation o on o.org_id = c.org_id
   where c.id = p_id and c.enabled and o.deleted_at is null
$$;
call platform.system_function('identity.find_oidc_connection(text)');

-- The organisation whose connection a person has to come through, and what they are there; none for most.
create function identity.sso_demanded_of(p_person text) returns table (org_id text, role text)
  language sql stable as $$
  select d.org_id, m.role
    from identity.person p
    join identity.domain d on d.domain = split_part(p.email_folded, '@', 2) and d.verified_at is not null
    join identity.organisation o on o.org_id = d.org_id and o.sso_required and o.deleted_at is null
    left join identity.membership m on m.org_id = d.org_id and m.person_id = p.person_id and m.ended_at is null
   where p.person_id = p_person and p.verified_at is not null
$$;
call platform.system_function('identity.sso_demanded_of(text)');

-- Whether this address would take a person out of the domains of the organisation whose connection they have to come through.
create function identity.leaves_sso(p_person text, p_email_folded text) returns boolean
  language sql stable as $$
  select exists (
    select from identity.sso_demanded_of(p_person) s
     where not exists (select from identity.find_domain(split_part(p_email_folded, '@', 2)) d where d.org_id = s.org_id))
$$;
call platform.system_function('identity.leaves_sso(text, text)');

-- The organisations of a person that a session did not come into through a connection of theirs, though the person's address is of their domain;
-- and whether that is required. An owner's password and second factor are as good.
create function identity.outside_of_sso(p_session text) returns table (org_id text, required boolean)
  language sql stable as $$
  select o.org_id, o.sso_required
    from identity.session s
    join identity.person p on p.person_id = s.person_id
    join identity.domain d on d.domain = split_part(p.email_folded, '@', 2) and d.verified_at is not null
    join identity.organisation o on o.org_id = d.org_id
    join identity.membership m on m.org_id = d.org_id and m.person_id = p.person_id and m.ended_at is null
   where s.id = p_session and s.via_org is distinct from d.org_id
     and not (m.role = 'owner' and s.method = 'password' and identity.has_factor(p.person_id))
$$;
call platform.system_function('identity.outside_of_sso(text)');
