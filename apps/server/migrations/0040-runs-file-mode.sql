-- Lock: exclusive and short on runs.file; gives files the mode of the key that made them.

-- A test file is missing for live keys and live runs, and the other way round. An artifact has the mode of its run.
alter table runs.file add column mode runs.mode not null default 'live';
alter table runs.file alter column mode drop default;
