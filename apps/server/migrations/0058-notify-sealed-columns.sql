-- Lock: none.
call platform.seal_column('notify.endpoint', 'secret');
call platform.seal_column('notify.endpoint', 'former_secret');
