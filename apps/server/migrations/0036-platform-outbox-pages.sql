-- Lock: none; adds a function.

-- The oldest events behind a position: a page of events that cannot be handed out does not hide those behind it.
create function platform.peek_outbox(p_limit int, p_after bigint) returns setof platform.outbox language plpgsql as $$
begin
  return query select * from platform.outbox where position > p_after order by position limit p_limit;
end $$;
call platform.system_function('platform.peek_outbox(int, bigint)');
