/**
 * Slows down those who guess. Tries are counted by account and lane: a lane is a network, or a device that the person was let in from before. Who
 * burns the tries of one lane leaves the others open, so nobody can keep an owner out of their account; a hundred failures in a row from unknown
 * lanes leave only known devices and links by mail.
 */
import { GuildhallError } from '../../../platform/errors/index.ts';
import { sourceOf } from '../../../platform/http/index.ts';
import type { Attempt, Guard } from '../types.ts';
import type { DeviceTokens } from './devices.ts';
import { guardErrors } from './errors.ts';
import { clearGuesses, failGuess, findDevices, takeGuess } from './store.ts';
import type { GuardDeps } from './types.ts';

const ACCOUNT_PURPOSE = 'guess-account';
const LANE_PURPOSE = 'guess-lane';

type Source = Pick<Attempt, 'ip' | 'device' | 'email'>;

export interface Guesses extends Pick<Guard, 'admit' | 'clear'> {
  /** The device that this person, or whoever has that address, is known by here. */
  knownDevice(attempt: Source, personId: string | undefined): Promise<string | undefined>;
  /** As `clear`; true when the owner was told of failures within a day. */
  clearOf(attempt: Source, personId: string | undefined): Promise<boolean>;
  /** The next try has to wait. 10 or 100 for the one failure that has reached it, else 0. */
  fail(attempt: Source, personId: string | undefined): Promise<number>;
  /** All lanes of an account begin anew. */
  clearAll(email: string, personId: string): Promise<void>;
}

export function createGuesses(deps: GuardDeps, tokens: DeviceTokens): Guesses {
  const { db, keyring } = deps;

  const accountOf = (email: string, personId: string | undefined): Buffer | undefined => {
    if (email !== '') return keyring.mac(ACCOUNT_PURPOSE, `email\u0000${email}`);
    return personId === undefined ? undefined : keyring.mac(ACCOUNT_PURPOSE, `person\u0000${personId}`);
  };
  const laneOf = (device: string | undefined, ip: string): Buffer =>
    keyring.mac(LANE_PURPOSE, device === undefined ? `network\u0000${sourceOf(ip)}` : `device\u0000${device}`);

  const knownDevice: Guesses['knownDevice'] = async (attempt, personId) => {
    const ids = tokens.idsIn(attempt.device);
    if (ids.length === 0) return undefined;
    const found = await db.system((tx) => findDevices(tx, { email: attempt.email, personId }, ids));
    return found.find((one) => tokens.isSigned(attempt.device, one))?.id;
  };

  const clearOf: Guesses['clearOf'] = async (attempt, personId) => {
    const account = accountOf(attempt.email, personId);
    if (!account) return false;
    const device = await knownDevice(attempt, personId);
    return db.system((tx) => clearGuesses(tx, account, laneOf(device, attempt.ip)));
  };

  return {
    knownDevice,
    clearOf,
    async admit(kind, attempt, personId) {
      // How many mails and sign-ups a network may ask for, its routes say.
      const account = kind === 'sign-in' ? accountOf(attempt.email, personId) : undefined;
      const device = account && (await knownDevice(attempt, personId));
      if (attempt.overLimit && device === undefined) throw attempt.overLimit;
      if (!account) return;
      const isKnown = device !== undefined;
      const verdict = await db.system((tx) => takeGuess(tx, { account, lane: laneOf(device, attempt.ip), isKnown }));
      if (verdict.type === 'locked') throw new GuildhallError(guardErrors.locked);
      if (verdict.type === 'wait')
        throw new GuildhallError(guardErrors.slowDown, {
          members: { retryAfterSeconds: Math.ceil(verdict.waitMs / 1_000) },
        });
    },
    clear: async (attempt, personId) => {
      await clearOf(attempt, personId);
    },
    async fail(attempt, personId) {
      const account = accountOf(attempt.email, personId);
      if (!account) return 0;
      const device = await knownDevice(attempt, personId);
      const guess = { account, lane: laneOf(device, attempt.ip), isKnown: device !== undefined };
      return db.system((tx) => failGuess(tx, guess));
    },
    async clearAll(email, personId) {
      for (const account of [accountOf(email, undefined), accountOf('', personId)])
        if (account) await db.system((tx) => clearGuesses(tx, account, undefined));
    },
  };
}
