/** Mails about keys, to the people who answer for them. */
import type { Tx } from '../../../platform/db/index.ts';
import { mailText } from '../mail/index.ts';
import type { IdentityDeps, Key } from '../types.ts';
import { type KeyReader, listPeopleOfKey } from './store.ts';

export type KeyMailsDeps = Pick<IdentityDeps, 'db' | 'mailQueue' | 'publicUrl' | 'operatorEmail'>;

/** An organisation that only keys have ever used has nobody to write to: then the operator is told. */
export async function readersOf({ db, operatorEmail }: KeyMailsDeps, key: Key): Promise<readonly KeyReader[]> {
  const people = await db.system((tx) => listPeopleOfKey(tx, key));
  if (people.length > 0 || operatorEmail === undefined) return people;
  return [{ email: operatorEmail, name: 'operator', locale: 'en' }];
}

/** Writes one mail for each reader to the queue, in the key's own transaction. The same `about` is written once. */
export async function mailReaders(
  { mailQueue, publicUrl }: KeyMailsDeps,
  tx: Tx,
  mail: {
    readonly kind: 'key-expiring' | 'key-leaked' | 'key-from-new-network';
    readonly key: Key;
    readonly readers: readonly KeyReader[];
    readonly about: string;
    /** Where it was used from. */
    readonly ip?: string;
  },
): Promise<void> {
  const { kind, key, readers, about } = mail;
  const { name, prefix, last4, expiresAt } = key;
  const from = mail.ip === undefined ? {} : { ip: mail.ip };
  const facts = { url: publicUrl(), key: `${name} (${prefix}…${last4})`, endsAt: expiresAt, ...from };
  for (const [index, reader] of readers.entries())
    await mailQueue.enqueue(tx, key.orgId, {
      to: reader.email,
      idempotencyKey: `${kind}:${key.id}:${about}:${index}`,
      ...mailText(kind, reader.locale, { name: reader.name, ...facts }),
    });
}
