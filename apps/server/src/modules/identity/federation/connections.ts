/** Connections of an organisation with its own identity provider by OpenID Connect. */
import type { OidcConnectionBody, UpdateOidcConnectionBody } from '@guildhall/contract';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { DomainActor, Domains } from '../domains/index.ts';
import type { IdentityDeps } from '../types.ts';
import { federationErrors } from './errors.ts';
import type { ProviderClient } from './provider-client.ts';
import { asProvider, secretPlace } from './providers.ts';
import type { OtherSso } from './service.ts';
import {
  deleteConnection,
  findConnection,
  isOutside,
  isSsoRequired,
  listConnections,
  putConnection,
  setSsoRequired,
} from './store.ts';
import type { ConnectionCheck, OidcConnection } from './types.ts';

type Draft = Omit<OidcConnection, 'createdAt' | 'updatedAt'>;

/** What `put` stores: made and tried before its transaction, because trying asks the provider. */
export type Tried = Draft & { readonly isNew: boolean };

export interface Connections {
  /** A new one, tried out. One that does not answer is kept for correction, and is not enabled. */
  draft(actor: DomainActor, body: OidcConnectionBody): Promise<Tried>;
  /** The same with changes; undefined where there is no such connection. */
  redraft(actor: DomainActor, id: string, body: UpdateOidcConnectionBody): Promise<Tried | undefined>;
  /**
   * In the organisation's transaction, as what follows. @throws 409 `federation.too-many-connections`, 404 `federation.connection-not-found`
   */
  put(tx: Tx, actor: DomainActor, tried: Tried | undefined): Promise<OidcConnection>;
  list(tx: Tx): Promise<readonly OidcConnection[]>;
  /** @throws 404 `federation.connection-not-found` */
  remove(tx: Tx, actor: DomainActor, id: string): Promise<void>;
  isRequired(tx: Tx, orgId: string): Promise<boolean>;
  /** For open sessions, too. @throws 409 `federation.no-way-in` where nobody could come in then, `federation.outside` where the actor could not. */
  require(tx: Tx, actor: DomainActor, isRequired: boolean): Promise<void>;
}

const CONNECTIONS_MAX = 50;

export interface ConnectionsDeps extends Pick<IdentityDeps, 'db' | 'ids' | 'audit' | 'keyring'> {
  readonly clock: Clock;
  readonly client: Pick<ProviderClient, 'probe'>;
  readonly domains: Pick<Domains, 'list'>;
  readonly otherSso: OtherSso;
}

export function createConnections(deps: ConnectionsDeps): Connections {
  const { db, ids, audit, keyring, clock, client, domains, otherSso } = deps;

  const record = (
    tx: Tx,
    actor: DomainActor,
    entry: { action: string; id: string; data?: Record<string, string | boolean> },
  ) =>
    audit.append(tx, {
      orgId: actor.principal.orgId,
      actorType: actor.principal.personId === undefined ? 'key' : 'member',
      actorId: actor.principal.keyId,
      requestId: actor.requestId,
      action: entry.action,
      targetType: 'connection',
      targetId: entry.id,
      data: entry.data,
    });

  const seal = (orgId: string, id: string, secret: string): Buffer =>
    keyring.encrypt(secretPlace({ orgId, id }), secret);

  const check = async (draft: Omit<Draft, 'lastCheck'>): Promise<ConnectionCheck> => {
    const checkedAt = clock.now().toISOString();
    const lastCheck = { ok: false, message: '', checkedAt };
    // Its times are not looked at.
    const provider = asProvider(keyring, { ...draft, lastCheck, createdAt: clock.now(), updatedAt: clock.now() });
    try {
      await client.probe(provider);
      return { ok: true, message: 'The provider knows this client, and its settings can be used.', checkedAt };
    } catch (error) {
      if (!(error instanceof GuildhallError)) throw error;
      return { ok: false, message: error.details.detail ?? error.spec.title, checkedAt };
    }
  };

  const tryOut = async (draft: Omit<Draft, 'lastCheck'>, isNew: boolean): Promise<Tried> => {
    const lastCheck = await check(draft);
    return { ...draft, isEnabled: draft.isEnabled && lastCheck.ok, lastCheck, isNew };
  };

  const get = async (tx: Tx, id: string): Promise<OidcConnection> => {
    const found = await findConnection(tx, id);
    if (!found) throw new GuildhallError(federationErrors.connectionNotFound);
    return found;
  };

  return {
    draft({ principal: { orgId } }, { clientSecret, roleClaim, ...rest }) {
      const id = ids.make('con');
      const sealed = seal(orgId, id, clientSecret);
      return tryOut({ ...rest, id, orgId, sealed, roleClaim: roleClaim ?? undefined, isEnabled: true }, true);
    },
    async redraft({ principal: { orgId } }, id, { clientSecret, roleClaim, enabled, ...changes }) {
      const found = await db.tenant(orgId, (tx) => findConnection(tx, id));
      if (!found) return undefined;
      const { createdAt: _, updatedAt: __, lastCheck: ___, ...before } = found;
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      return tryOut(
        {
          ...before,
          ...given,
          ...(clientSecret === undefined ? {} : { sealed: seal(orgId, id, clientSecret) }),
          roleClaim: roleClaim === undefined ? before.roleClaim : (roleClaim ?? undefined),
          isEnabled: enabled ?? before.isEnabled,
        },
        false,
      );
    },
    async put(tx, actor, tried) {
      if (!tried) throw new GuildhallError(federationErrors.connectionNotFound);
      const { isNew, ...draft } = tried;
      const others = await listConnections(tx);
      if (isNew && others.length >= CONNECTIONS_MAX) throw new GuildhallError(federationErrors.tooManyConnections);
      if (!isNew && !others.some(({ id }) => id === draft.id))
        throw new GuildhallError(federationErrors.connectionNotFound);
      const stored = await putConnection(tx, draft);
      const { id, issuer, isEnabled } = stored;
      const action = isNew ? 'sso-connection.create' : 'sso-connection.change';
      await record(tx, actor, { action, id, data: { issuer, enabled: isEnabled, works: stored.lastCheck.ok } });
      return stored;
    },
    list: (tx) => listConnections(tx),
    async remove(tx, actor, id) {
      const { issuer } = await get(tx, id);
      await deleteConnection(tx, id);
      await record(tx, actor, { action: 'sso-connection.remove', id, data: { issuer } });
    },
    isRequired: (tx, orgId) => isSsoRequired(tx, orgId),
    async require(tx, actor, isRequired) {
      const { orgId, sessionId } = actor.principal;
      if (isRequired) {
        const hasDomain = (await domains.list(tx)).some(({ verifiedAt }) => verifiedAt !== undefined);
        const hasOidc = (await listConnections(tx)).some(({ isEnabled }) => isEnabled);
        if (!hasDomain || !(hasOidc || (await otherSso.isReady(tx))))
          throw new GuildhallError(federationErrors.noWayIn);
        if (sessionId !== undefined && (await db.system((system) => isOutside(system, sessionId, orgId))))
          throw new GuildhallError(federationErrors.outside);
      }
      await setSsoRequired(tx, orgId, isRequired);
      await record(tx, actor, { action: 'sso.require', id: orgId, data: { required: isRequired } });
    },
  };
}
