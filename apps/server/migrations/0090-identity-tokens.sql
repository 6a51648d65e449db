-- Lock: short ones on identity.session for a trigger; creates tables and functions of identity.

-- What access tokens are signed with. A key signs from signs_from until the next one does; it verifies for an hour longer, so that no token
-- outlives it. Its id is the thumbprint of its public half (RFC 7638). Revoked: everything it ever signed is void.
create table identity.signing_key (
  id text primary key check (length(id) = 43),
  -- The public half, 32 bytes in base64url.
  public_key text not null check (length(public_key) = 43),
  sealed bytea not null,
  created_at timestamptz not null default platform.now(),
  signs_from timestamptz not null,
  revoked_at timestamptz
);
grant select, insert, update on identity.signing_key to guildhall_definer;
call platform.seal_column('identity.signing_key', 'sealed');

-- Every process remembers the keys; what changes here is told to all.
create function identity.announce_signing_key() returns trigger
  language plpgsql as $$
begin
  perform pg_notify('guildhall_signing_keys', new.id);
  return null;
end $$;
create trigger announce after insert or update of revoked_at on identity.signing_key
  for each row execute function identity.announce_signing_key();

-- Those that sign, will sign, or signed within the last hour; the one that signs from latest first.
create function identity.signing_keys()
  returns table (id text, public_key text, sealed bytea, signs_in_ms bigint)
  language sql stable as $$
  select k.id, k.public_key, k.sealed, ceil(extract(epoch from k.signs_from - platform.now()) * 1000)::bigint
    from identity.signing_key k
   where k.revoked_at is null
     and not exists (select from identity.signing_key n
                      where n.revoked_at is null and n.signs_from > k.signs_from and n.signs_from < platform.now() - interval '1 hour')
   order by k.signs_from desc, k.id
$$;
call platform.system_function('identity.signing_keys()');

-- Adds a key that signs after p_delay. With p_first only where there is none: of processes that start at once, one makes it.
create function identity.add_signing_key(p_id text, p_public_key text, p_sealed bytea, p_delay interval, p_first boolean) returns boolean
  language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('identity signing keys', 4));
  if p_first and exists (select from identity.signing_key where revoked_at is null) then
    return false;
  end if;
  insert into identity.signing_key (id, public_key, sealed, signs_from) values (p_id, p_public_key, p_sealed, platform.now() + p_delay);
  return true;
end $$;
call platform.system_function('identity.add_signing_key(text, text, bytea, interval, boolean)');

-- Ends every key but one at once.
create function identity.revoke_signing_keys(p_except text) returns int
  language plpgsql as $$
declare
  n int;
begin
  perform pg_advisory_xact_lock(hashtextextended('identity signing keys', 4));
  update identity.signing_key set revoked_at = platform.now() where id <> p_except and revoked_at is null;
  get diagnostics n = row_count;
  return n;
end $$;
call platform.system_function('identity.revoke_signing_keys(text)');

-- A session that is used by tokens instead of a cookie. It dies with the session that it was made from.
create table identity.token_session (
  session_id text primary key references identity.session (id) on delete cascade,
  person_id text not null references identity.person (person_id) on delete cascade,
  made_from text not null,
  -- The one organisation that its access tokens are for; null for none.
  organisation text,
  -- The refresh token that is good, and the one it took the place of.
  current_hash bytea not null check (octet_length(current_hash) = 32),
  previous_hash bytea check (octet_length(previous_hash) = 32),
  -- When previous_hash was exchanged for the first time, and when it was answered last.
  rotated_at timestamptz not null default platform.now(),
  answered_at timestamptz not null default platform.now()
);
create index token_session_by_origin on identity.token_session (made_from);
create index token_session_by_person on identity.token_session (person_id);
call platform.protect_person_table('identity.token_session',
  'select, insert, update (current_hash, previous_hash, rotated_at, answered_at)');

-- Every refresh token there was, so that one that comes again is known.
create table identity.refresh_token (
  token_hash bytea primary key check (octet_length(token_hash) = 32),
  person_id text not null references identity.person (person_id) on delete cascade,
  session_id text not null references identity.token_session (session_id) on delete cascade,
  created_at timestamptz not null default platform.now()
);
create index refresh_token_by_session on identity.refresh_token (session_id);
create index refresh_token_by_person on identity.refresh_token (person_id);
call platform.protect_person_table('identity.refresh_token', 'insert');

-- Whose refresh token it is, good or not. What it is good for is judged in the person's own transaction.
create function identity.find_refresh_token(p_hashes bytea[])
  returns table (token_hash bytea, person_id text, session_id text)
  language sql stable as $$
  select t.token_hash, t.person_id, t.session_id from identity.refresh_token t where t.token_hash = any(p_hashes)
$$;
call platform.system_function('identity.find_refresh_token(bytea[])');

-- The same as find_session, for a session that is named by a signed token.
create function identity.find_session_by_id(p_id text)
  returns table (
    id text, person_id text, token_hash bytea, active_org text, verified boolean, operator boolean, memberships jsonb,
    authenticated_ago_ms bigint, valid_for_ms bigint)
  language sql stable as $$
  select f.* from identity.session s, lateral identity.find_session(array[s.token_hash]) f where s.id = p_id
$$;
call platform.system_function('identity.find_session_by_id(text)');

-- In the person's own transaction: exchanges one refresh token for another.
-- rotated: the new one is good. Also for the token before the good one, for a minute and while the good one is unused: an answer that was lost
-- must not lock out who is honest; the token in the lost answer is void then.
-- busy: the same within five seconds, when the first answer is most likely on its way.
-- reused: somebody has a copy; the session must end. ended: it has.
create function identity.exchange_refresh_token(p_session text, p_hash bytea, p_new bytea) returns text
  language plpgsql as $$
declare
  f identity.token_session;
begin
  -- Of requests at once with one token, one after the other is judged.
  select * into f from identity.token_session where session_id = p_session for update;
  if not found or not exists (
    select from identity.session s join identity.person p on p.person_id = s.person_id
     where s.id = p_session and s.ended_at is null and p.disabled_at is null
       and identity.session_ends(p.operator, s.created_at, s.used_at) > platform.now()) then
    return 'ended';
  end if;
  if p_hash = f.current_hash then
    update identity.token_session
       set current_hash = p_new, previous_hash = p_hash, rotated_at = platform.now(), answered_at = platform.now()
     where session_id = p_session;
  elsif p_hash = f.previous_hash and f.answered_at > platform.now() - interval '5 seconds' then
    return 'busy';
  elsif p_hash = f.previous_hash and f.rotated_at > platform.now() - interval '1 minute' then
    update identity.token_session set current_hash = p_new, answered_at = platform.now() where session_id = p_session;
  else
    return 'reused';
  end if;
  insert into identity.refresh_token (token_hash, person_id, session_id) values (p_new, f.person_id, p_session);
  return 'rotated';
end $$;

-- What was made from a session ends with it.
create function identity.end_token_sessions() returns trigger
  language plpgsql as $$
begin
  update identity.session s set ended_at = new.ended_at
    from identity.token_session t
   where t.made_from = new.id and s.id = t.session_id and s.ended_at is null;
  return null;
end $$;
create trigger end_token_sessions after update of ended_at on identity.session
  for each row when (old.ended_at is null and new.ended_at is not null) execute function identity.end_token_sessions();
