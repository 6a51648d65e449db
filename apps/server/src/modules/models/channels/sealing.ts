/** Keys of providers as envelopes. What is sealed is the key together with its address: whoever changes the address in the database has no key for it. */
import { cryptoErrors, type Keyring, type Place } from '../../../platform/crypto/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';

export const providerPlace = (id: string): Place => ({
  orgId: '',
  table: 'models.provider',
  column: 'sealed',
  rowId: id,
});

export const keyPlace = (orgId: string, id: string): Place => ({
  orgId,
  table: 'models.provider_key',
  column: 'sealed',
  rowId: id,
});

// Neither an address nor a key holds one.
const BETWEEN = '\n';

export const sealKey = (keyring: Pick<Keyring, 'encrypt'>, place: Place, baseUrl: string, key: string): Buffer =>
  keyring.encrypt(place, `${baseUrl}${BETWEEN}${key}`);

interface Stored {
  readonly baseUrl: string;
  readonly sealed: Buffer | undefined;
}

/** The key; undefined where none is stored. @throws crypto.unreadable also when the address is not the one it was sealed for. */
export function openKey(
  keyring: Pick<Keyring, 'decrypt'>,
  place: Place,
  { baseUrl, sealed }: Stored,
): string | undefined {
  if (!sealed) return undefined;
  const [address, key] = keyring.decrypt(place, sealed).toString('utf8').split(BETWEEN);
  if (key === undefined || address !== baseUrl)
    throw new GuildhallError(cryptoErrors.unreadable, { internal: `the key of ${place.rowId} is for another address` });
  return key;
}
