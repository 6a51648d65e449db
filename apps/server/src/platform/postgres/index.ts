/** The door of the embedded PostgreSQL. */
export { createPostgres, type Postgres, type PostgresOptions, type PostgresStatus } from './supervisor.ts';
