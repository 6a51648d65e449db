/** Who may do what: pure decisions. */
import { type Mode, SCOPES, type Scope } from '@guildhall/contract';
import { GuildhallError } from '../../platform/errors/index.ts';
import type { Principal } from '../../platform/http/index.ts';
import { authErrors, keyErrors } from './errors.ts';
import { isWithin } from './keys/networks.ts';
import type { Actor, Key, Role } from './types.ts';

/**
 * The rights of each role. A right that is not listed is not given. `operator` stands in no row: it is the right to run the
 * whole installation, not a part of one organisation.
 */
export const ROLE_SCOPES: Readonly<Record<Role, readonly Scope[]>> = {
  owner: SCOPES.filter((scope) => scope !== 'operator'),
  admin: [
    'agents:read',
    'runs:read',
    'runs:write',
    'files:read',
    'files:write',
    'billing:read',
    'billing:write',
    'keys:read',
    'keys:write',
    'webhooks:read',
    'webhooks:write',
    'models:use',
    'providers:read',
    'providers:write',
    'members:read',
    'members:write',
    'audit:read',
    'sso:read',
  ],
  developer: [
    'agents:read',
    'runs:read',
    'runs:write',
    'files:read',
    'files:write',
    'keys:read',
    'webhooks:read',
    'webhooks:write',
    'models:use',
    'providers:read',
    'members:read',
  ],
  billing: ['billing:read', 'billing:write', 'members:read'],
  viewer: ['agents:read', 'runs:read', 'files:read', 'billing:read', 'members:read'],
};

/**
 * Refuses to hand out a key that can do more than its maker: only scopes the maker has, only from where the maker may come, and test keys
 * make test keys.
 * Also asked before a rotation, because its caller receives the new secret.
 */
export function assertMayHandOut(
  actor: Actor,
  wanted: {
    readonly mode: Mode;
    readonly scopes: readonly Scope[];
    readonly allowedCidrs?: readonly string[] | undefined;
  },
): void {
  if (actor.type === 'system') return;
  const { principal } = actor;
  if (principal.mode === 'test' && wanted.mode === 'live') {
    throw new GuildhallError(keyErrors.liveFromTest, { errors: [{ path: '/mode', message: 'must be "test"' }] });
  }
  const missing = wanted.scopes.flatMap((scope, index) =>
    principal.scopes.includes(scope)
      ? []
      : [{ path: `/scopes/${index}`, message: `your key does not have the scope ${scope}` }],
  );
  if (missing.length > 0) throw new GuildhallError(keyErrors.scopeNotHeld, { errors: missing });
  const { allowedCidrs: held } = principal;
  if (held === undefined) return;
  const foreign = (wanted.allowedCidrs ?? []).flatMap((cidr, index) =>
    isWithin(cidr, held) ? [] : [{ path: `/allowedCidrs/${index}`, message: 'is no part of the networks of your key' }],
  );
  const none = [{ path: '/allowedCidrs', message: 'must be a part of the networks of your key' }];
  const errors = wanted.allowedCidrs === undefined ? none : foreign;
  if (errors.length > 0) throw new GuildhallError(keyErrors.networkNotHeld, { errors });
}

/** What is left of the rights of a key, when it belongs to a member of this role. `operator` is left while the person is one. */
export const boundBy = (rights: readonly Scope[], role: Role | undefined, isOperator: boolean): readonly Scope[] =>
  role === undefined
    ? rights
    : rights.filter((scope) => (scope === 'operator' ? isOperator : ROLE_SCOPES[role].includes(scope)));

/** The modes of the keys an actor may see or end: to a test key, live keys do not exist. */
export function visibleModes(actor: Actor): readonly Mode[] {
  return actor.type === 'key' && actor.principal.mode === 'test' ? ['test'] : ['live', 'test'];
}

/** Test keys never reach what belongs to the whole installation, whatever scopes they carry. */
export function assertLive(principal: Principal): void {
  if (principal.mode !== 'live') throw new GuildhallError(authErrors.testKeyRefused);
}

export function isActive(key: Key, now: Date): boolean {
  return key.revokedAt === undefined && (key.expiresAt === undefined || key.expiresAt > now);
}
