/**
 * Sign-up and verification. An address that has an account is signed up for as any other: a second, pending person comes into being, whose
 * mail tells of the first one and who can never be verified. So neither the answer, nor its time, nor a sign-in afterwards tells whether there
 * is an account.
 */
import { isUniqueViolation, type Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Attempt } from '../types.ts';
import { type PeopleDeps, recordPerson } from './deps.ts';
import { type Email, parseEmail } from './email.ts';
import { peopleErrors } from './errors.ts';
import { paced } from './pace.ts';
import { findPeople, findPerson, forgetPending, insertPerson, verifyPerson } from './store.ts';
import type { Locale } from './types.ts';

export interface SignUpInput {
  readonly email: string;
  readonly password: string;
  readonly name: string;
  readonly organisation?: string | undefined;
  readonly invitation?: string | undefined;
  readonly locale: Locale;
}

export interface SignUp {
  /** Makes a pending person and mails them. @throws `people.invalid-email`, `people.weak-password`, 429, and as `Admission.ask` */
  signUp(input: SignUpInput, attempt: Attempt): Promise<void>;
  /** Mails a pending person another link. Says nothing where there is none. @throws 429 */
  sendVerification(attempt: Attempt): Promise<void>;
  /** Ends a sign-up; makes the organisation that was asked for, with trial credit. @throws 410 `people.invalid-link` */
  verify(token: string, requestId: string): Promise<{ readonly personId: string }>;
}

/** @throws 422 `people.invalid-email` */
export function emailOf(text: string): Email {
  const email = parseEmail(text);
  if (email) return email;
  throw new GuildhallError(peopleErrors.invalidEmail, { errors: [{ path: '/email', message: 'is not an address' }] });
}

export function createSignUp(deps: PeopleDeps): SignUp {
  const { db, ids, clock, guard, admission, passwords, links, assertStrong } = deps;

  /** To a pending person: the link, or word of the account that the address has. Either way a link is made, so that both take as long. */
  const mail = async (tx: Tx, personId: string, isKnown: boolean): Promise<void> => {
    const url = await links.make(tx, { personId, kind: 'verify' });
    const person = await findPerson(tx, personId);
    if (person)
      await links.mail(tx, { ...person, personId }, isKnown ? 'known-address' : 'verify', isKnown ? {} : { url });
  };

  /** The sign-up of this address; the one before it, if it was not verified, is forgotten. */
  const makePending = async (
    email: Email,
    input: SignUpInput,
    { requestId, ticket }: { readonly requestId: string; readonly ticket: string | undefined },
  ): Promise<void> => {
    const passwordHash = await passwords.hash(input.password);
    const isKnown = (await db.system((tx) => findPeople(tx, email.folded))).some(({ isVerified }) => isVerified);
    await db.system((tx) => forgetPending(tx, email.folded));
    const personId = ids.make('usr');
    try {
      await db.tenant(personId, async (tx) => {
        await insertPerson(tx, {
          id: personId,
          email: email.written,
          emailFolded: email.folded,
          name: input.name,
          locale: input.locale,
          passwordHash,
          firstOrganisation: input.organisation,
          isVerified: false,
        });
        await admission.note(tx, personId, ticket);
        await mail(tx, personId, isKnown);
        await recordPerson(deps, tx, { personId, action: 'person.sign-up', requestId });
      });
    } catch (error) {
      // Another sign-up with this address was faster by a moment, and its mail is on the way.
      if (!isUniqueViolation(error, 'person_pending_by_email')) throw error;
    }
  };

  return {
    async signUp(input, attempt) {
      const email = emailOf(input.email);
      assertStrong(input.password, { email: email.folded, hasFactor: false });
      await guard.admit('sign-up', attempt);
      const ticket = await admission.ask(email, input.invitation);
      await makePending(email, input, { requestId: attempt.requestId, ticket });
    },
    sendVerification: (attempt) =>
      paced(clock, async () => {
        await guard.admit('mail', attempt);
        const found = await db.system((tx) => findPeople(tx, attempt.email));
        const pending = found.find(({ isVerified }) => !isVerified);
        if (!pending) return;
        const { personId } = pending;
        await db.tenant(personId, async (tx) => {
          await mail(tx, personId, found.length > 1);
          await recordPerson(deps, tx, { personId, action: 'person.send-verification', requestId: attempt.requestId });
        });
      }),
    async verify(token, requestId) {
      const link = await links.find(token, 'verify');
      const { personId } = link;
      try {
        await db.tenant(personId, async (tx) => {
          await links.use(tx, link);
          await admission.use(tx, personId);
          const verified = await verifyPerson(tx, personId);
          if (!verified) throw new GuildhallError(peopleErrors.invalidLink);
          await recordPerson(deps, tx, { personId, action: 'person.verify', requestId });
          const name = verified.firstOrganisation;
          if (name !== undefined) await deps.foundOrganisationIn(tx, { name, personId, requestId, trial: true });
        });
      } catch (error) {
        // Somebody else has verified the address since.
        if (isUniqueViolation(error, 'person_by_email'))
          throw new GuildhallError(peopleErrors.invalidLink, { cause: error });
        throw error;
      }
      return { personId };
    },
  };
}
