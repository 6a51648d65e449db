-- Lock: a short one on identity.person for a new column.

-- Whether the password is one that is long enough only beside a second factor: the last factor stays until there is a longer one.
alter table identity.person add column password_is_short boolean not null default false;
grant update (password_is_short) on identity.person to guildhall_app;
