-- Lock: short ones on identity.api_key for new columns; replaces identity.find_key, which then also tells where a key may be used from.

alter table identity.api_key
  -- The networks it may be used from; null: from everywhere. Fixed when the key is made.
  add column allowed_cidrs text[] check (cardinality(allowed_cidrs) between 1 and 50),
  -- How many days before the end its owners were reminded last.
  add column reminded_days int;
grant select (allowed_cidrs, reminded_days), insert (allowed_cidrs), update (reminded_days) on identity.api_key to guildhall_app;
create index api_key_by_expiry on identity.api_key (expires_at) where revoked_at is null and expires_at is not null;

-- The key behind one of these hashes (one per known master key), if it is good at this moment. Unknown, expired and revoked all answer with no row.
-- valid_for_ms spares the process from comparing its own clock with ours; null means no expiry.
drop function identity.find_key(bytea[]);
create function identity.find_key(hashes bytea[])
  returns table (id text, org_id text, mode text, scopes text[], secret_hash bytea, valid_for_ms bigint, member_id text, allowed_cidrs text[])
  language sql stable as $$
  select k.id, k.org_id, k.mode, k.scopes, k.secret_hash,
         floor(extract(epoch from k.expires_at - platform.now()) * 1000)::bigint, k.member_id, k.allowed_cidrs
    from identity.api_key k
   where k.secret_hash = any(hashes)
     and k.revoked_at is null
     and (k.expires_at is null or k.expires_at > platform.now())
$$;
call platform.system_function('identity.find_key(bytea[])');

-- Whose key this is, also when it has expired: one that was found lying around must end in any case.
create function identity.find_leaked_key(hashes bytea[]) returns table (id text, org_id text, mode text)
  language sql stable as $$
  select k.id, k.org_id, k.mode from identity.api_key k where k.secret_hash = any(hashes)
$$;
call platform.system_function('identity.find_leaked_key(bytea[])');

-- Who is written to about a key: the member who made it, while they are one, and the owners of its organisation.
create function identity.people_of_key(p_org text, p_member text) returns table (email text, name text, locale text)
  language sql stable as $$
  select p.email, p.name, p.locale
    from identity.membership m join identity.person p on p.person_id = m.person_id
   where m.org_id = p_org and m.ended_at is null and (m.role = 'owner' or m.id = p_member)
     and p.verified_at is not null and p.disabled_at is null
   order by p.person_id
   limit 20
$$;
call platform.system_function('identity.people_of_key(text, text)');

-- Keys that end within 14 or 3 days and whose people do not know yet. One that was rotated has its successor.
create function identity.due_key_reminders(row_limit int) returns table (id text, org_id text, days int)
  language sql stable as $$
  select k.id, k.org_id, case when k.expires_at <= platform.now() + interval '3 days' then 3 else 14 end
    from identity.api_key k
   where k.revoked_at is null and k.replaced_by is null
     and k.expires_at > platform.now() and k.expires_at <= platform.now() + interval '14 days'
     and k.reminded_days is distinct from 3
     and (k.reminded_days is null or k.expires_at <= platform.now() + interval '3 days')
   order by k.expires_at
   limit row_limit
$$;
call platform.system_function('identity.due_key_reminders(int)');
