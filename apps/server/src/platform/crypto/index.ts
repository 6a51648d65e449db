/** Encryption of single values, keyed hashes, signed tokens, and the master key that all of them come from. */

export type { Place } from './envelope.ts';
export { cryptoErrors } from './errors.ts';
export { createKeyring, type Keyring, type KeyringOptions } from './keyring.ts';
export { loadMasterKey, parseMasterKey } from './master-key.ts';
export { randomName } from './random-name.ts';
export { Secret } from './secret.ts';
export { createTokenSigner, type TokenSigner, type TokenVerdict } from './tokens.ts';
