/** The second step of a way in, and the way in by a passkey alone. */
import { GuildhallError } from '../../../platform/errors/index.ts';
import { getPerson } from '../people/account.ts';
import { entering } from '../sessions/entering.ts';
import type { Begun } from '../sessions/service.ts';
import type { Attempt, Self } from '../types.ts';
import { type FactorDeps, recordFactor } from './deps.ts';
import { factorErrors } from './errors.ts';
import { challengeIn } from './passkeys.ts';
import { prove, useAnswer } from './proof.ts';
import { countRecoveryCodes, findPasskeyOwner, findTotp, hasFactor, listPasskeys, useChallenge } from './store.ts';
import type { Proof } from './types.ts';

export interface Methods {
  readonly challenge: string;
  readonly methods: readonly ('code' | 'recoveryCode' | 'passkey')[];
  readonly options: object | null;
}

export interface FactorSignIn {
  /** What a challenge can be answered with. @throws 401 `factors.invalid-challenge` */
  methodsFor(token: string, attempt: Attempt): Promise<Methods>;
  /**
   * Answers a challenge: begins the session, or renews the one that steps up. A wrong answer leaves the challenge as it is.
   * @throws 401 `factors.invalid-challenge`, `factors.refused`; 429
   */
  answer(token: string, proof: Proof, attempt: Attempt): Promise<Begun>;
  /** A challenge for who is signed in: showing a factor steps up. @throws 409 `factors.none` */
  askStepUp(self: Self, attempt: Attempt): Promise<Methods>;
  /** What any passkey of the browser is to sign. */
  openOptions(attempt: Attempt): Promise<object>;
  /**
   * Signs in with a passkey alone. @throws 401 `factors.refused` for whatever is wrong; 403 `federation.sso-required`; 429
   */
  signIn(answer: Extract<Proof, { readonly type: 'passkey' }>['answer'], attempt: Attempt): Promise<Begun>;
}

export function createFactorSignIn(deps: FactorDeps): FactorSignIn {
  return { ...challenged(deps), ...alone(deps) };
}

/** Written by itself: what was tried has been rolled back. */
async function refuse({ db, guard, ...deps }: FactorDeps, personId: string, attempt: Attempt): Promise<never> {
  await guard.noteFailure(attempt, personId);
  const { requestId } = attempt;
  await db.tenant(personId, (tx) => recordFactor(deps, tx, { personId, requestId }, { action: 'factor.refuse' }));
  throw new GuildhallError(factorErrors.refused);
}

function challenged(deps: FactorDeps): Pick<FactorSignIn, 'methodsFor' | 'answer' | 'askStepUp'> {
  const { db, guard, sessions, challenges, passkeys } = deps;

  const describe = async (personId: string, challenge: string): Promise<Methods> => {
    const found = await db.tenant(personId, async (tx) => ({
      totp: await findTotp(tx, { isConfirmed: true }),
      keys: await listPasskeys(tx),
      codes: await countRecoveryCodes(tx, personId),
    }));
    const methods: Methods['methods'][number][] = [];
    if (found.totp) methods.push('code');
    if (found.keys.length > 0) methods.push('passkey');
    if (found.codes > 0) methods.push('recoveryCode');
    const options =
      found.keys.length > 0 ? await passkeys.answerOptions(Buffer.from(challenge, 'base64url'), found.keys) : null;
    return { challenge, methods, options };
  };

  return {
    async methodsFor(token, attempt) {
      const { id, personId } = await challenges.find(token);
      await db.tenant(personId, (tx) => challenges.lock(tx, id, attempt));
      return describe(personId, token);
    },
    async answer(token, proof, attempt) {
      const { id, personId } = await challenges.find(token);
      await guard.admit('sign-in', attempt, personId);
      const { requestId } = attempt;
      const begun = await db.tenant(personId, async (tx) => {
        const { purpose, method, via, sessionId } = await challenges.lock(tx, id, attempt);
        const person = await getPerson(tx, personId);
        if (!(await prove(deps, tx, person, { proof, challenge: token, requestId }))) return undefined;
        await useChallenge(tx, id);
        if (purpose === 'step-up') return sessions.renew(tx, { personId, sessionId, requestId });
        if (purpose !== 'sign-in' || method === undefined) throw new GuildhallError(factorErrors.invalidChallenge);
        return sessions.begin(tx, { personId, method, attempt, via });
      });
      if (!begun) return refuse(deps, personId, attempt);
      await guard.clear(attempt, personId);
      return begun;
    },
    async askStepUp({ personId, sessionId, requestId }, attempt) {
      const token = await db.tenant(personId, async (tx) => {
        if (!(await hasFactor(tx, personId))) throw new GuildhallError(factorErrors.noFactor);
        await recordFactor(deps, tx, { personId, requestId }, { action: 'session.ask-step-up' });
        return challenges.make(tx, { personId, purpose: 'step-up', sessionId, source: attempt });
      });
      return describe(personId, token);
    },
  };
}

function alone(deps: FactorDeps): Pick<FactorSignIn, 'openOptions' | 'signIn'> {
  const { db, guard, entry, sessions, challenges, passkeys } = deps;
  return {
    openOptions: (attempt) => passkeys.answerOptions(challenges.makeOpen(attempt)),
    async signIn(answer, attempt) {
      await guard.admit('sign-in', attempt);
      const personId = await db.system((tx) => findPasskeyOwner(tx, Buffer.from(answer.id, 'base64url')));
      if (personId === undefined) throw new GuildhallError(factorErrors.refused);
      const challenge = challengeIn(answer.response.clientDataJSON);
      const begun = await entering(deps, personId, attempt, async (tx) => {
        await challenges.useOpen(tx, personId, challenge, attempt);
        if (!(await useAnswer(deps, tx, await listPasskeys(tx), { answer, challenge, isAlone: true })))
          return undefined;
        await entry.assertOpen(tx, { personId, method: 'passkey', attempt });
        return sessions.begin(tx, { personId, method: 'passkey', attempt });
      });
      return begun ?? refuse(deps, personId, attempt);
    },
  };
}
