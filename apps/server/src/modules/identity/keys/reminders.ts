/** Says in time that a key is about to end. */
import { findKeyById } from '../store.ts';
import type { IdentityDeps } from '../types.ts';
import { mailReaders, readersOf } from './mails.ts';
import { listDueReminders, markReminded } from './store.ts';

// A turn of some seconds; the rest waits for the next one.
const REMINDERS_MAX = 200;

/** Mails the people of every key that ends within 14 days, and again within 3, each once. Resolves with the number of keys. */
export async function remindOfKeys(
  deps: Pick<IdentityDeps, 'db' | 'audit' | 'mailQueue' | 'publicUrl' | 'operatorEmail'>,
): Promise<number> {
  const due = await deps.db.system((tx) => listDueReminders(tx, REMINDERS_MAX));
  for (const { keyId, orgId, days } of due) {
    const found = await deps.db.tenant(orgId, (tx) => findKeyById(tx, keyId));
    const readers = found ? await readersOf(deps, found) : [];
    await deps.db.tenant(orgId, async (tx) => {
      if (!(found && (await markReminded(tx, keyId, days)))) return;
      await mailReaders(deps, tx, { kind: 'key-expiring', key: found, readers, about: String(days) });
      await deps.audit.append(tx, {
        orgId,
        actorType: 'system',
        actorId: 'key-reminders',
        action: 'key.remind',
        targetType: 'key',
        targetId: keyId,
        data: { days, mails: readers.length },
      });
    });
  }
  return due.length;
}
