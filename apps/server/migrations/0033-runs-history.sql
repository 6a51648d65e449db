-- Lock: none; adds what `ledger verify` reads of runs.

-- Every run of an organisation with what it cost itself, to be held against its charges and its usage.
create function runs.history(p_org text) returns table (run_id text, ended boolean, cost_nanos bigint) language sql stable as $$
  select r.id, r.finished_at is not null, r.cost_nanos from runs.run r where r.org_id = p_org
$$;
call platform.system_function('runs.history(text)');
