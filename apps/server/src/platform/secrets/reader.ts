/** Reads secrets from wherever they lie, each document once, and says of each that cannot be read why. */
import { readSecretFile } from './file.ts';
import type { Reference, Store } from './reference.ts';
import { type ReadDocument, type SecretDocument, SecretFault } from './types.ts';

export type SecretRead = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly fault: string };

export interface SecretReader {
  /** Asks for all at once. Never throws: what could not be read is told under its name. */
  read(references: ReadonlyMap<string, Reference>): Promise<ReadonlyMap<string, SecretRead>>;
}

export interface SecretReaderOptions {
  /** Undefined where the settings of the store are not given. */
  readonly vault: ReadDocument | undefined;
  readonly aws: ReadDocument | undefined;
}

const MISSING: Readonly<Record<Exclude<Store, 'file'>, string>> = {
  vault: 'no Vault is set: VAULT_ADDR, and VAULT_TOKEN or VAULT_ROLE_ID with VAULT_SECRET_ID',
  aws: 'no AWS is set: AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
};

export function createSecretReader({ vault, aws }: SecretReaderOptions): SecretReader {
  const open = async ({ store, path }: Reference): Promise<SecretDocument> => {
    if (store === 'file') return readSecretFile(path);
    const read = store === 'vault' ? vault : aws;
    if (!read) throw new SecretFault(MISSING[store]);
    return read(path);
  };
  return {
    async read(references) {
      const documents = new Map<string, Promise<SecretDocument>>();
      const documentOf = (reference: Reference): Promise<SecretDocument> => {
        const key = `${reference.store}:${reference.path}`;
        const asked = documents.get(key) ?? open(reference);
        documents.set(key, asked);
        return asked;
      };
      const one = async (reference: Reference): Promise<SecretRead> => {
        try {
          return { ok: true, value: valueIn(await documentOf(reference), reference) };
        } catch (error) {
          if (error instanceof SecretFault) return { ok: false, fault: error.message };
          throw error;
        }
      };
      const read = [...references].map(async ([name, reference]) => [name, await one(reference)] as const);
      return new Map(await Promise.all(read));
    },
  };
}

/** @throws SecretFault when the field is not there or is no text. */
function valueIn(document: SecretDocument, reference: Reference): string {
  const { store, path } = reference;
  const field = store === 'file' ? undefined : reference.field;
  if (field === undefined) {
    if (document.kind === 'text') return document.text;
    throw new SecretFault(`${store}:${path} has fields; name one: ${store}:${path}#FIELD`);
  }
  if (document.kind === 'text') throw new SecretFault(`${store}:${path} has no fields`);
  const value = Object.hasOwn(document.fields, field) ? document.fields[field] : undefined;
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw new SecretFault(`${store}:${path} has no field "${field}" with a text`);
}
