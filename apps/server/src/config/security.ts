/** Settings of what is refused: whether this is production, and who may call from a browser. */
import { z } from 'zod';
import { origins, publicKeys, type SettingDoc } from './schemas.ts';

export const SECURITY_SETTINGS = [
  {
    name: 'NODE_ENV',
    fallback: 'a laptop',
    bounds: '`production`, or anything else',
    effect:
      'In `production` a start refuses missing, weak and example secrets, open CORS, and addresses without TLS or password, naming each (docs/access/secrets.md).',
    schema: z.string().optional(),
  },
  {
    name: 'CORS_ORIGINS',
    fallback: 'none',
    bounds: 'origins, comma-separated; `*` outside of production',
    effect: 'Pages of these origins may call the API from a browser. Each is compared exactly.',
    schema: origins,
  },
  {
    name: 'LEAK_SCANNERS',
    fallback: 'none',
    bounds: 'public keys of ECDSA P-256 in base64 (SPKI), comma-separated',
    effect: 'Secret scanners that sign with one of these may report leaked API keys (docs/access/api-keys.md).',
    schema: publicKeys,
  },
] as const satisfies readonly SettingDoc[];

export interface SecuritySettings {
  readonly isProduction: boolean;
  /** Exact origins; `*` stands for any and is never together with credentials. */
  readonly corsOrigins: readonly string[];
  /** Public keys of secret scanners: base64 of SPKI. */
  readonly leakScannerKeys: readonly string[];
}

/** From values that the schemas above have parsed. */
export function securityFrom(read: <T>(name: (typeof SECURITY_SETTINGS)[number]['name']) => T): SecuritySettings {
  return {
    isProduction: read<string | undefined>('NODE_ENV') === 'production',
    corsOrigins: read<string[]>('CORS_ORIGINS'),
    leakScannerKeys: read<string[]>('LEAK_SCANNERS'),
  };
}
