/** Erasing what is kept of an organisation that is over. Each part that keeps something of organisations erases it itself. */
import { type Db, sql } from '../db/index.ts';

/**
 * Erases a batch of what one part keeps of an organisation; false: nothing was left. Whoever is killed between two calls, or in one, goes on
 * by calling again. Rejects for an organisation that is not over.
 */
export type Erase = (orgId: string) => Promise<boolean>;

export interface Erased {
  readonly more: boolean;
}
type Statement = (orgId: string, limit: number) => ReturnType<typeof sql<Erased>>;

// A run takes its steps and events along, some ten of each: a batch takes far less than a second.
const ROWS_AT_ONCE = 200;

/** By a statement that calls the part's own function in the database, as the system role. */
export const eraser =
  (db: Db, statement: Statement): Erase =>
  async (orgId) => {
    const { rows } = await db.system((tx) => statement(orgId, ROWS_AT_ONCE).execute(tx));
    return rows[0]?.more === true;
  };

/** What the platform itself keeps: answers to repeated requests, mails, events, tasks. */
export const createPlatformErase = (db: Db): Erase =>
  eraser(db, (orgId, limit) => sql<Erased>`select platform.erase(${orgId}, ${limit}::int) as more`);
