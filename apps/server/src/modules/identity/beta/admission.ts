/** Whether somebody may sign up here, asked when they do and again when they verify. */
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { INVITATION_PURPOSE } from '../members/invitations.ts';
import { findInvitation } from '../members/store.ts';
import type { Email } from '../people/email.ts';
import { peopleErrors } from '../people/errors.ts';
import type { Admission, IdentityDeps, SignUpPolicy } from '../types.ts';
import { betaErrors } from './errors.ts';
import { countPeople, findCode, findTicket, insertTicket, isInvited, useCode } from './store.ts';

export const CODE_PURPOSE = 'sign-up-code';

/** As people type it: without spaces and dashes, and with the letters that are read for others. */
export const foldCode = (text: string): string =>
  text.toLowerCase().replaceAll(/[\s-]/g, '').replaceAll(/[il]/g, '1').replaceAll('o', '0');

export function createAdmission(deps: Pick<IdentityDeps, 'db' | 'keyring'>, policy: SignUpPolicy): Admission {
  const { db, keyring } = deps;

  /** An invitation of an organisation lets in whom it was mailed to. A link does not: it is handed on. */
  const isMailed = async (token: string, email: Email): Promise<boolean> => {
    const found = await db.system((tx) => findInvitation(tx, keyring.macs(INVITATION_PURPOSE, token)));
    return found?.emailFolded === email.folded;
  };

  const assertRoom = async (): Promise<void> => {
    const { peopleMax } = policy;
    if (peopleMax === undefined) return;
    const { people } = await db.system((tx) => countPeople(tx));
    if (people >= peopleMax) throw new GuildhallError(peopleErrors.full);
  };

  return {
    async ask(email, invitation) {
      if (policy.mode === 'closed') throw new GuildhallError(betaErrors.closed);
      await assertRoom();
      if (policy.mode === 'open') return undefined;
      if (invitation === undefined) throw new GuildhallError(betaErrors.invitationNeeded);
      const hashes = keyring.macs(CODE_PURPOSE, foldCode(invitation));
      const codeId = await db.system((tx) => findCode(tx, hashes, email.folded));
      if (codeId === undefined && !(await isMailed(invitation, email)))
        throw new GuildhallError(betaErrors.invalidInvitation);
      return codeId;
    },
    async askProven(email) {
      if (policy.mode === 'closed') throw new GuildhallError(betaErrors.closed);
      if (policy.mode === 'invite' && !(await db.system((tx) => isInvited(tx, email.folded))))
        throw new GuildhallError(betaErrors.invitationNeeded);
    },
    async note(tx: Tx, personId: string, ticket: string | undefined) {
      if (ticket !== undefined) await insertTicket(tx, personId, ticket);
    },
    async use(tx: Tx, personId: string) {
      const codeId = await findTicket(tx, personId);
      if (codeId !== undefined && !(await useCode(tx, codeId))) throw new GuildhallError(betaErrors.codeUsed);
    },
  };
}
