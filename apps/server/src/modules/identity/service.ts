/** The use cases of organisations, keys and admin links. */
import type { Mode, Scope } from '@guildhall/contract';
import type { Tx } from '../../platform/db/index.ts';
import { GuildhallError } from '../../platform/errors/index.ts';
import { authErrors, keyErrors } from './errors.ts';
import { KEY_PURPOSE, mintKey, visibleParts } from './key-format.ts';
import { insertMembership } from './people/store.ts';
import { assertMayHandOut, isActive, ROLE_SCOPES, visibleModes } from './rules.ts';
import {
  type AdminToken,
  asOrganisation,
  databaseNow,
  findAdminToken,
  findKeyById,
  insertAdminToken,
  insertKey,
  insertOrganisation,
  listKeys,
  listOrganisations,
  lockKey,
  replaceKey,
  revokeKey,
  useAdminToken,
} from './store.ts';
import type { Actor, Founder, IdentityDeps, Key, KeyWithSecret, Organisation, Role } from './types.ts';

export interface NewOrganisationInput {
  readonly name: string;
  readonly actor: Founder;
  /** Of the first key; default: all an owner has. */
  readonly scopes?: readonly Scope[];
  /** Whether it begins with trial credit. Default false. */
  readonly trial?: boolean;
}

export interface OrganisationWithKey extends KeyWithSecret {
  readonly organisation: Organisation;
}

export interface NewKeyInput {
  readonly name: string;
  readonly mode: Mode;
  readonly scopes: readonly Scope[];
  readonly expiresAt?: Date | undefined;
  /** Where it may be used from; left out: where its maker may, which mostly is everywhere. */
  readonly allowedCidrs?: readonly string[] | undefined;
  /** The service account it belongs to; left out: the member who makes it, or the one whose key does. */
  readonly memberId?: string | undefined;
}

export interface KeyPageInput {
  readonly limit: number;
  /** The id of the last key already seen. */
  readonly afterId?: string | undefined;
}

export interface IdentityService {
  /** Makes an organisation, its accounts and its first live key in one transaction of its own. The secret is returned this once. */
  createOrganisation(input: NewOrganisationInput): Promise<OrganisationWithKey>;
  /** The same inside an open transaction, whichever organisation that one belongs to. */
  createOrganisationIn(tx: Tx, input: NewOrganisationInput): Promise<OrganisationWithKey>;
  /** Oldest first. For the operator: it crosses organisations. */
  listOrganisations(page: { readonly afterId?: string; readonly limit: number }): Promise<Organisation[]>;
  /** @throws `keys.scope-not-held`, `keys.network-not-held`, `keys.live-from-test`, `keys.expiry-past` */
  createKey(tx: Tx, actor: Actor, input: NewKeyInput): Promise<KeyWithSecret>;
  /** Newest first, ended keys included; to a test key, live keys do not exist. */
  /** An organisation that a person makes for themselves: they are its owner, and there is no key. In any open transaction. */
  foundOrganisationIn(
    tx: Tx,
    input: {
      readonly name: string;
      readonly personId: string;
      readonly requestId: string | undefined;
      readonly trial?: boolean;
    },
  ): Promise<{ readonly organisation: Organisation; readonly memberId: string }>;
  listKeys(
    tx: Tx,
    actor: Actor,
    page: KeyPageInput,
  ): Promise<{ readonly keys: Key[]; readonly nextAfterId: string | undefined }>;
  /** @throws `keys.not-found` */
  getKey(tx: Tx, actor: Actor, id: string): Promise<Key>;
  /** Ends a key at once, in all processes within a second of the commit. A key already revoked stays as it was. @throws `keys.not-found` */
  revokeKey(tx: Tx, actor: Actor, id: string): Promise<void>;
  /**
   * Makes a successor with the same name, mode, scopes and expiry, and ends the old key after the overlap.
   * @throws `keys.not-found`, `keys.not-active`, `keys.scope-not-held`
   */
  rotateKey(
    tx: Tx,
    actor: Actor,
    input: { readonly id: string; readonly overlapSeconds: number },
  ): Promise<KeyWithSecret>;
  /** A secret for a one-time link to the administration of an organisation; only its hash is kept. */
  createAdminToken(input: {
    readonly orgId: string;
    readonly ttlSeconds: number;
  }): Promise<{ readonly token: string; readonly expiresAt: Date }>;
  /** Whose link it is; `useAdminTokenIn` uses it up. @throws `auth.invalid-admin-link` */
  findAdminToken(token: string): Promise<AdminToken>;
  /** In a transaction of its organisation; of two with the same one, one succeeds. @throws `auth.invalid-admin-link` */
  useAdminTokenIn(tx: Tx, token: AdminToken): Promise<void>;
}

const ADMIN_TOKEN_PURPOSE = 'admin-token';
const ADMIN_TOKEN_BYTES = 32;

export function createService(deps: IdentityDeps): IdentityService {
  const { db, ids, keyring, audit, onOrganisationCreated, onKeyRotated, random } = deps;

  const makeKey = async (
    tx: Tx,
    key: {
      orgId: string;
      name: string;
      mode: Mode;
      role?: Role | undefined;
      scopes: readonly Scope[];
      expiresAt: Date | undefined;
      allowedCidrs: readonly string[] | undefined;
      createdBy: string;
      memberId?: string | undefined;
    },
  ): Promise<KeyWithSecret> => {
    const secret = mintKey(key.mode, random);
    const row = await insertKey(tx, {
      ...key,
      id: ids.make('key'),
      role: key.role,
      ...visibleParts(secret),
      secretHash: keyring.mac(KEY_PURPOSE, secret),
    });
    return { key: row, secret };
  };

  const record = (
    tx: Tx,
    actor: Actor,
    entry: { action: string; key: Key; data?: Record<string, string | number> },
  ) => {
    const { mode, scopes, prefix, last4 } = entry.key;
    return audit.append(tx, {
      orgId: entry.key.orgId,
      actorType: isPerson(actor) ? 'member' : actor.type,
      actorId: idOf(actor),
      requestId: actor.type === 'key' ? actor.requestId : undefined,
      action: entry.action,
      targetType: 'key',
      targetId: entry.key.id,
      data: { mode, scopes: scopes.join(' '), prefix, last4, ...entry.data },
    });
  };

  /** The row, what `equip` adds to it, the accounts and the audit row, as the new organisation. */
  const found = async <T extends { readonly data: Record<string, string> }>(
    tx: Tx,
    input: { readonly name: string; readonly actor: Founder; readonly trial?: boolean | undefined },
    equip: (orgId: string) => Promise<T>,
  ): Promise<T & { readonly organisation: Organisation }> => {
    const orgId = ids.make('org');
    const trial = input.trial ?? false;
    return asOrganisation(tx, orgId, async () => {
      const organisation = await insertOrganisation(tx, { id: orgId, name: input.name });
      const equipment = await equip(orgId);
      await onOrganisationCreated(tx, orgId, { trial });
      await audit.append(tx, {
        orgId,
        actorType: input.actor.type,
        actorId: input.actor.id,
        requestId: input.actor.requestId,
        action: 'organisation.create',
        targetType: 'organisation',
        targetId: orgId,
        data: { ...equipment.data, trial },
      });
      return { organisation, ...equipment };
    });
  };

  const createOrganisationIn = async (tx: Tx, input: NewOrganisationInput): Promise<OrganisationWithKey> => {
    const { organisation, key, secret } = await found(tx, input, async (orgId) => {
      const made = await makeKey(tx, {
        orgId,
        name: 'First key',
        mode: 'live',
        role: 'owner',
        scopes: input.scopes ?? ROLE_SCOPES.owner,
        expiresAt: undefined,
        allowedCidrs: undefined,
        createdBy: input.actor.id,
      });
      return { ...made, data: { firstKey: made.key.id, scopes: made.key.scopes.join(' ') } };
    });
    return { organisation, key, secret };
  };

  return {
    createOrganisationIn,
    async foundOrganisationIn(tx, { name, personId, requestId, trial }) {
      const actor = { type: 'member', id: personId, requestId } as const;
      const { organisation, memberId } = await found(tx, { name, actor, trial }, async (orgId) => {
        const memberId = ids.make('mbr');
        await insertMembership(tx, { id: memberId, orgId, personId, role: 'owner', createdBy: personId });
        return { memberId, data: { owner: memberId } };
      });
      return { organisation, memberId };
    },
    createOrganisation: (input) => db.open((tx) => createOrganisationIn(tx, input)),
    listOrganisations: ({ afterId, limit }) => db.system((tx) => listOrganisations(tx, { afterId, limit })),
    async createKey(tx, actor, input) {
      const { name, mode, scopes, expiresAt, allowedCidrs = networksOf(actor) } = input;
      assertMayHandOut(actor, { mode, scopes, allowedCidrs });
      if (expiresAt && expiresAt <= (await databaseNow(tx))) {
        throw new GuildhallError(keyErrors.expiryPast, {
          errors: [{ path: '/expiresAt', message: 'must be in the future' }],
        });
      }
      const made = await makeKey(tx, {
        orgId: orgOf(actor),
        name,
        mode,
        scopes,
        expiresAt,
        allowedCidrs,
        createdBy: idOf(actor),
        memberId: input.memberId ?? memberOf(actor),
      });
      await record(tx, actor, { action: 'key.create', key: made.key });
      return made;
    },
    async listKeys(tx, actor, { limit, afterId }) {
      const found = await listKeys(tx, { modes: visibleModes(actor), beforeId: afterId, limit: limit + 1 });
      const keys = found.slice(0, limit);
      return { keys, nextAfterId: found.length > limit ? keys.at(-1)?.id : undefined };
    },
    getKey: async (tx, actor, id) => visible(actor, await findKeyById(tx, id)),
    async revokeKey(tx, actor, id) {
      const key = visible(actor, await lockKey(tx, id));
      if (key.revokedAt) return;
      await revokeKey(tx, id);
      await record(tx, actor, { action: 'key.revoke', key });
    },
    async rotateKey(tx, actor, { id, overlapSeconds }) {
      const old = visible(actor, await lockKey(tx, id));
      assertMayHandOut(actor, old);
      if (old.replacedBy || !isActive(old, await databaseNow(tx))) throw new GuildhallError(keyErrors.notActive);
      const made = await makeKey(tx, { ...old, createdBy: idOf(actor), memberId: heirOf(old, actor) });
      await replaceKey(tx, id, { newId: made.key.id, overlapSeconds });
      await onKeyRotated(tx, { orgId: old.orgId, keyId: id, successorId: made.key.id });
      await record(tx, actor, {
        action: 'key.rotate',
        key: old,
        data: { replacedBy: made.key.id, overlapSeconds },
      });
      return made;
    },
    async createAdminToken({ orgId, ttlSeconds }) {
      const token = Buffer.from(random(ADMIN_TOKEN_BYTES)).toString('base64url');
      // No id kind of its own: the row is never named from outside, its hash is what identifies it.
      const secretHash = keyring.mac(ADMIN_TOKEN_PURPOSE, token);
      const expiresAt = await db.tenant(orgId, (tx) =>
        insertAdminToken(tx, { id: secretHash.toString('hex').slice(0, 32), orgId, secretHash, ttlSeconds }),
      );
      return { token, expiresAt };
    },
    async findAdminToken(token) {
      const found = await db.system((tx) => findAdminToken(tx, keyring.macs(ADMIN_TOKEN_PURPOSE, token)));
      if (!found) throw new GuildhallError(authErrors.invalidAdminLink);
      return found;
    },
    async useAdminTokenIn(tx, { id }) {
      if (!(await useAdminToken(tx, id))) throw new GuildhallError(authErrors.invalidAdminLink);
    },
  };
}

const orgOf = (actor: Actor): string => (actor.type === 'key' ? actor.principal.orgId : actor.orgId);

const isPerson = (actor: Actor): boolean => actor.type === 'key' && actor.principal.personId !== undefined;

/** The member behind the actor. What a key makes belongs to the member of that key, so that nothing outlives a member by way of a second key. */
const memberOf = (actor: Actor): string | undefined => (actor.type === 'key' ? actor.principal.memberId : undefined);

/** A key of a service account stays its own; any other one belongs to whoever now has its secret. */
const heirOf = (old: Key, actor: Actor): string | undefined =>
  old.memberId?.startsWith('svc_') ? old.memberId : (memberOf(actor) ?? old.memberId);

const idOf = (actor: Actor): string => (actor.type === 'key' ? actor.principal.keyId : actor.name);

const networksOf = (actor: Actor): readonly string[] | undefined =>
  actor.type === 'key' ? actor.principal.allowedCidrs : undefined;

/** The key, or the same answer for one that is missing, foreign, or of a mode that the actor must not see. */
function visible(actor: Actor, key: Key | undefined): Key {
  if (!key || !visibleModes(actor).includes(key.mode)) throw new GuildhallError(keyErrors.notFound);
  return key;
}
