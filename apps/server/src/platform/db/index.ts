/** The door of the database: pools, transactions with a tenant, migrations, the embedded server. */
export { type Db, type Tx, createDb, isUniqueViolation, isRetryable } from './db.ts';
export { migrate, schemaVersion } from './migrate.ts';
export { sql } from 'kysely';
