/** The guard as sign-in sees it: tries are counted, devices are known, and what is unusual is told to the person, the trail and the session. */
import type { Tx } from '../../../platform/db/index.ts';
import { getPerson } from '../people/account.ts';
import { recordPerson } from '../people/deps.ts';
import { foldedOf } from '../people/email.ts';
import type { Person } from '../people/types.ts';
import type { Attempt, Guard } from '../types.ts';
import { createDeviceTokens, type DeviceTokens } from './devices.ts';
import { createGuesses, type Guesses } from './guesses.ts';
import { type Reason, reasonsFor, riskOf } from './risk.ts';
import { endDevices, findVisits, insertDevice, setRisk, touchDevice } from './store.ts';
import type { GuardDeps } from './types.ts';

const USER_AGENT_MAX = 300;

interface Parts {
  readonly guesses: Guesses;
  readonly tokens: DeviceTokens;
}

export function createGuard(deps: GuardDeps): Guard {
  const tokens = createDeviceTokens(deps);
  const guesses = createGuesses(deps, tokens);
  const { admit, clear } = guesses;
  return { admit, clear, ...failures(deps, guesses), noteSuccess: success(deps, { guesses, tokens }) };
}

function failures(deps: GuardDeps, guesses: Guesses): Pick<Guard, 'noteFailure' | 'noteReset'> {
  return {
    async noteFailure(attempt, personId) {
      const failed = await guesses.fail(attempt, personId);
      if (failed === 0 || personId === undefined) return;
      await deps.db.tenant(personId, async (tx) => {
        const person = await getPerson(tx, personId);
        await deps.links.mail(tx, { ...person, personId }, 'failed-sign-ins', { count: failed });
        const { requestId } = attempt;
        await recordPerson(deps, tx, { personId, action: 'session.failures', requestId, data: { failures: failed } });
      });
    },
    async noteReset(tx, personId) {
      await endDevices(tx, undefined);
      await guesses.clearAll(foldedOf(await getPerson(tx, personId)), personId);
    },
  };
}

function success(deps: GuardDeps, { guesses, tokens }: Parts): Guard['noteSuccess'] {
  const { ids, countryOf } = deps;

  /** A token for the device, where it was not known; and whether the person has come from others before. */
  const meet = async (tx: Tx, attempt: Attempt, personId: string) => {
    const known = await guesses.knownDevice({ ...attempt, email: '' }, personId);
    if (known !== undefined && (await touchDevice(tx, known))) return { deviceToken: undefined, isNewDevice: false };
    const id = ids.make('dev');
    const userAgent = attempt.userAgent.slice(0, USER_AGENT_MAX);
    const isFirst = await insertDevice(tx, { id, personId, userAgent });
    return { deviceToken: tokens.add(attempt.device, { id, personId }), isNewDevice: !isFirst };
  };

  const tell = async (tx: Tx, attempt: Attempt, person: Person, reasons: readonly Reason[]): Promise<void> => {
    const personId = person.id;
    const risk = riskOf(reasons);
    await deps.links.mail(tx, { ...person, personId }, 'unusual-sign-in', { reasons, ip: attempt.ip });
    const { requestId } = attempt;
    const data = { risk, reasons: reasons.join(' ') };
    await recordPerson(deps, tx, { personId, action: 'session.unusual', requestId, data });
  };

  return async (tx, attempt, { personId, sessionId }) => {
    const person = await getPerson(tx, personId);
    const hadFailures = await guesses.clearOf({ ...attempt, email: foldedOf(person) }, personId);
    const { deviceToken, isNewDevice } = await meet(tx, attempt, personId);
    const place = countryOf?.(attempt.ip);
    const visits = place ? await findVisits(tx, sessionId, place.country) : { last: undefined, wasThere: false };
    const reasons = reasonsFor({ isNewDevice, hadFailures, place, ...visits });
    await setRisk(tx, sessionId, { risk: riskOf(reasons), place });
    if (reasons.length > 0) await tell(tx, attempt, person, reasons);
    return deviceToken;
  };
}
