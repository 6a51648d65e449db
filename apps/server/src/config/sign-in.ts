/** Settings of the accounts elsewhere that people may sign in with. Each counts once its client id and its secret are both set. */
import { z } from 'zod';
import type { Secret } from '../platform/crypto/index.ts';
import { baseUrl, type SettingDoc, secret } from './schemas.ts';

const GITHUB = 'https://github.com';
const NAME = 'OpenID';

const clientId = z
  .string()
  .regex(/^[\x21-\x7e]{1,500}$/, 'must be printable, without spaces')
  .optional();

const idOf = (provider: string) => ({
  fallback: `nobody signs in with ${provider}`,
  bounds: '1–500 printable characters',
  effect: `The client id that ${provider} gave for this installation. Register the redirect address that docs/access/single-sign-on.md names.`,
  schema: clientId,
});
const secretOf = (provider: string) => ({
  fallback: `nobody signs in with ${provider}`,
  bounds: '8–1024 printable characters',
  effect: `The client secret that ${provider} gave for this installation.`,
  schema: secret.optional(),
  secret: 'password' as const,
});

export const SIGN_IN_SETTINGS = [
  { name: 'GOOGLE_SIGN_IN_CLIENT_ID', ...idOf('Google') },
  { name: 'GOOGLE_SIGN_IN_CLIENT_SECRET', ...secretOf('Google') },
  { name: 'GITHUB_SIGN_IN_CLIENT_ID', ...idOf('GitHub') },
  { name: 'GITHUB_SIGN_IN_CLIENT_SECRET', ...secretOf('GitHub') },
  {
    name: 'GITHUB_SIGN_IN_URL',
    fallback: GITHUB,
    bounds: 'http(s) URL; may be private',
    effect: 'A GitHub Enterprise Server to sign in with instead of github.com.',
    schema: baseUrl.default(GITHUB),
  },
  {
    name: 'OIDC_SIGN_IN_ISSUER',
    fallback: 'nobody signs in with a provider of your own',
    bounds: 'http(s) URL; may be private; https in production',
    effect: 'An OpenID provider of your own that everybody may sign in with.',
    schema: z.url({ protocol: /^https?$/ }).optional(),
  },
  { name: 'OIDC_SIGN_IN_CLIENT_ID', ...idOf('OIDC_SIGN_IN_ISSUER') },
  { name: 'OIDC_SIGN_IN_CLIENT_SECRET', ...secretOf('OIDC_SIGN_IN_ISSUER') },
  {
    name: 'OIDC_SIGN_IN_NAME',
    fallback: NAME,
    bounds: '1–60 characters',
    effect: 'What the provider of OIDC_SIGN_IN_ISSUER is called on the page to sign in.',
    schema: z.string().min(1).max(60).default(NAME),
  },
] as const satisfies readonly SettingDoc[];

interface Client {
  readonly clientId: string;
  readonly clientSecret: Secret;
}

/** Undefined for what is not set up. */
export interface SignInProviderSettings {
  readonly google: Client | undefined;
  readonly github: (Client & { readonly url: string }) | undefined;
  readonly oidc: (Client & { readonly name: string; readonly issuer: string }) | undefined;
}

/** From values that the schemas above have parsed. */
export function signInFrom(read: <T>(name: (typeof SIGN_IN_SETTINGS)[number]['name']) => T): {
  readonly signIn: SignInProviderSettings;
} {
  const client = (id: string | undefined, given: Secret | undefined): Client | undefined =>
    id === undefined || given === undefined ? undefined : { clientId: id, clientSecret: given };
  const google = client(read('GOOGLE_SIGN_IN_CLIENT_ID'), read('GOOGLE_SIGN_IN_CLIENT_SECRET'));
  const github = client(read('GITHUB_SIGN_IN_CLIENT_ID'), read('GITHUB_SIGN_IN_CLIENT_SECRET'));
  const own = client(read('OIDC_SIGN_IN_CLIENT_ID'), read('OIDC_SIGN_IN_CLIENT_SECRET'));
  const issuer = read<string | undefined>('OIDC_SIGN_IN_ISSUER');
  return {
    signIn: {
      google,
      github: github && { ...github, url: read('GITHUB_SIGN_IN_URL') },
      oidc: own && issuer !== undefined ? { ...own, issuer, name: read('OIDC_SIGN_IN_NAME') } : undefined,
    },
  };
}
