/** The secrets that this process works with: those of the settings, and those the program made for itself. */
import type { Foundation } from './foundation.ts';
import { roleGeneration } from './platform/db/index.ts';
import type { MailQueue } from './platform/mail/index.ts';
import { createInventory, type Inventory, type KnownSecret } from './platform/secrets/index.ts';

// Former keys are no longer used for anything new, and the key of the command line belongs to whoever runs it.
const LEFT_OUT = new Set(['GUILDHALL_MASTER_KEYS_PREVIOUS', 'GUILDHALL_API_KEY', 'GUILDHALL_MASTER_KEY']);

/** Never the values of customers: their keys, endpoints and accounts belong to them. */
async function knownSecrets({ settings, keyring, db, postgres }: Foundation): Promise<readonly KnownSecret[]> {
  const given = settings.secrets.settings
    .filter(({ name }) => !LEFT_OUT.has(name))
    .map(({ name, kind, from, value }) => ({ name, kind, from, owner: 'operator' as const, value: value.reveal() }));
  const [masterKeyId] = keyring.keyIds();
  const masterFrom = settings.secrets.settings.find(({ name }) => name === 'GUILDHALL_MASTER_KEY')?.from;
  const own: KnownSecret[] = [];
  if (masterKeyId)
    own.push({
      name: 'master key',
      kind: 'key',
      owner: masterFrom === undefined ? 'guildhall' : 'operator',
      from: masterFrom ?? 'master.key',
      value: masterKeyId.toString('hex'),
    });
  own.push({
    name: 'database roles',
    kind: 'password',
    owner: 'guildhall',
    from: 'derived',
    value: String(await roleGeneration(db)),
  });
  if (postgres)
    own.push({
      name: 'embedded PostgreSQL',
      kind: 'password',
      owner: 'guildhall',
      from: 'access.json',
      // The rest of the address changes with the place of the folder.
      value: URL.parse(postgres.ownerUrl()[0] ?? '')?.password ?? '',
    });
  return [...given, ...own];
}

/** @param signingKeyId names the key that signs access tokens, once there is one. */
export const openInventory = (
  foundation: Foundation,
  signingKeyId: () => Promise<string | undefined> = async () => undefined,
): Inventory =>
  createInventory({
    db: foundation.db,
    keyring: foundation.keyring,
    rotateDays: foundation.settings.secretsRotateDays,
    known: async () => {
      const value = await signingKeyId();
      const known = await knownSecrets(foundation);
      return value === undefined
        ? known
        : [...known, { name: 'signing key', kind: 'key', owner: 'guildhall', from: 'database', value }];
    },
  });

// Time for a person to plan it.
const REMIND_DAYS = 14;
// The mails about this installation belong to no organisation.
const OPERATOR = 'operator';

export interface ReminderDeps extends Pick<Foundation, 'db' | 'log' | 'settings'> {
  readonly inventory: Inventory;
  readonly mailQueue: MailQueue;
}

/** Tells the operator: each time in the log of what is due, and by one mail of what soon is; another when more comes near, or after a month. */
export async function remindOfSecrets({ inventory, mailQueue, db, log, settings }: ReminderDeps): Promise<void> {
  const entries = await inventory.list();
  for (const { name, rotatedAt, isDue } of entries)
    if (isDue) log.warn('a secret is due for rotation', { setting: name, inUseSince: rotatedAt });
  const near = entries.filter(({ daysLeft }) => daysLeft < REMIND_DAYS);
  const to = settings.operatorEmail;
  if (near.length === 0 || to === undefined) return;
  const lines = near.map(
    ({ name, rotatedAt, dueAt }) => `  ${name}: in use since ${dayOf(rotatedAt)}, to be changed by ${dayOf(dueAt)}`,
  );
  const text = [
    'These secrets are to be changed:',
    '',
    ...lines,
    '',
    'How, while everything runs: docs/access/secrets.md',
    '',
  ].join('\n');
  const idempotencyKey = `secrets-due:${near.map(({ name }) => name).join(',')}`;
  await db.tenant(OPERATOR, (tx) =>
    mailQueue.enqueue(tx, OPERATOR, { to, subject: 'Secrets are to be changed', text, idempotencyKey }),
  );
}

const dayOf = (date: Date): string => date.toISOString().slice(0, 10);
