/** What an operator does: codes, and letting in whoever waits. In a transaction of the operator's organisation. */
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { mailText } from '../mail/index.ts';
import { asOrganisation } from '../store.ts';
import type { IdentityDeps } from '../types.ts';
import { CODE_PURPOSE, foldCode } from './admission.ts';
import { betaErrors } from './errors.ts';
import { insertCode, listCodes, listWaiting, markInvited, revokeCode } from './store.ts';
import type { Code, Operator, Waiting } from './types.ts';

export interface Codes {
  create(
    tx: Tx,
    by: Operator,
    input: { readonly note: string; readonly usesMax: number; readonly expiresAt: Date | undefined },
  ): Promise<{ readonly code: Code; readonly secret: string }>;
  /** Newest first, ended ones included. */
  list(tx: Tx, page: { readonly beforeId: string | undefined; readonly limit: number }): Promise<readonly Code[]>;
  /** @throws 404 `beta.not-found` */
  revoke(tx: Tx, by: Operator, id: string): Promise<void>;
  /** Mails a code of their own to the first so many, or to those named; tells how many. Who was invited already is left out. */
  inviteWaiting(
    tx: Tx,
    by: Operator,
    whom: { readonly count?: number | undefined; readonly ids?: readonly string[] | undefined },
  ): Promise<number>;
}

// Crockford's alphabet: no letter is read for another. 60 bits; whoever signs up is slowed down to three tries a minute.
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const CODE_CHARS = 12;
const WAITING_CODE_MS = 14 * 86_400_000;

export function createCodes(deps: IdentityDeps): Codes {
  const { db, ids, clock, keyring, random, audit, mailQueue, publicUrl } = deps;

  const mint = (): string =>
    Array.from(random(CODE_CHARS), (byte) => ALPHABET.charAt(byte & 31))
      .join('')
      .replaceAll(/(.{4})(?=.)/g, '$1-');

  const make = async (
    tx: Tx,
    by: Operator,
    input: { note: string; usesMax: number; expiresAt: Date | undefined; emailFolded?: string },
  ): Promise<{ code: Code; secret: string }> => {
    const secret = mint();
    const { note, usesMax, expiresAt, emailFolded } = input;
    const codeHash = keyring.mac(CODE_PURPOSE, foldCode(secret));
    const code = await insertCode(tx, {
      id: ids.make('cod'),
      codeHash,
      note,
      usesMax,
      expiresAt,
      emailFolded,
      createdBy: by.id,
    });
    return { code, secret };
  };

  const record = (tx: Tx, by: Operator, action: string, target: { id?: string; data?: Record<string, number> }) =>
    audit.append(tx, {
      orgId: by.orgId,
      actorType: by.type,
      actorId: by.id,
      requestId: by.requestId,
      action,
      targetType: 'sign-up-code',
      targetId: target.id,
      data: target.data,
    });

  /** As the person to be, whose mail it is. */
  const invite = async (tx: Tx, by: Operator, one: Waiting): Promise<boolean> => {
    if (!(await asOrganisation(tx, one.personId, () => markInvited(tx, one.personId)))) return false;
    const expiresAt = new Date(clock.now().getTime() + WAITING_CODE_MS);
    const { emailFolded, email, locale, personId } = one;
    const { secret } = await make(tx, by, { note: 'waiting list', usesMax: 1, expiresAt, emailFolded });
    await asOrganisation(tx, personId, () =>
      mailQueue.enqueue(tx, personId, {
        to: email,
        idempotencyKey: ids.make('lnk'),
        ...mailText('beta-invitation', locale, {
          name: email,
          url: `${publicUrl()}/auth/sign-up#invitation=${secret}`,
          code: secret,
        }),
      }),
    );
    return true;
  };

  return {
    async create(tx, by, input) {
      const made = await make(tx, by, input);
      await record(tx, by, 'sign-up-code.create', { id: made.code.id, data: { usesMax: input.usesMax } });
      return made;
    },
    list: (tx, page) => listCodes(tx, page),
    async revoke(tx, by, id) {
      if (!(await revokeCode(tx, id))) throw new GuildhallError(betaErrors.notFound);
      await record(tx, by, 'sign-up-code.revoke', { id });
    },
    async inviteWaiting(tx, by, { count, ids: named }) {
      const line = await db.system((system) => listWaiting(system, { ids: named, limit: count ?? named?.length ?? 0 }));
      let invited = 0;
      for (const one of line) if (await invite(tx, by, one)) invited += 1;
      await record(tx, by, 'waiting-list.invite', { data: { invited } });
      return invited;
    },
  };
}
