-- Lock: none on existing tables; creates one of its own.

-- Who used how much of a rate in its current window. Emptied by a crash of the server, which gives everybody a fresh window: right for
-- rates, wrong for anything paid, which lives in logged tables. The key is a keyed hash of rule and subject, so the rows name nobody.
create unlogged table platform.rate_window (
  key bytea primary key,
  ends_at timestamptz not null,
  used int not null,
  -- What the last taker got; the only way for one upsert to tell it.
  granted int not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
grant select, insert, update, delete on platform.rate_window to guildhall_app;

-- What a taker gets of what is left: what it needs now, and of a plentiful rest a 64th as a lease for its next calls.
create function platform.rate_grant(remaining int, wanted int, lease_max int) returns int
  language sql immutable parallel safe
  return greatest(0, least(remaining, greatest(wanted, least(lease_max, remaining / 64))));
