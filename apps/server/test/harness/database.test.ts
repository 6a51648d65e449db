import { expect, test } from 'vitest';
import { sql } from '../../src/platform/db/index.ts';
import { testDatabase } from './database.ts';

test('each call gives a migrated database of its own', async () => {
  const [one, two] = await Promise.all([testDatabase(), testDatabase()]);
  try {
    const name = async (each: typeof one) =>
      (await each.db.open((tx) => sql<{ name: string }>`select current_database() as name`.execute(tx))).rows[0]?.name;
    expect(await name(one)).not.toBe(await name(two));
    const found = await one.db.system((tx) =>
      sql<{ role: string; now: Date }>`select current_user as role, platform.now() as now`.execute(tx),
    );
    expect(found.rows[0]?.role).toBe('guildhall_system');
    expect(found.rows[0]?.now).toBeInstanceOf(Date);
  } finally {
    await Promise.all([one.close(), two.close()]);
  }
});
