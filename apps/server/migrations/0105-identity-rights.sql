-- Lock: none; adds a function that tells what somebody may do now whose key is not at hand.

-- What a key or a member may do at this moment, as identity.key_bounds: the scopes of a key (null for a member), bounded by the role (null for a
-- key of no member). No row: nothing. A key that has expired, or that another one took the place of, does not count as taken away: it
-- begins nothing any more, and what it began goes on.
create function identity.rights_of(p_org text, p_actor text) returns table (role text, operator boolean, scopes text[])
  language sql stable as $$
  select b.role, b.operator, k.scopes
    from identity.api_key k cross join lateral identity.key_bounds(k.org_id, k.member_id) b
   where k.id = p_actor and k.org_id = p_org and k.revoked_at is null
  union all
  select b.role, b.operator, null from identity.key_bounds(p_org, p_actor) b where b.role is not null
$$;
call platform.system_function('identity.rights_of(text, text)');
