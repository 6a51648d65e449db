/** Connections: what an organisation says of its identity provider. */
import { X509Certificate } from 'node:crypto';
import type { SamlConnectionBody } from '@guildhall/contract';
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Principal } from '../../../platform/http/index.ts';
import type { IdentityDeps } from '../types.ts';
import { samlErrors } from './errors.ts';
import {
  countConnections,
  deleteConnection,
  findConnection,
  listConnections,
  type NewConnection,
  putConnection,
} from './store.ts';
import type { SamlConnection } from './types.ts';

/** Who changes a connection. */
export interface SamlActor {
  readonly principal: Principal;
  readonly requestId: string;
}

export interface Connections {
  /** @throws 409 `saml.too-many`, 422 `saml.invalid-certificate` */
  create(tx: Tx, actor: SamlActor, body: SamlConnectionBody): Promise<SamlConnection>;
  /** Oldest first. */
  list(tx: Tx): Promise<readonly SamlConnection[]>;
  /** @throws 404 `saml.not-found` */
  get(tx: Tx, id: string): Promise<SamlConnection>;
  /** @throws 404, 422 */
  replace(tx: Tx, actor: SamlActor, id: string, body: SamlConnectionBody): Promise<SamlConnection>;
  /** Nobody signs in by it any more, and who its subjects are is forgotten. @throws 404 */
  remove(tx: Tx, actor: SamlActor, id: string): Promise<void>;
}

// More than any company has identity providers.
const CONNECTIONS_MAX = 20;
const RSA_BITS_MIN = 2_048;
const ONE_CERTIFICATE = /^\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/;

/** Undefined for what is no certificate with an RSA key that is long enough. */
function normalized(pem: string): string | undefined {
  if (!ONE_CERTIFICATE.test(pem)) return undefined;
  try {
    const certificate = new X509Certificate(pem);
    const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_BITS_MIN
      ? certificate.toString()
      : undefined;
  } catch {
    // Not one that can be read; the caller hears so.
    return undefined;
  }
}

function certificatesIn({ certificates }: SamlConnectionBody): readonly string[] {
  return certificates.map((pem, index) => {
    const certificate = normalized(pem);
    if (certificate !== undefined) return certificate;
    const errors = [
      { path: `/certificates/${index}`, message: 'is no certificate with an RSA key of 2048 bits or more' },
    ];
    throw new GuildhallError(samlErrors.invalidCertificate, { errors });
  });
}

export function createConnections({ ids, audit }: Pick<IdentityDeps, 'ids' | 'audit'>): Connections {
  const record = (tx: Tx, { principal, requestId }: SamlActor, action: string, id: string) =>
    audit.append(tx, {
      orgId: principal.orgId,
      actorType: principal.personId === undefined ? 'key' : 'member',
      actorId: principal.keyId,
      requestId,
      action: `saml-connection.${action}`,
      targetType: 'saml-connection',
      targetId: id,
    });
  const get = async (tx: Tx, id: string): Promise<SamlConnection> => {
    const found = await findConnection(tx, id);
    if (!found) throw new GuildhallError(samlErrors.notFound);
    return found;
  };
  const rowOf = (body: SamlConnectionBody, { principal }: SamlActor, id: string): NewConnection => ({
    ...body,
    id,
    orgId: principal.orgId,
    certificates: certificatesIn(body),
    emailAttribute: body.emailAttribute ?? undefined,
    nameAttribute: body.nameAttribute ?? undefined,
    roleAttribute: body.roleAttribute ?? undefined,
    createdBy: principal.keyId,
  });
  return {
    list: listConnections,
    get,
    async create(tx, actor, body) {
      if ((await countConnections(tx, actor.principal.orgId)) >= CONNECTIONS_MAX)
        throw new GuildhallError(samlErrors.tooMany, { detail: `The limit is ${CONNECTIONS_MAX}.` });
      const made = await putConnection(tx, rowOf(body, actor, ids.make('con')));
      await record(tx, actor, 'create', made.id);
      return made;
    },
    async replace(tx, actor, id, body) {
      await get(tx, id);
      const changed = await putConnection(tx, rowOf(body, actor, id));
      await record(tx, actor, 'update', id);
      return changed;
    },
    async remove(tx, actor, id) {
      if (!(await deleteConnection(tx, id))) throw new GuildhallError(samlErrors.notFound);
      await record(tx, actor, 'delete', id);
    },
  };
}
