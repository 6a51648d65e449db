/** Links in mails: what they hold, how long they live, and that each works once. */
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type MailFacts, type MailKind, mailText } from '../mail/index.ts';
import type { IdentityDeps } from '../types.ts';
import type { Email } from './email.ts';
import { peopleErrors } from './errors.ts';
import { findLink, insertLink, useLink } from './store.ts';
import type { LinkKind, Locale } from './types.ts';

const TOKEN_BYTES = 32;
const TTL_SECONDS: Readonly<Record<LinkKind, number>> = { verify: 86_400, reset: 1_800, magic: 900, email: 86_400 };

const purposeOf = (kind: LinkKind): string => `link-${kind}`;

export interface FoundLink {
  readonly id: string;
  readonly personId: string;
}

/** Whom a mail goes to. */
export interface Reader {
  readonly personId: string;
  readonly email: string;
  readonly name: string;
  readonly locale: Locale;
}

export interface Links {
  /** Makes the address of a page that uses the link up when its reader says so, never by being fetched. In the person's transaction. */
  make(tx: Tx, link: { readonly personId: string; readonly kind: LinkKind; readonly email?: Email }): Promise<string>;
  /** Whose link it is; `use` uses it up. @throws 410 `people.invalid-link` */
  find(token: string, kind: LinkKind): Promise<FoundLink>;
  /** In the person's transaction; of two with one link, one succeeds. @throws 410 `people.invalid-link` */
  use(tx: Tx, link: FoundLink): Promise<Email | undefined>;
  /** Writes a mail to the queue, in the person's transaction; without a link of its own it leads to the account. */
  mail(tx: Tx, to: Reader, kind: MailKind, facts?: Partial<MailFacts>): Promise<void>;
}

type LinksDeps = Pick<IdentityDeps, 'db' | 'ids' | 'keyring' | 'random' | 'mailQueue' | 'publicUrl'>;

export function createLinks({ db, ids, keyring, random, mailQueue, publicUrl }: LinksDeps): Links {
  return {
    async make(tx, { personId, kind, email }) {
      const token = Buffer.from(random(TOKEN_BYTES)).toString('base64url');
      await insertLink(tx, {
        id: ids.make('lnk'),
        personId,
        kind,
        tokenHash: keyring.mac(purposeOf(kind), token),
        ttlSeconds: TTL_SECONDS[kind],
        ...(email ? { email: email.written, emailFolded: email.folded } : {}),
      });
      // Behind the #, so that it reaches no server and no log.
      return `${publicUrl()}/auth/${kind}#token=${token}`;
    },
    async find(token, kind) {
      const found = await db.system((tx) => findLink(tx, keyring.macs(purposeOf(kind), token), kind));
      if (!found) throw new GuildhallError(peopleErrors.invalidLink);
      return found;
    },
    async use(tx, { id }) {
      const used = await useLink(tx, id);
      if (!used) throw new GuildhallError(peopleErrors.invalidLink);
      const { email, emailFolded } = used;
      return email !== undefined && emailFolded !== undefined ? { written: email, folded: emailFolded } : undefined;
    },
    mail: (tx, to, kind, facts = {}) =>
      mailQueue.enqueue(tx, to.personId, {
        to: to.email,
        idempotencyKey: ids.make('lnk'),
        ...mailText(kind, to.locale, { name: to.name, url: `${publicUrl()}/auth/account`, ...facts }),
      }),
  };
}
