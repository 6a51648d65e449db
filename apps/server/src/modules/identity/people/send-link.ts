/** Links that somebody who is not signed in asks for: to set a new password, and to sign in. */

import type { Attempt } from '../types.ts';
import { getPerson } from './account.ts';
import { type PeopleDeps, recordPerson } from './deps.ts';
import { paced } from './pace.ts';
import { findPeople } from './store.ts';

const MAILS = {
  reset: { mail: 'reset', action: 'person.send-reset' },
  magic: { mail: 'magic-link', action: 'person.send-magic-link' },
} as const;

/** Mails a link of this kind. Says nothing, and takes as long, where there is no account that may come in. @throws 429 */
export function sendLink(
  deps: Pick<PeopleDeps, 'db' | 'clock' | 'guard' | 'links' | 'audit'>,
  kind: keyof typeof MAILS,
  attempt: Attempt,
): Promise<void> {
  const { db, clock, guard, links } = deps;
  const { mail, action } = MAILS[kind];
  return paced(clock, async () => {
    await guard.admit('mail', attempt);
    const found = await db.system((tx) => findPeople(tx, attempt.email));
    const person = found.find(({ isVerified, isDisabled }) => isVerified && !isDisabled);
    if (!person) return;
    const { personId } = person;
    await db.tenant(personId, async (tx) => {
      const url = await links.make(tx, { personId, kind });
      await links.mail(tx, { ...(await getPerson(tx, personId)), personId }, mail, { url });
      await recordPerson(deps, tx, { personId, action, requestId: attempt.requestId });
    });
  });
}
