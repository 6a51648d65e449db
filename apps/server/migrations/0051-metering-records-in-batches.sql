-- Lock: none on existing tables; adds a function that records many uses in one statement.

-- The same as metering.record for [{ org, source, id, mode, run, agent, key, member, tier, model, price_version, input, output, cost,
-- provider_cost }]; each counts as no run of an agent. Records known with this content stay as they are; other content is an error.
create function metering.record_many(p_uses jsonb) returns void language plpgsql as $$
declare
  u record;
  v_fresh int;
  v_now timestamptz := platform.now();
begin
  with uses as materialized (
    select x.*, sha256(convert_to(jsonb_build_array(x.mode, x.run, x.agent, x.key, x.member, x.tier, x.model, x.price_version, 0,
        x.input, x.output, x.cost, x.provider_cost, null)::text, 'UTF8')) as hash
    from jsonb_to_recordset(p_uses) x (org text, source text, id text, mode text, run text, agent text, key text, member text, tier text,
      model text, price_version int, input bigint, output bigint, cost bigint, provider_cost bigint)
  ), fresh as (
    insert into metering.identity (org_id, source, id, content_hash, occurred_at)
      select x.org, x.source, x.id, x.hash, v_now from uses x on conflict do nothing returning org_id, source, id
  ), recorded as (
    insert into metering.usage
      select x.org, x.source, x.id, v_now, v_now, x.mode, x.run, x.agent, x.key, x.member, x.tier, x.model, x.price_version, 0,
        x.input, x.output, x.cost, x.provider_cost, null
      from uses x join fresh f on f.org_id = x.org and f.source = x.source and f.id = x.id
  )
  select count(*) into v_fresh from fresh;
  -- As a rule all are new.
  if v_fresh = jsonb_array_length(p_uses) then
    return;
  end if;
  for u in
    select x.id, i.content_hash <> sha256(convert_to(jsonb_build_array(x.mode, x.run, x.agent, x.key, x.member, x.tier, x.model, x.price_version, 0,
        x.input, x.output, x.cost, x.provider_cost, null)::text, 'UTF8')) as differs
    from jsonb_to_recordset(p_uses) x (org text, source text, id text, mode text, run text, agent text, key text, member text, tier text,
      model text, price_version int, input bigint, output bigint, cost bigint, provider_cost bigint)
    cross join lateral (select y.content_hash from metering.identity y where y.org_id = x.org and y.source = x.source and y.id = x.id offset 0) i
  loop
    if u.differs then
      raise exception 'use % was recorded with other content', u.id using errcode = 'unique_violation';
    end if;
  end loop;
end $$;
revoke all on function metering.record_many from public;
grant execute on function metering.record_many to guildhall_definer;
