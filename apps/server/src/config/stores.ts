/** Settings of where secrets lie, and how old they may be. */
import { z } from 'zod';
import { baseUrl, type SettingDoc, whole } from './schemas.ts';

// As the tools of Vault and AWS name them, so that what is set for these holds here too.
const credential = z.string().min(1).max(8_192).optional();

export const STORE_SETTINGS = [
  {
    name: 'SECRETS_ROTATE_DAYS',
    fallback: '90',
    bounds: '1–3650',
    effect:
      'A secret that has been in use for longer is due for rotation: `/ready`, `guildhall doctor` and the log say so.',
    schema: whole(1, 3_650, 90),
  },
  {
    name: 'SECRETS_REFRESH_SECONDS',
    fallback: '60',
    bounds: '5–86400',
    effect:
      'How often secrets that lie in files or stores are read again. A new value is tried where that can be done, and then counts without a restart.',
    schema: whole(5, 86_400, 60),
  },
  {
    name: 'VAULT_ADDR',
    fallback: 'no Vault',
    bounds: 'http(s) URL; may be private',
    effect: 'The Vault or OpenBao that secrets written as vault:MOUNT/PATH#FIELD are read from (KV version 2).',
    schema: baseUrl.optional(),
  },
  {
    name: 'VAULT_NAMESPACE',
    fallback: 'none',
    bounds: 'a namespace',
    effect: 'The namespace of Vault that is asked.',
    schema: z.string().max(512).optional(),
  },
  {
    name: 'VAULT_TOKEN',
    fallback: 'AppRole',
    bounds: 'a token of Vault, or a file that holds one',
    effect: 'What Vault is asked with.',
    schema: credential,
    secret: 'token',
  },
  {
    name: 'VAULT_ROLE_ID',
    fallback: 'none',
    bounds: 'the id of an AppRole',
    effect: 'With VAULT_SECRET_ID: logs in to Vault where no VAULT_TOKEN is set.',
    schema: credential,
  },
  {
    name: 'VAULT_SECRET_ID',
    fallback: 'none',
    bounds: 'the secret of an AppRole, or a file that holds it',
    effect: 'With VAULT_ROLE_ID: logs in to Vault where no VAULT_TOKEN is set.',
    schema: credential,
    secret: 'password',
  },
  {
    name: 'AWS_REGION',
    fallback: 'no AWS',
    bounds: 'a region, such as eu-central-1',
    effect: 'Where secrets written as aws:NAME or aws:NAME#FIELD are read from (AWS Secrets Manager).',
    schema: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/, 'must be the name of a region')
      .optional(),
  },
  {
    name: 'AWS_ACCESS_KEY_ID',
    fallback: 'none',
    bounds: 'the id of an access key, or a file that holds it',
    effect: 'What AWS is asked with. It changes with the secret of the key, so it may lie beside it.',
    schema: credential,
    secret: 'key',
  },
  {
    name: 'AWS_SECRET_ACCESS_KEY',
    fallback: 'none',
    bounds: 'the secret of the access key, or a file that holds it',
    effect: 'What AWS is asked with.',
    schema: credential,
    secret: 'key',
  },
  {
    name: 'AWS_SESSION_TOKEN',
    fallback: 'none',
    bounds: 'the token of a session, or a file that holds it',
    effect: 'What AWS is asked with where the access key is a temporary one.',
    schema: credential,
    secret: 'token',
  },
  {
    name: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
    fallback: 'https://secretsmanager.REGION.amazonaws.com',
    bounds: 'http(s) URL; may be private',
    effect: 'Another address of AWS Secrets Manager, such as a VPC endpoint.',
    schema: baseUrl.optional(),
  },
] as const satisfies readonly SettingDoc[];

export interface StoreSettings {
  readonly secretsRotateDays: number;
  readonly secretsRefreshMs: number;
}

/** From values that the schemas above have parsed. Addresses and logins of the stores are used while settings are read, and not after. */
export function storesFrom(read: <T>(name: (typeof STORE_SETTINGS)[number]['name']) => T): StoreSettings {
  return {
    secretsRotateDays: read<number>('SECRETS_ROTATE_DAYS'),
    secretsRefreshMs: read<number>('SECRETS_REFRESH_SECONDS') * 1_000,
  };
}
