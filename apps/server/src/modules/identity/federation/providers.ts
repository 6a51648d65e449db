/** Which providers there are: those that the operator set, and the connections of organisations. */
import { type Keyring, Secret } from '../../../platform/crypto/index.ts';
import type { Db } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { SignInSettings } from '../types.ts';
import { federationErrors } from './errors.ts';
import { findConnection, findConnectionOrganisation } from './store.ts';
import type { OidcConnection, Provider } from './types.ts';

const GOOGLE = 'https://accounts.google.com';

export function operatorProviders({ google, github, oidc }: SignInSettings): readonly Provider[] {
  return [
    ...(google ? [{ id: 'google', name: 'Google', protocol: 'oidc' as const, issuer: GOOGLE, ...google }] : []),
    ...(github
      ? [
          {
            id: 'github',
            name: 'GitHub',
            protocol: 'github' as const,
            issuer: github.url,
            clientId: github.clientId,
            clientSecret: github.clientSecret,
          },
        ]
      : []),
    ...(oidc ? [{ id: 'oidc', protocol: 'oidc' as const, ...oidc }] : []),
  ];
}

/** Where the secret of a connection is stored. */
export const secretPlace = ({ orgId, id }: Pick<OidcConnection, 'orgId' | 'id'>) => ({
  orgId,
  table: 'identity.oidc_connection',
  column: 'sealed',
  rowId: id,
});

export function asProvider(keyring: Pick<Keyring, 'decrypt'>, connection: OidcConnection): Provider {
  const { id, name, issuer, clientId, orgId, sealed } = connection;
  const clientSecret = new Secret(keyring.decrypt(secretPlace(connection), sealed).toString('utf8'));
  return { id, name, protocol: 'oidc', issuer, clientId, clientSecret, orgId };
}

export interface Providers {
  /** Those that everybody may sign in with. */
  readonly open: readonly Provider[];
  /** @throws 404 `federation.unknown-provider`, also for a connection that is not enabled. */
  get(id: string): Promise<{ readonly provider: Provider; readonly connection: OidcConnection | undefined }>;
}

export function createProviders(deps: {
  readonly db: Db;
  readonly keyring: Pick<Keyring, 'decrypt'>;
  readonly settings: SignInSettings;
}): Providers {
  const { db, keyring } = deps;
  const open = operatorProviders(deps.settings);
  return {
    open,
    async get(id) {
      const provider = open.find((one) => one.id === id);
      if (provider) return { provider, connection: undefined };
      const orgId = id.startsWith('con_') ? await db.system((tx) => findConnectionOrganisation(tx, id)) : undefined;
      const connection = orgId === undefined ? undefined : await db.tenant(orgId, (tx) => findConnection(tx, id));
      if (!connection) throw new GuildhallError(federationErrors.unknownProvider);
      return { provider: asProvider(keyring, connection), connection };
    },
  };
}
