/** Which limits there are, and what is in force of them. */
import { type Principal, type RouteDefinition, type RouteLimit, sourceOf } from '../../../platform/http/index.ts';
import type { RateRule } from '../../../platform/limits/index.ts';

/** What the operator set in place of a limit. */
export interface Override {
  readonly max: number;
  readonly windowSeconds: number;
}

/** By name of the limit, then by organisation; the empty one stands for everybody. */
export type Overrides = ReadonlyMap<string, ReadonlyMap<string, Override>>;

export const EVERYBODY = '';

// A key at twice the fastest tier; an organisation at several keys; an address at what people behind one proxy might do.
export const KEY: RouteLimit = { name: 'key', per: 'key', max: 2_400, windowSeconds: 60 };
export const ORGANISATION: RouteLimit = { name: 'organisation', per: 'organisation', max: 9_600, windowSeconds: 60 };
export const PERSON: RouteLimit = { name: 'person', per: 'person', max: 1_200, windowSeconds: 60 };
export const PUBLIC: RouteLimit = { name: 'public-ip', per: 'ip', max: 1_200, windowSeconds: 60 };
/** Guessing keys is hopeless at 178 bits; this bounds what trying costs us. */
export const FAILED_KEYS: RouteLimit = {
  name: 'failed-keys-ip',
  per: 'ip',
  max: 60,
  windowSeconds: 60,
  onStoreFailure: 'closed',
};
const GENERAL = [KEY, ORGANISATION, PERSON, PUBLIC, FAILED_KEYS];

/** All of them by name. @throws where two routes mean different things by one name. */
export function limitsOf(routes: readonly RouteDefinition[]): ReadonlyMap<string, RouteLimit> {
  const known = new Map(GENERAL.map((limit) => [limit.name, limit]));
  for (const limit of routes.flatMap(({ limits = [] }) => limits)) {
    const first = known.get(limit.name) ?? limit;
    if (JSON.stringify(first) !== JSON.stringify(limit))
      throw new Error(`two routes declare ${limit.name} differently`);
    known.set(limit.name, limit);
  }
  return known;
}

/** An organisation's own before everybody's before the program's. */
export function inForce(
  limit: RouteLimit,
  overrides: Overrides,
  orgId: string,
): Override & { readonly isSet: boolean } {
  const set = overrides.get(limit.name);
  const found = (limit.per === 'ip' ? undefined : set?.get(orgId)) ?? set?.get(EVERYBODY);
  return { ...(found ?? { max: limit.max, windowSeconds: limit.windowSeconds }), isSet: found !== undefined };
}

export const toRule = (limit: RouteLimit, { max, windowSeconds }: Override): RateRule => ({
  name: limit.name,
  limit: max,
  windowSeconds,
  onStoreFailure: limit.onStoreFailure ?? 'open',
});

export interface Caller {
  readonly ip: string;
  /** Undefined on public routes. */
  readonly principal: Principal | undefined;
}

/** Whom the limit counts here, tenant first; undefined where the caller is no such thing. Test keys never use up what live ones have. */
export function subjectOf({ per }: RouteLimit, { ip, principal }: Caller): string | undefined {
  if (per === 'ip') return sourceOf(ip);
  if (!principal) return undefined;
  const { orgId, keyId, mode, personId } = principal;
  if (per === 'person') return personId;
  if (orgId === '') return undefined;
  return per === 'key' ? `${orgId}/${keyId}` : `${orgId}/${mode}`;
}
