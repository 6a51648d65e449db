-- Lock: none on existing tables; adds a function that names the people of an organisation to write to.

-- Verified people with one of these roles, the longest members first. For mails about the organisation as a whole.
create function identity.contacts_of(p_org text, p_roles text[]) returns table (email text, name text, locale text, organisation text)
  language sql stable as $$
  select p.email, p.name, p.locale, o.name
    from identity.membership m join identity.organisation o on o.org_id = m.org_id join identity.person p on p.person_id = m.person_id
   where m.org_id = p_org and m.ended_at is null and m.role = any (p_roles)
     and p.verified_at is not null and p.disabled_at is null
   order by m.created_at, p.person_id
   limit 20
$$;
call platform.system_function('identity.contacts_of(text, text[])');
