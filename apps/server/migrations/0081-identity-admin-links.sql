-- Lock: a short one on identity.admin_token for its privileges; creates functions of identity.

-- An admin link is used up by the transaction that makes its owner, so that a refused attempt leaves it good.
drop function identity.use_admin_token(bytea[]);
grant update (used_at) on identity.admin_token to guildhall_app;

-- Whose unused admin link this is.
create function identity.find_admin_token(p_hashes bytea[]) returns table (id text, org_id text)
  language sql stable as $$
  select t.id, t.org_id from identity.admin_token t
   where t.secret_hash = any(p_hashes) and t.used_at is null and t.expires_at > platform.now()
$$;
call platform.system_function('identity.find_admin_token(bytea[])');
