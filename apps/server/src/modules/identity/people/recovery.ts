/** Passwords and addresses that change: forgotten ones by a link in a mail, known ones by who is signed in. */
import { isUniqueViolation, type Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Attempt, Self } from '../types.ts';
import { getPerson } from './account.ts';
import { type PeopleDeps, recordPerson } from './deps.ts';
import { type Email, foldedOf } from './email.ts';
import { peopleErrors } from './errors.ts';
import { isShort } from './password-rules.ts';
import { sendLink } from './send-link.ts';
import { emailOf } from './sign-up.ts';
import { findPeople, setEmail, setPasswordHash, voidLinks } from './store.ts';
import type { Person } from './types.ts';

export interface Recovery {
  /** Mails a link to set a new password. Says nothing where there is no such account. @throws 429 */
  sendReset(attempt: Attempt): Promise<void>;
  /**
   * Sets a new password, ends all sessions and tells the person by mail. Signs nobody in, so a second factor still stands before the account.
   * @throws 410 `people.invalid-link`; 422 `people.weak-password`, after which the link is still good
   */
  reset(input: { readonly token: string; readonly password: string }, requestId: string): Promise<void>;
  /** The same for who is signed in; their session goes on. In their transaction. @throws 422 `people.weak-password` */
  changePassword(tx: Tx, self: Self, password: string): Promise<void>;
  /**
   * Mails a link to the new address and word of it to the old one; nothing changes before the link is used. In the person's transaction.
   * @throws 422 `people.invalid-email`, 409 `people.same-email`, 403 `federation.address-held`
   */
  changeEmail(tx: Tx, self: Self, email: string): Promise<void>;
  /** @throws 410 `people.invalid-link`, also where somebody else has verified the address since; 403 `federation.address-held` */
  confirmEmail(token: string, requestId: string): Promise<void>;
}

export function createRecovery(deps: PeopleDeps): Recovery {
  return { ...passwordUseCases(deps), ...emailUseCases(deps) };
}

function passwordUseCases(deps: PeopleDeps): Pick<Recovery, 'sendReset' | 'reset' | 'changePassword'> {
  const { db, guard, secondFactor, passwords, links, assertStrong, endSessions } = deps;

  const setPassword = async (tx: Tx, self: Self, password: string, action: string): Promise<void> => {
    const { personId, requestId } = self;
    const person = await getPerson(tx, personId);
    assertStrong(password, { email: foldedOf(person), hasFactor: await secondFactor.required(tx, personId) });
    await setPasswordHash(tx, personId, { hash: await passwords.hash(password), isShort: isShort(password) });
    // Also a move to another address: whoever is told of one that they did not ask for ends it by a new password.
    await voidLinks(tx, personId, ['reset', 'magic', 'email']);
    const ended = await endSessions(tx, self.sessionId);
    await links.mail(tx, { ...person, personId }, 'password-changed');
    await recordPerson(deps, tx, { personId, action, requestId, data: { endedSessions: ended } });
  };

  return {
    sendReset: (attempt) => sendLink(deps, 'reset', attempt),
    async reset({ token, password }, requestId) {
      const link = await links.find(token, 'reset');
      const self = { personId: link.personId, sessionId: undefined, requestId };
      await db.tenant(link.personId, async (tx) => {
        await links.use(tx, link);
        await setPassword(tx, self, password, 'person.reset-password');
        await guard.noteReset(tx, link.personId);
      });
    },
    changePassword: (tx, self, password) => setPassword(tx, self, password, 'person.put-password'),
  };
}

function emailUseCases(deps: PeopleDeps): Pick<Recovery, 'changeEmail' | 'confirmEmail'> {
  const { db, links } = deps;

  const mailBoth = async (tx: Tx, person: Person, to: Email): Promise<void> => {
    const { id: personId } = person;
    const url = await links.make(tx, { personId, kind: 'email', email: to });
    const isTaken = (await db.system((system) => findPeople(system, to.folded))).some(({ isVerified }) => isVerified);
    const reader = { ...person, personId };
    // Who has an account at the new address is told so there; who asked learns nothing.
    await links.mail(
      tx,
      { ...reader, email: to.written },
      isTaken ? 'known-address' : 'email-change',
      isTaken ? {} : { url },
    );
    await links.mail(tx, reader, 'email-changed', { email: to.written });
  };

  return {
    async changeEmail(tx, { personId, requestId }, text) {
      const email = emailOf(text);
      const person = await getPerson(tx, personId);
      if (email.folded === foldedOf(person)) throw new GuildhallError(peopleErrors.sameEmail);
      await deps.entry.assertMayMove(personId, email.folded);
      await mailBoth(tx, person, email);
      await recordPerson(deps, tx, { personId, action: 'person.put-email', requestId });
    },
    async confirmEmail(token, requestId) {
      const link = await links.find(token, 'email');
      const { personId } = link;
      try {
        await db.tenant(personId, async (tx) => {
          const email = await links.use(tx, link);
          if (!email) throw new GuildhallError(peopleErrors.invalidLink);
          await deps.entry.assertMayMove(personId, email.folded);
          await setEmail(tx, personId, { email: email.written, emailFolded: email.folded });
          // They went to the address before.
          await voidLinks(tx, personId, ['reset', 'magic']);
          await recordPerson(deps, tx, { personId, action: 'person.confirm-email', requestId });
        });
      } catch (error) {
        if (isUniqueViolation(error, 'person_by_email'))
          throw new GuildhallError(peopleErrors.invalidLink, { cause: error });
        throw error;
      }
    },
  };
}
