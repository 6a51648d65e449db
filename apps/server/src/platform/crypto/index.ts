/** Encryption of single values, keyed hashes, signed tokens, and the master key that all of them come from. */

export type { Place } from './envelope.ts';
export { cryptoErrors } from './errors.ts';
export { createKeyring, type Keyring, type KeyringOptions } from './keyring.ts';
export {
  addMasterKey,
  dropOlderMasterKeys,
  loadMasterKeys,
  type MasterKeys,
  parseMasterKey,
  parseMasterKeys,
} from './master-key.ts';
export { randomName } from './random-name.ts';
export { assertOpensRoot, openKeyring } from './root.ts';
export {
  assertKnownEverywhere,
  connectionName,
  countByKey,
  followMasterKey,
  type KeyUse,
  listSealedColumns,
  type RotationProgress,
  rotateMasterKey,
} from './rotation.ts';
export { Secret } from './secret.ts';
export { createTokenSigner, type TokenSigner, type TokenVerdict } from './tokens.ts';
