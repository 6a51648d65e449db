-- Lock: none on existing tables; adds a function that records the uses of many calls.

-- The same as metering.record for [{ id, agent, key, member, tier, model, price_version, input, output, cost, provider_cost }] of one book and one
-- source; the id is that of the run too, and each counts as no run of an agent. Records known with this content stay as they are; other content is
-- an error.
create function metering.record_many(p_org text, p_source text, p_mode text, p_uses jsonb[]) returns void language plpgsql as $$
declare
  u jsonb;
  v_id text;
begin
  foreach u in array p_uses loop
    v_id := u ->> 'id';
    if metering.record(p_org, p_source, v_id, null, p_mode, v_id, u ->> 'agent', u ->> 'key', u ->> 'member', u ->> 'tier', u ->> 'model', (u ->> 'price_version')::int,
      0, (u ->> 'input')::bigint, (u ->> 'output')::bigint, (u ->> 'cost')::bigint, (u ->> 'provider_cost')::bigint, null) = 'conflict'
    then
      raise exception 'use % was recorded with other content', v_id using errcode = 'unique_violation';
    end if;
  end loop;
end $$;
revoke all on function metering.record_many from public;
grant execute on function metering.record_many to guildhall_definer;
