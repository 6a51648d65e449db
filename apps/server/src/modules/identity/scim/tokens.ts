/** The tokens of directories, and the roles that directories give. */
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Principal } from '../../../platform/http/index.ts';
import type { IdentityDeps } from '../types.ts';
import { scimErrors } from './errors.ts';
import {
  countGoodTokens,
  findSettings,
  insertToken,
  listTokens,
  lockToken,
  putSettings,
  replaceToken,
  revokeToken,
  useToken,
} from './store-tokens.ts';
import type { ScimSettings, ScimToken } from './types.ts';

/** Who changes tokens or settings. */
export interface ScimActor {
  readonly principal: Principal;
  readonly requestId: string;
}

export interface NewToken {
  readonly made: ScimToken;
  /** The only time it exists outside its directory. */
  readonly token: string;
}

export interface ScimTokens {
  /** @throws 401 `scim.invalid-token` alike for a malformed, unknown, expired or revoked one. */
  authenticate(presented: string): Promise<Principal>;
  /** @throws 409 `scim.too-many-tokens` */
  create(
    tx: Tx,
    actor: ScimActor,
    input: { readonly name: string; readonly expiresAt: Date | undefined },
  ): Promise<NewToken>;
  /** Newest first, ended ones included. */
  list(tx: Tx): Promise<readonly ScimToken[]>;
  /** At once. @throws 404 `scim.token-not-found` */
  revoke(tx: Tx, actor: ScimActor, id: string): Promise<void>;
  /** A successor of the same name and end; the old one works on until the overlap ends. @throws 404, 409 `scim.token-rotated` */
  rotate(tx: Tx, actor: ScimActor, id: string, overlapSeconds: number): Promise<NewToken>;
  settings(tx: Tx): Promise<ScimSettings>;
  setSettings(tx: Tx, actor: ScimActor, settings: ScimSettings): Promise<void>;
}

const PURPOSE = 'scim-token';
const PREFIX = 'gls_';
const TOKEN = /^gls_[\w-]{43}$/;
const TOKEN_BYTES = 32;
// More than any organisation has directories.
const TOKENS_MAX = 20;
const LISTED_MAX = 200;

/** Without a row of the organisation. */
const USUAL: ScimSettings = { defaultRole: 'viewer', groupRoles: [] };

export const looksLikeScimToken = (presented: string): boolean => presented.startsWith(PREFIX);

type TokenDeps = Pick<IdentityDeps, 'db' | 'ids' | 'keyring' | 'random' | 'audit'>;

export function createScimTokens({ db, ids, keyring, random, audit }: TokenDeps): ScimTokens {
  const record = (tx: Tx, { principal, requestId }: ScimActor, action: string, targetId: string) =>
    audit.append(tx, {
      orgId: principal.orgId,
      actorType: principal.personId === undefined ? 'key' : 'member',
      actorId: principal.keyId,
      requestId,
      action,
      targetType: 'scim-token',
      targetId,
    });

  const make = async (
    tx: Tx,
    { principal }: ScimActor,
    input: { readonly name: string; readonly expiresAt: Date | undefined },
  ): Promise<NewToken> => {
    const token = `${PREFIX}${Buffer.from(random(TOKEN_BYTES)).toString('base64url')}`;
    const made = await insertToken(tx, {
      ...input,
      id: ids.make('sct'),
      orgId: principal.orgId,
      tokenHash: keyring.mac(PURPOSE, token),
      last4: token.slice(-4),
      createdBy: principal.keyId,
    });
    return { made, token };
  };

  return {
    async authenticate(presented) {
      const found = TOKEN.test(presented)
        ? await db.system((tx) => useToken(tx, keyring.macs(PURPOSE, presented)))
        : undefined;
      if (!found) throw new GuildhallError(scimErrors.invalidToken);
      return { orgId: found.orgId, keyId: found.id, mode: 'live', scopes: [], isDirectory: true };
    },
    async create(tx, actor, input) {
      if ((await countGoodTokens(tx, actor.principal.orgId)) >= TOKENS_MAX)
        throw new GuildhallError(scimErrors.tooManyTokens, { detail: `The limit is ${TOKENS_MAX}.` });
      const made = await make(tx, actor, input);
      await record(tx, actor, 'scim-token.create', made.made.id);
      return made;
    },
    list: (tx) => listTokens(tx, LISTED_MAX),
    async revoke(tx, actor, id) {
      if (!(await revokeToken(tx, id))) throw new GuildhallError(scimErrors.tokenNotFound);
      await record(tx, actor, 'scim-token.revoke', id);
    },
    async rotate(tx, actor, id, overlapSeconds) {
      const found = await lockToken(tx, id);
      if (!found) throw new GuildhallError(scimErrors.tokenNotFound);
      if (!found.isGood) throw new GuildhallError(scimErrors.tokenRotated);
      const { name, expiresAt } = found.token;
      const made = await make(tx, actor, { name, expiresAt });
      await replaceToken(tx, id, made.made.id, overlapSeconds);
      await record(tx, actor, 'scim-token.rotate', id);
      return made;
    },
    settings: async (tx) => (await findSettings(tx)) ?? USUAL,
    async setSettings(tx, actor, settings) {
      await putSettings(tx, actor.principal.orgId, settings);
      await record(tx, actor, 'scim-settings.put', actor.principal.orgId);
    },
  };
}
