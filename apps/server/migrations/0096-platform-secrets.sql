-- Lock: none on existing tables; creates tables and functions of platform.

-- How often the passwords of the login roles were changed. They are derived from the root and this number, so every process can find the
-- one in force by itself.
create table platform.role_generation (
  single boolean primary key default true check (single),
  generation int not null
);
insert into platform.role_generation values (true, 0);

-- Every secret this installation was seen to use, by a keyed hash of its value: so its age is known, and it is not.
create table platform.secret_seen (
  name text not null check (length(name) between 1 and 200),
  fingerprint bytea not null check (length(fingerprint) = 32),
  first_seen_at timestamptz not null,
  primary key (name, fingerprint)
);
grant select, insert on platform.secret_seen to guildhall_definer;

-- Notes secrets that are seen for the first time, and tells of each since when its name and since when this very value is known.
-- A value that comes back after another one keeps its age: it was known for as long.
create function platform.see_secrets(p_names text[], p_fingerprints bytea[])
  returns table (name text, made_at timestamptz, rotated_at timestamptz, now timestamptz) language plpgsql as $$
begin
  -- In order of the key, so that two processes that start at once cannot wait for each other.
  insert into platform.secret_seen
    select u.name, u.fingerprint, platform.now() from unnest(p_names, p_fingerprints) u(name, fingerprint)
    where not exists (select from platform.secret_seen s where s.name = u.name and s.fingerprint = u.fingerprint)
    order by u.name, u.fingerprint
    on conflict do nothing;
  return query
    select u.name, (select min(s.first_seen_at) from platform.secret_seen s where s.name = u.name), t.first_seen_at, platform.now()
    from unnest(p_names, p_fingerprints) u(name, fingerprint)
    join platform.secret_seen t on t.name = u.name and t.fingerprint = u.fingerprint
    order by u.name;
end $$;
call platform.system_function('platform.see_secrets(text[], bytea[])');

grant select on platform.role_generation to guildhall_definer;
create function platform.generation_of_roles() returns int language sql stable as $$
  select g.generation from platform.role_generation g
$$;
call platform.system_function('platform.generation_of_roles()');
