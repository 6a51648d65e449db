/** Settings of the ways in and out: the proxies that stand before this server, and the one that it leaves by. */
import { z } from 'zod';
import type { Secret } from '../platform/crypto/index.ts';
import { parseCidr } from '../platform/egress/index.ts';
import type { TrustedProxies } from '../platform/http/index.ts';
import { list, type SettingDoc, secretUrl, whole } from './schemas.ts';

const PROXIES_MAX = 16;

/** Networks as a CIDR list; a number is the count of proxies. */
const trustedProxies = z
  .string()
  .default('0')
  .transform((text, context): TrustedProxies => {
    const parts = text.split(',').map((part) => part.trim());
    if (/^\d{1,2}$/.test(text.trim()) && Number(text) <= PROXIES_MAX) return Number(text);
    try {
      for (const part of parts) parseCidr(part);
    } catch (error) {
      context.addIssue(error instanceof Error ? error.message : 'is neither a number nor a list of networks');
    }
    return parts;
  });

const NAMED = /^(?:([A-Za-z0-9][A-Za-z0-9 ._-]{0,31})=)?([^=]+)$/;

/** A private network that webhooks and agents may reach. */
export interface OpenedNetwork {
  /** What the operator calls it; the network itself where it has no name. */
  readonly name: string;
  readonly cidr: string;
}

/** `lab=10.1.0.0/16`, or the network alone. */
export const openedNetworks = list.transform((parts, context): readonly OpenedNetwork[] =>
  parts.flatMap((part) => {
    const [, name, cidr = ''] = NAMED.exec(part) ?? [];
    try {
      parseCidr(cidr);
    } catch {
      context.addIssue('holds what is no network: expected an address and a prefix length, such as lab=10.1.0.0/16');
      return [];
    }
    return [{ name: name ?? cidr, cidr }];
  }),
);

export const NETWORK_SETTINGS = [
  {
    name: 'TRUSTED_PROXIES',
    fallback: '0: nobody is believed',
    bounds: `0–${PROXIES_MAX}, or CIDRs, comma-separated`,
    effect:
      'How many proxies stand before the API, or their networks. Only what these say in X-Forwarded-For and X-Forwarded-Proto counts. With a number, nobody must reach the port but through them.',
    schema: trustedProxies,
  },
  {
    name: 'REQUESTS_AT_ONCE_MAX',
    fallback: '2000',
    bounds: '10–100000',
    effect:
      'Requests that each process answers at once; the last fifth is kept for sign-in, money and pages. What comes beyond is refused with 503. LIMITS_SCALE multiplies it.',
    schema: whole(10, 100_000, 2_000),
  },
  {
    name: 'EGRESS_PROXY_URL',
    fallback: 'webhooks and agents leave directly',
    bounds: 'http:// URL of a proxy that takes CONNECT, with user and password where it wants them; may be private',
    effect:
      'Sends everything that customers chose the address of through that proxy. Addresses are resolved and judged here before it is asked.',
    schema: secretUrl('http:').optional(),
    secret: 'password',
  },
] as const satisfies readonly (SettingDoc & { readonly secret?: string })[];

export interface NetworkSettings {
  readonly trustedProxies: TrustedProxies;
  readonly requestsAtOnceMax: number;
  readonly egressProxyUrl: Secret | undefined;
}

/** From values that the schemas above have parsed. */
export function networkFrom(read: <T>(name: (typeof NETWORK_SETTINGS)[number]['name']) => T): NetworkSettings {
  return {
    trustedProxies: read<TrustedProxies>('TRUSTED_PROXIES'),
    requestsAtOnceMax: read<number>('REQUESTS_AT_ONCE_MAX'),
    egressProxyUrl: read<Secret | undefined>('EGRESS_PROXY_URL'),
  };
}
