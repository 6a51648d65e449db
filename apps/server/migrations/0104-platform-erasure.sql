-- Lock: none; adds functions that erase what is kept of an organisation, one for each module.
--
-- They are called one after the other, in the order of compose.ts, until none has anything left. Each deletes a few rows and commits, so
-- that no lock lasts, and whoever is killed between goes on. What is not named here stays: the books (ledger, metering.usage and
-- metering.identity), the audit trail and the bare row of the organisation. None of it has a name or a content; whose its ids were, nobody
-- can tell any more.

-- Deletes up to p_limit rows of an organisation, of the first of these tables that has any; false when none has. The last guard: one that
-- is not over loses nothing, whoever calls: what a caller deleted besides is rolled back with it.
create function platform.erase_rows(p_org text, p_tables text[], p_limit int) returns boolean language plpgsql as $$
declare
  v_table text;
  n int;
begin
  if not identity.is_over(p_org) then
    raise exception 'organisation % is not over', p_org using errcode = 'insufficient_privilege';
  end if;
  foreach v_table in array p_tables loop
    execute format('delete from %1$s where ctid = any (array(select t.ctid from %1$s t where t.org_id = $1 limit $2))', v_table::regclass) using p_org, p_limit;
    get diagnostics n = row_count;
    if n > 0 then
      return true;
    end if;
  end loop;
  return false;
end $$;
revoke all on function platform.erase_rows from public;
grant execute on function platform.erase_rows to guildhall_definer;

-- Steps, events, artifacts, approvals and dead letters go with their run. The bytes are deleted by the program.
create function runs.erase(p_org text, p_limit int) returns boolean language plpgsql as $$
begin
  return platform.erase_rows(p_org, array['runs.run', 'runs.file'], p_limit);
end $$;
call platform.system_function('runs.erase(text, int)');

create function models.erase(p_org text, p_limit int) returns boolean language plpgsql as $$
begin
  return platform.erase_rows(p_org, array['models.provider_key', 'models.call', 'models.cache_entry', 'models.cache_tally', 'models.cache_setting',
    'models.policy', 'models.room'], p_limit);
end $$;
call platform.system_function('models.erase(text, int)');

create function audit.erase(p_org text, p_limit int) returns boolean language plpgsql as $$
begin
  return platform.erase_rows(p_org, array['audit.stream'], p_limit);
end $$;
call platform.system_function('audit.erase(text, int)');

-- Answers that were kept for repeated requests, mails, events that nobody has taken yet, tasks.
create function platform.erase(p_org text, p_limit int) returns boolean language plpgsql as $$
begin
  return platform.erase_rows(p_org, array['platform.idempotency', 'platform.mail', 'platform.outbox', 'durable.task'], p_limit);
end $$;
call platform.system_function('platform.erase(text, int)');

-- Deliveries go with their event.
create function notify.erase(p_org text, p_limit int) returns boolean language plpgsql as $$
begin
  return platform.erase_rows(p_org, array['notify.event', 'notify.endpoint'], p_limit);
end $$;
call platform.system_function('notify.erase(text, int)');

grant select, delete on ops.rate_limit to guildhall_definer;
create function ops.erase(p_org text, p_limit int) returns boolean language plpgsql as $$
begin
  delete from ops.rate_limit where organisation = p_org;
  return platform.erase_rows(p_org, array['ops.egress_hosts'], p_limit);
end $$;
call platform.system_function('ops.erase(text, int)');

-- The books stay and are closed; what bounded spending goes.
create function ledger.erase(p_org text, p_limit int) returns boolean language plpgsql as $$
begin
  if platform.erase_rows(p_org, array['ledger.budget', 'ledger.key_line'], p_limit) then
    return true;
  end if;
  update ledger.account set closed_at = platform.now() where org_id = p_org and closed_at is null;
  return false;
end $$;
call platform.system_function('ledger.erase(text, int)');

-- Memberships at the end: with the last of them nobody can tell any more whose the ids in the books and in the audit trail were. What people
-- linked with an identity provider of the organisation goes with its connection.
create function identity.erase(p_org text, p_limit int) returns boolean language plpgsql as $$
begin
  delete from identity.identity_link l using identity.oidc_connection c where c.org_id = p_org and l.provider = c.id;
  return platform.erase_rows(p_org, array['identity.scim_group_member', 'identity.scim_group', 'identity.scim_user', 'identity.scim_token',
    'identity.scim_setting', 'identity.saml_assertion', 'identity.saml_request', 'identity.saml_subject', 'identity.saml_connection',
    'identity.oidc_connection', 'identity.domain', 'identity.invitation', 'identity.key_network', 'identity.admin_token', 'identity.api_key',
    'identity.membership'], p_limit);
end $$;
call platform.system_function('identity.erase(text, int)');
