/** Whether what somebody shows is true. What is good is used up in the same transaction. */
import type { Tx } from '../../../platform/db/index.ts';
import type { Person } from '../people/types.ts';
import { type FactorDeps, recordFactor } from './deps.ts';
import { hashCode } from './recovery.ts';
import { countRecoveryCodes, findSalt, findTotp, listPasskeys, usePasskey, useRecoveryCode, useStep } from './store.ts';
import { findStep } from './totp.ts';
import type { PasskeyRow, Proof } from './types.ts';

type Deps = Pick<FactorDeps, 'clock' | 'keyring' | 'passkeys' | 'links' | 'audit'>;

/** Where the secret of a code generator lies. */
export const placeOf = (personId: string, rowId: string) => ({
  orgId: personId,
  table: 'identity.factor',
  column: 'secret',
  rowId,
});

/** Uses up a code of this generator; false for a wrong one and for one that was used. */
export async function useCode(
  { clock, keyring }: Pick<Deps, 'clock' | 'keyring'>,
  tx: Tx,
  personId: string,
  { id, secret, code }: { readonly id: string; readonly secret: Buffer; readonly code: string },
): Promise<boolean> {
  const step = findStep(keyring.decrypt(placeOf(personId, id), secret), code, clock.now());
  return step !== undefined && useStep(tx, id, step);
}

/** True for an answer of this very passkey to the challenge. A copy of it, which counts behind, is refused. */
export async function useAnswer(
  { passkeys }: Pick<Deps, 'passkeys'>,
  tx: Tx,
  known: readonly PasskeyRow[],
  given: {
    readonly answer: Extract<Proof, { readonly type: 'passkey' }>['answer'];
    readonly challenge: string;
    readonly isAlone: boolean;
  },
): Promise<boolean> {
  const passkey = known.find(({ credentialId }) => credentialId.toString('base64url') === given.answer.id);
  if (!passkey) return false;
  const counter = await passkeys.verify({ ...given, passkey });
  return counter !== undefined && usePasskey(tx, passkey.id, counter);
}

async function useRecovery(
  deps: Deps,
  tx: Tx,
  person: Person,
  { code, requestId }: { readonly code: string; readonly requestId: string },
): Promise<boolean> {
  const personId = person.id;
  const salt = await findSalt(tx, personId);
  if (!salt || !(await useRecoveryCode(tx, personId, await hashCode(code, salt)))) return false;
  const left = await countRecoveryCodes(tx, personId);
  await deps.links.mail(tx, { ...person, personId }, 'recovery-code-used', { count: left });
  await recordFactor(deps, tx, { personId, requestId }, { action: 'recovery-code.use', data: { left } });
  return true;
}

/** In the person's transaction. False, and nothing is used up, for what is not true. */
export async function prove(
  deps: Deps,
  tx: Tx,
  person: Person,
  { proof, challenge, requestId }: { readonly proof: Proof; readonly challenge: string; readonly requestId: string },
): Promise<boolean> {
  if (proof.type === 'passkey')
    return useAnswer(deps, tx, await listPasskeys(tx), { answer: proof.answer, challenge, isAlone: false });
  if (proof.type === 'recovery-code') return useRecovery(deps, tx, person, { code: proof.code, requestId });
  const totp = await findTotp(tx, { isConfirmed: true });
  return totp !== undefined && useCode(deps, tx, person.id, { ...totp, code: proof.code });
}
