/** The waiting list, as strangers meet it. Nothing that is answered tells whether an address is known. */
import { isUniqueViolation, type Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { mailText } from '../mail/index.ts';
import { paced } from '../people/pace.ts';
import { emailOf } from '../people/sign-up.ts';
import type { Locale } from '../people/types.ts';
import type { Attempt, Guard, IdentityDeps } from '../types.ts';
import { betaErrors } from './errors.ts';
import { confirmWaiting, findWaiting, pruneWaiting, putWaiting } from './store.ts';

export interface WaitingList {
  /** Mails a link that confirms the address; only then is it in the line. @throws 422 `people.invalid-email`, 429 */
  join(input: { readonly email: string; readonly locale: Locale }, attempt: Attempt): Promise<void>;
  /** A second time changes nothing. @throws 410 `beta.invalid-link` */
  confirm(token: string, requestId: string): Promise<void>;
  prune(): Promise<number>;
}

const PURPOSE = 'waiting-list';
const TOKEN_BYTES = 32;
const KEEP = { unconfirmed: '7 days', invited: '90 days' };

export interface WaitingDeps extends IdentityDeps {
  readonly guard: Guard;
}

export function createWaitingList(deps: WaitingDeps): WaitingList {
  const { db, ids, clock, keyring, random, audit, mailQueue, publicUrl, guard } = deps;

  const record = (tx: Tx, personId: string, action: string, requestId: string) =>
    audit.append(tx, {
      orgId: personId,
      actorType: 'member',
      actorId: personId,
      requestId,
      action,
      targetType: 'waiting',
      targetId: personId,
    });

  return {
    join: (input, attempt) => {
      const email = emailOf(input.email);
      return paced(clock, async () => {
        await guard.admit('mail', attempt);
        const known = await db.system((tx) => findWaiting(tx, { emailFolded: email.folded }));
        const personId = known ?? ids.make('usr');
        const token = Buffer.from(random(TOKEN_BYTES)).toString('base64url');
        const { locale } = input;
        try {
          await db.tenant(personId, async (tx) => {
            const tokenHash = keyring.mac(PURPOSE, token);
            await putWaiting(tx, { personId, email: email.written, emailFolded: email.folded, locale, tokenHash });
            await mailQueue.enqueue(tx, personId, {
              to: email.written,
              idempotencyKey: ids.make('lnk'),
              ...mailText('waiting-list', locale, {
                name: email.written,
                url: `${publicUrl()}/auth/waiting-list#token=${token}`,
              }),
            });
            await record(tx, personId, 'waiting-list.join', attempt.requestId);
          });
        } catch (error) {
          // Another one with this address was faster by a moment, and its mail is on the way.
          if (!isUniqueViolation(error, 'waiting_email_folded_key')) throw error;
        }
      });
    },
    async confirm(token, requestId) {
      const personId = await db.system((tx) => findWaiting(tx, { hashes: keyring.macs(PURPOSE, token) }));
      if (personId === undefined) throw new GuildhallError(betaErrors.invalidLink);
      await db.tenant(personId, async (tx) => {
        if (await confirmWaiting(tx, personId)) await record(tx, personId, 'waiting-list.confirm', requestId);
      });
    },
    prune: () => db.system((tx) => pruneWaiting(tx, KEEP)),
  };
}
