-- Lock: none on existing tables; adds a function that records many uses in one statement.

-- The same as metering.record for [{ org, source, id, mode, run, agent, key, member, tier, model, price_version, input, output, cost,
-- provider_cost }]; each counts as no run of an agent. Records known with this content stay as they are; other content is an error.
create function metering.record_many(p_uses jsonb) returns void language plpgsql as $$
declare
  v_now timestamptz := platform.now();
  v_conflict text;
begin
  with uses as materialized (
    select u.*, sha256(convert_to(jsonb_build_array(u.mode, u.run, u.agent, u.key, u.member, u.tier, u.model, u.price_version, 0,
        u.input, u.output, u.cost, u.provider_cost, null)::text, 'UTF8')) as hash
    from jsonb_to_recordset(p_uses) u (org text, source text, id text, mode text, run text, agent text, key text, member text, tier text,
      model text, price_version int, input bigint, output bigint, cost bigint, provider_cost bigint)
  ), fresh as (
    insert into metering.identity (org_id, source, id, content_hash, occurred_at)
      select u.org, u.source, u.id, u.hash, v_now from uses u on conflict do nothing returning org_id, source, id
  ), recorded as (
    insert into metering.usage
      select u.org, u.source, u.id, v_now, v_now, u.mode, u.run, u.agent, u.key, u.member, u.tier, u.model, u.price_version, 0,
        u.input, u.output, u.cost, u.provider_cost, null
      from uses u join fresh f on f.org_id = u.org and f.source = u.source and f.id = u.id
  )
  select u.id into v_conflict from uses u
    cross join lateral (select x.content_hash from metering.identity x where x.org_id = u.org and x.source = u.source and x.id = u.id offset 0) i
    where i.content_hash <> u.hash limit 1;
  if v_conflict is not null then
    raise exception 'use % was recorded with other content', v_conflict using errcode = 'unique_violation';
  end if;
end $$;
revoke all on function metering.record_many from public;
grant execute on function metering.record_many to guildhall_definer;
