/**
 * The root: 32 random bytes that hashes, tokens and passwords of roles are made from. It lies in the database, sealed under the master
 * key like every other secret, so a new master key changes none of them. The key that the root lies under is the one that seals.
 */
import { randomBytes } from 'node:crypto';
import { asOwnerAlone, type OwnerUrl, withOwner } from '../db/index.ts';
import { GuildhallError } from '../errors/index.ts';
import { keyIdOf, type Place } from './envelope.ts';
import { cryptoErrors } from './errors.ts';
import { createKeyring, type Keyring } from './keyring.ts';
import type { MasterKeys } from './master-key.ts';

const ROOT_BYTES = 32;
const ROOT_PLACE: Place = { orgId: '', table: 'platform.root_key', column: 'sealed', rowId: 'root' };

const MAKE_TABLE = `create schema if not exists platform;
  create table if not exists platform.root_key (id text primary key check (id = 'root'), sealed bytea not null)`;

const sealedOf = ([row]: readonly unknown[]): Buffer | undefined =>
  typeof row === 'object' && row !== null && 'sealed' in row && Buffer.isBuffer(row.sealed) ? row.sealed : undefined;

async function readOrMake(ownerUrl: OwnerUrl, masters: Keyring): Promise<Buffer> {
  return asOwnerAlone(ownerUrl, async (query) => {
    await query(MAKE_TABLE);
    const made = masters.encrypt(ROOT_PLACE, randomBytes(ROOT_BYTES));
    await query("insert into platform.root_key values ('root', $1) on conflict do nothing", [made]);
    return sealedOf(await query('select sealed from platform.root_key')) ?? made;
  });
}

/**
 * The keyring of an installation, on its root, which the first call makes. Comes before migrations, because the passwords of the roles
 * that these make are from it. Safe when called by several processes at once.
 * @throws crypto.wrong-master-key when the database belongs to a master key that is not known.
 */
export async function openKeyring(ownerUrl: OwnerUrl, { keys, reload }: MasterKeys): Promise<Keyring> {
  const [masterKey, ...previousKeys] = keys;
  if (!masterKey) throw new GuildhallError(cryptoErrors.masterKey);
  const masters = { masterKey, previousKeys, ...(reload ? { reload } : {}) };
  const opener = createKeyring(masters);
  const sealed = await readOrMake(ownerUrl, opener);
  try {
    const root = opener.decrypt(ROOT_PLACE, sealed);
    const sealingKeyId = keyIdOf(sealed);
    return createKeyring({ ...masters, root, ...(sealingKeyId ? { sealingKeyId } : {}) });
  } catch (cause) {
    if (!(cause instanceof GuildhallError)) throw cause;
    throw new GuildhallError(cryptoErrors.wrongMasterKey, { cause });
  }
}

/** Whether these keys open the root of that database. @throws crypto.unreadable, or what the database says. */
export async function assertOpensRoot(
  ownerUrl: OwnerUrl,
  keys: Pick<Keyring, 'decrypt'> | readonly Buffer[],
): Promise<void> {
  const rows = await withOwner(
    ownerUrl,
    async (client) => (await client.query('select sealed from platform.root_key')).rows,
  );
  const sealed = sealedOf(rows);
  if (!sealed) throw new GuildhallError(cryptoErrors.unreadable, { internal: 'no root' });
  if ('decrypt' in keys) {
    keys.decrypt(ROOT_PLACE, sealed);
    return;
  }
  const [masterKey, ...previousKeys] = keys;
  if (!masterKey) throw new GuildhallError(cryptoErrors.masterKey);
  createKeyring({ masterKey, previousKeys }).decrypt(ROOT_PLACE, sealed);
}
