-- Lock: models.call, for the length of adding columns.

-- Calls of runs draw from the hold of their run and are booked one by one, in the transaction of their step.
alter table models.call
  -- The step that made it.
  add column step_key text,
  -- What it may come to: tokens of prompt and answers, and what we may come to owe the provider.
  add column tokens_max bigint,
  add column risk_nanos bigint,
  -- When its charge was given back, because its run failed.
  add column reversed_at timestamptz;

-- An ended call never changes, but that its charge may be given back, once; then the operator bears what the provider asks.
create or replace function models.refuse_change() returns trigger language plpgsql as $$
begin
  if old.reversed_at is null and new.reversed_at is not null and new.cost_nanos = 0 and new.loss_nanos >= old.loss_nanos
    and (to_jsonb(new) - array['reversed_at', 'cost_nanos', 'loss_nanos']) = (to_jsonb(old) - array['reversed_at', 'cost_nanos', 'loss_nanos']) then
    return new;
  end if;
  raise exception 'call % has ended', old.id using errcode = 'insufficient_privilege';
end $$;
