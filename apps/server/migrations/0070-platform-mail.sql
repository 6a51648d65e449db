-- Lock: none on existing tables; creates the queue of mails.

-- A mail that a transaction decided on. `id` is its idempotency key; address and content are sealed, for they may hold links that open doors.
-- pending: entered when it is written, left by the answer of the mail server. sent, failed: kept for a while, so that a repetition is known.
create table platform.mail (
  id text primary key,
  org_id text not null,
  sealed bytea not null,
  state text not null default 'pending' check (state in ('pending', 'sent', 'failed')),
  -- Counted when it is claimed: the fence of whoever writes the outcome.
  attempts int not null default 0,
  -- When it is due, or until when it is one process's to send.
  next_at timestamptz not null default platform.now(),
  created_at timestamptz not null default platform.now()
);
call platform.protect_tenant_table('platform.mail', 'select, insert');
call platform.seal_column('platform.mail', 'sealed');
create index mail_due on platform.mail (next_at) where state = 'pending';

-- Up to p_slots mails that are due, for the caller to send within p_lease. Without waiting for those that others are just claiming.
create function platform.claim_mail(p_slots int, p_lease interval) returns setof platform.mail language sql as $$
  update platform.mail m set attempts = m.attempts + 1, next_at = platform.now() + p_lease
    from (select id from platform.mail where state = 'pending' and next_at <= platform.now()
           order by next_at limit p_slots for update skip locked) due
   where m.id = due.id returning m.*;
$$;
call platform.system_function('platform.claim_mail(int, interval)');

-- How an attempt went. One that was taken over meanwhile writes nothing.
create function platform.record_mail(p_id text, p_attempt int, p_state text, p_pause interval) returns void language sql as $$
  update platform.mail set state = p_state, next_at = platform.now() + p_pause
   where id = p_id and attempts = p_attempt and state = 'pending';
$$;
call platform.system_function('platform.record_mail(text, int, text, interval)');

create function platform.prune_mail(p_keep interval) returns int language plpgsql as $$
declare
  n int;
begin
  delete from platform.mail where state <> 'pending' and created_at < platform.now() - p_keep;
  get diagnostics n = row_count;
  return n;
end $$;
call platform.system_function('platform.prune_mail(interval)');
