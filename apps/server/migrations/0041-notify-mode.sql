-- Lock: exclusive and short on notify.endpoint; gives webhook endpoints the mode of the key that made them.

-- Events of test runs go to test endpoints alone, all others to live ones. What an endpoint is for never changes.
alter table notify.endpoint add column mode text not null default 'live' check (mode in ('live', 'test'));
alter table notify.endpoint alter column mode drop default;
