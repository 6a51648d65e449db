/** The door of the database: pools, transactions with a tenant, migrations, the embedded server. */

export { sql } from 'kysely';
export { createDb, type Db, isConnectionError, isRetryable, isUniqueViolation, type Tx } from './db.ts';
export { asOwnerAlone, migrate, schemaVersion } from './migrate.ts';
export { type OwnerUrl, ownerUrlsOf, withOwner } from './owner.ts';
export {
  createRolePasswords,
  type LoginRole,
  type RolePasswords,
  roleGeneration,
  rotateRolePasswords,
} from './role-passwords.ts';
export { scramVerifier } from './scram.ts';
export { together } from './together.ts';
