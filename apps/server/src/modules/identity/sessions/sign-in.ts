/** Ways to come in without being signed in: password, and link in a mail. Neither goes around a second factor. */
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { recordPerson } from '../people/deps.ts';
import { paced } from '../people/pace.ts';
import type { Passwords } from '../people/password.ts';
import { findPeople, upgradePasswordHash } from '../people/store.ts';
import type { Candidate } from '../people/types.ts';
import type { Attempt, Guard, IdentityDeps, SecondFactor } from '../types.ts';
import { sessionErrors } from './errors.ts';
import type { Begun, SessionService } from './service.ts';
import type { SessionMethod } from './types.ts';

export type SignInOutcome =
  | { readonly status: 'signed-in'; readonly begun: Begun }
  | { readonly status: 'second-factor-required'; readonly challenge: string };

export interface SignIn {
  /** @throws 401 `sessions.refused` alike for an unknown address, a wrong password and a disabled person; 429 */
  signIn(password: string, attempt: Attempt): Promise<SignInOutcome>;
  /** The last step of every way in: begins the session, or asks for the second factor. In the person's transaction. */
  finish(
    tx: Tx,
    input: { readonly personId: string; readonly method: SessionMethod; readonly attempt: Attempt },
  ): Promise<SignInOutcome>;
}

export interface SignInDeps extends IdentityDeps {
  readonly guard: Guard;
  readonly secondFactor: SecondFactor;
  readonly passwords: Passwords;
  readonly sessions: SessionService;
}

export function createSignIn(deps: SignInDeps): SignIn {
  const { db, clock, guard, secondFactor, passwords, sessions } = deps;

  /** Whose password it is. Compares twice in any case: an address may have a verified and a pending person, or neither. */
  const match = async (candidates: readonly Candidate[], password: string): Promise<Candidate | undefined> => {
    const slots = [true, false].map((isVerified) => candidates.find((one) => one.isVerified === isVerified));
    const fits = await Promise.all(slots.map((one) => passwords.verify(one?.passwordHash, password)));
    return slots.find((one, index) => fits[index] && one?.isDisabled === false);
  };

  const refuse = async (candidates: readonly Candidate[], attempt: Attempt): Promise<never> => {
    const personId = candidates.find((one) => one.isVerified)?.personId;
    await guard.noteFailure(attempt, personId);
    if (personId !== undefined)
      await db.tenant(personId, (tx) =>
        recordPerson(deps, tx, { personId, action: 'session.refuse', requestId: attempt.requestId }),
      );
    throw new GuildhallError(sessionErrors.refused);
  };

  const upgrade = async (tx: Tx, { personId, passwordHash = '' }: Candidate, password: string): Promise<void> => {
    if (passwords.isOutdated(passwordHash))
      await upgradePasswordHash(tx, personId, { old: passwordHash, new: await passwords.hash(password) });
  };

  const finish: SignIn['finish'] = async (tx, input) => {
    const { personId, method } = input;
    if (await secondFactor.required(tx, personId))
      return {
        status: 'second-factor-required',
        challenge: await secondFactor.challenge(tx, personId, { type: 'sign-in', method }),
      };
    return { status: 'signed-in', begun: await sessions.begin(tx, input) };
  };

  return {
    finish,
    async signIn(password, attempt) {
      await guard.admit('sign-in', attempt);
      const candidates = await db.system((tx) => findPeople(tx, attempt.email));
      const begunMs = clock.monotonicMs();
      const who = await match(candidates, password);
      if (!who) return paced(clock, () => refuse(candidates, attempt), begunMs);
      return db.tenant(who.personId, async (tx) => {
        await upgrade(tx, who, password);
        return finish(tx, { personId: who.personId, method: 'password', attempt });
      });
    },
  };
}
