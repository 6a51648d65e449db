/** What addresses and keys of providers may be: pure decisions. */
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Channel, ProviderKind } from '../types.ts';
import { providerErrors } from './errors.ts';
import { DEFAULT_BASE_URLS, NEEDS_KEY } from './kinds.ts';
import type { Check, StoredCheck } from './types.ts';

// A fourth of a key of this length may be shown; of a shorter one that would be too much.
const SHOWN_FROM_CHARS = 16;
const KEY = /^[\x21-\x7e]{8,1024}$/;

export const last4 = (key: string | undefined): string | undefined =>
  key !== undefined && key.length >= SHOWN_FROM_CHARS ? key.slice(-4) : undefined;

export const isSendable = (key: string): boolean => KEY.test(key);

/** Without slashes at its end; the usual one of the kind when none is given. @throws providers.address-missing, .address-refused */
export function baseUrlFor(kind: ProviderKind, given: string | undefined): string {
  const url = given ?? DEFAULT_BASE_URLS[kind];
  if (url === undefined)
    throw new GuildhallError(providerErrors.addressMissing, { errors: [{ path: '/baseUrl', message: 'is missing' }] });
  // Paths are appended to it: behind one of these they would be no paths.
  if (/[?#]/.test(url))
    throw new GuildhallError(providerErrors.addressRefused, {
      errors: [{ path: '/baseUrl', message: 'must not hold a query or a fragment' }],
    });
  return url.replace(/\/+$/, '');
}

/** @throws providers.key-missing */
export function assertKeyed(kind: ProviderKind, key: string | undefined): void {
  if (key === undefined && NEEDS_KEY[kind])
    throw new GuildhallError(providerErrors.keyMissing, { errors: [{ path: '/key', message: 'is missing' }] });
}

/** Lower priorities first; within one, the order in which they were made. */
export const byPriority = (channels: readonly Channel[]): Channel[] =>
  channels.toSorted((a, b) => a.priority - b.priority);

export const toStored = (check: Check): StoredCheck => ({
  outcome: check.outcome,
  detail: check.detail,
  status: check.status ?? null,
  ms: check.ms,
  models: check.models.length,
  at: check.at.toISOString(),
});

const FIELD_OF: Readonly<Record<Check['outcome'], '/key' | '/baseUrl'>> = {
  ok: '/key',
  slow: '/key',
  'key-refused': '/key',
  'rate-limited': '/key',
  unreachable: '/baseUrl',
  'address-refused': '/baseUrl',
  'not-this-wire': '/baseUrl',
  'provider-fault': '/baseUrl',
};

/** The refusal of a provider that does not work, naming what to correct. */
export const checkFailure = (check: Check): GuildhallError =>
  new GuildhallError(providerErrors.checkFailed, {
    detail: check.detail,
    errors: [{ path: FIELD_OF[check.outcome], message: check.outcome }],
  });
