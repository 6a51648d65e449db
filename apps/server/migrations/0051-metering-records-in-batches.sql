-- Lock: none on existing tables; adds a function that records many uses in one statement.

-- The same as metering.record for [{ org, source, id, mode, run, agent, key, member, tier, model, price_version, input, output, cost,
-- provider_cost }]; each counts as no run of an agent. Records known with this content stay as they are; other content is an error.
create function metering.record_many(p_uses jsonb) returns void language plpgsql as $$
declare
  u record;
  v_hash bytea;
  v_now timestamptz := platform.now();
begin
  for u in
    select * from jsonb_to_recordset(p_uses) x (org text, source text, id text, mode text, run text, agent text, key text, member text, tier text,
      model text, price_version int, input bigint, output bigint, cost bigint, provider_cost bigint)
  loop
    v_hash := sha256(convert_to(jsonb_build_array(u.mode, u.run, u.agent, u.key, u.member, u.tier, u.model, u.price_version, 0,
      u.input, u.output, u.cost, u.provider_cost, null)::text, 'UTF8'));
    insert into metering.identity (org_id, source, id, content_hash, occurred_at) values (u.org, u.source, u.id, v_hash, v_now) on conflict do nothing;
    if found then
      insert into metering.usage values (u.org, u.source, u.id, v_now, v_now, u.mode, u.run, u.agent, u.key, u.member, u.tier, u.model, u.price_version, 0,
        u.input, u.output, u.cost, u.provider_cost, null);
    elsif exists (select from metering.identity i where i.org_id = u.org and i.source = u.source and i.id = u.id and i.content_hash <> v_hash) then
      raise exception 'use % was recorded with other content', u.id using errcode = 'unique_violation';
    end if;
  end loop;
end $$;
revoke all on function metering.record_many from public;
grant execute on function metering.record_many to guildhall_definer;
