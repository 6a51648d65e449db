/** Ways to come in without being signed in: password, and link in a mail. Neither goes around a second factor. */
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { getPerson } from '../people/account.ts';
import { foldedOf } from '../people/email.ts';
import { peopleErrors } from '../people/errors.ts';
import type { Links } from '../people/links.ts';
import { paced } from '../people/pace.ts';
import type { Passwords } from '../people/password.ts';
import { sendLink } from '../people/send-link.ts';
import { findPasswordHash, findPeople, upgradePasswordHash } from '../people/store.ts';
import type { Candidate } from '../people/types.ts';
import type { Attempt, EntryRule, Guard, IdentityDeps, SecondFactor, Self } from '../types.ts';
import { entering, recordRefusal } from './entering.ts';
import { sessionErrors } from './errors.ts';
import type { Begun, SessionService } from './service.ts';
import type { SessionMethod } from './types.ts';

export type SignInOutcome =
  | { readonly status: 'signed-in'; readonly begun: Begun }
  | { readonly status: 'second-factor-required'; readonly challenge: string };

export interface SignIn {
  /** @throws 401 `sessions.refused` alike for an unknown address, a wrong password and a disabled person; 429 */
  signIn(password: string, attempt: Attempt): Promise<SignInOutcome>;
  /** Mails a link to sign in. Says nothing where there is no such account. @throws 429 */
  sendMagicLink(attempt: Attempt): Promise<void>;
  /** @throws 410 `people.invalid-link` */
  useMagicLink(token: string, attempt: Attempt): Promise<SignInOutcome>;
  /**
   * Shows the password again: a new token for the session, or a challenge for who has a second factor.
   * @throws 403 `people.wrong-password`; 429
   */
  stepUp(self: Self, password: string, attempt: Attempt): Promise<SignInOutcome>;
  /**
   * The last step of every way in: begins the session, or asks for the second factor. In the person's transaction. `via` is the organisation
   * whose own identity provider let them in. @throws 403 `federation.sso-required` where their organisation leaves this way closed.
   */
  finish(
    tx: Tx,
    input: {
      readonly personId: string;
      readonly method: SessionMethod;
      readonly attempt: Attempt;
      readonly via?: string | undefined;
    },
  ): Promise<SignInOutcome>;
}

export interface SignInDeps extends IdentityDeps {
  readonly guard: Guard;
  readonly secondFactor: SecondFactor;
  readonly entry: EntryRule;
  readonly passwords: Passwords;
  readonly links: Links;
  readonly sessions: SessionService;
}

export function createSignIn(deps: SignInDeps): SignIn {
  const { guard, secondFactor, entry, sessions } = deps;
  const finish: SignIn['finish'] = async (tx, input) => {
    const { personId, method, via } = input;
    await entry.assertOpen(tx, input);
    if (await secondFactor.required(tx, personId)) {
      await guard.clear(input.attempt, personId);
      const challenge = await secondFactor.challenge(tx, personId, { type: 'sign-in', method, via }, input.attempt);
      return { status: 'second-factor-required', challenge };
    }
    return { status: 'signed-in', begun: await sessions.begin(tx, input) };
  };
  return { finish, ...byPassword(deps, finish), ...byLink(deps, finish), ...again(deps) };
}

function byPassword(deps: SignInDeps, finish: SignIn['finish']): Pick<SignIn, 'signIn'> {
  const { db, clock, guard, passwords } = deps;

  /** Whose password it is. Compares twice in any case: an address may have a verified and a pending person, or neither. */
  const match = async (candidates: readonly Candidate[], password: string): Promise<Candidate | undefined> => {
    const slots = [true, false].map((isVerified) => candidates.find((one) => one.isVerified === isVerified));
    const fits = await Promise.all(slots.map((one) => passwords.verify(one?.passwordHash, password)));
    return slots.find((one, index) => fits[index] && one?.isDisabled === false);
  };

  const refuse = async (candidates: readonly Candidate[], attempt: Attempt): Promise<never> => {
    const personId = candidates.find((one) => one.isVerified)?.personId;
    await guard.noteFailure(attempt, personId);
    if (personId !== undefined) await recordRefusal(deps, personId, attempt);
    throw new GuildhallError(sessionErrors.refused);
  };

  const upgrade = async (tx: Tx, { personId, passwordHash = '' }: Candidate, password: string): Promise<void> => {
    if (passwords.isOutdated(passwordHash))
      await upgradePasswordHash(tx, personId, { old: passwordHash, new: await passwords.hash(password) });
  };

  return {
    async signIn(password, attempt) {
      await guard.admit('sign-in', attempt);
      const begunMs = clock.monotonicMs();
      const candidates = await db.system((tx) => findPeople(tx, attempt.email));
      const who = await match(candidates, password);
      if (!who) {
        // The time of the comparison tells the kind of hash, that of what is written down whether there is somebody.
        await paced(clock, async () => {}, begunMs);
        return paced(clock, () => refuse(candidates, attempt));
      }
      return entering(deps, who.personId, attempt, async (tx) => {
        await upgrade(tx, who, password);
        return finish(tx, { personId: who.personId, method: 'password', attempt });
      });
    },
  };
}

function byLink(deps: SignInDeps, finish: SignIn['finish']): Pick<SignIn, 'sendMagicLink' | 'useMagicLink'> {
  const { links } = deps;
  return {
    sendMagicLink: (attempt) => sendLink(deps, 'magic', attempt),
    async useMagicLink(token, attempt) {
      const link = await links.find(token, 'magic');
      const { personId } = link;
      return entering(deps, personId, attempt, async (tx) => {
        await links.use(tx, link);
        const person = await getPerson(tx, personId);
        if (person.disabledAt) throw new GuildhallError(peopleErrors.invalidLink);
        return finish(tx, { personId, method: 'magic-link', attempt: { ...attempt, email: foldedOf(person) } });
      });
    },
  };
}

function again(deps: SignInDeps): Pick<SignIn, 'stepUp'> {
  const { db, clock, guard, secondFactor, passwords, sessions } = deps;
  const refuse = async (personId: string, attempt: Attempt): Promise<never> => {
    await guard.noteFailure(attempt, personId);
    await recordRefusal(deps, personId, attempt);
    throw new GuildhallError(peopleErrors.wrongPassword);
  };
  return {
    async stepUp(self, password, given) {
      const { personId, sessionId = '' } = self;
      const begunMs = clock.monotonicMs();
      const [person, hash] = await db.tenant(personId, async (tx) => [
        await getPerson(tx, personId),
        await findPasswordHash(tx, personId),
      ]);
      const attempt = { ...given, email: foldedOf(person) };
      await guard.admit('sign-in', attempt);
      if (!(await passwords.verify(hash, password))) return paced(clock, () => refuse(personId, attempt), begunMs);
      await guard.clear(attempt);
      return db.tenant(personId, async (tx) => {
        if (await secondFactor.required(tx, personId))
          return {
            status: 'second-factor-required',
            challenge: await secondFactor.challenge(tx, personId, { type: 'step-up', sessionId }, attempt),
          };
        return { status: 'signed-in', begun: await sessions.renew(tx, self) };
      });
    },
  };
}
