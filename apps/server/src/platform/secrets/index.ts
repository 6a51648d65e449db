/** Where secrets lie that do not stand in the settings themselves: files, Vault, AWS Secrets Manager. */
export { type AwsOptions, createAwsReader } from './aws.ts';
export { createInventory, type Inventory, type InventoryEntry, type KnownSecret } from './inventory.ts';
export { createSecretReader, type SecretRead, type SecretReader } from './reader.ts';
export { MalformedReference, parseReference, type Reference, type Store } from './reference.ts';
export { SecretFault } from './types.ts';
export { createVaultReader, type VaultOptions } from './vault.ts';
