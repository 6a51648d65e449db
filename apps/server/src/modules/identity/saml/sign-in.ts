/** Signing in by SAML: a browser is sent to the provider of its organisation, and comes back with an answer to that very request. */
import { X509Certificate } from 'node:crypto';
import { isUniqueViolation, type Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { SignIn, SignInOutcome } from '../sessions/sign-in.ts';
import { asOrganisation } from '../store.ts';
import type { Attempt } from '../types.ts';
import { type AdmissionDeps, admit } from './admission.ts';
import type { Assertion } from './assertion.ts';
import { samlErrors } from './errors.ts';
import { metadataOf, requestUrl, serviceProviderOf } from './messages.ts';
import { readResponse } from './response.ts';
import {
  findConnection,
  findOrganisationOf,
  findRequest,
  insertAssertion,
  insertRequest,
  useRequest,
} from './store.ts';
import type { SamlConnection, SamlRequest } from './types.ts';
import { demand, Unacceptable } from './xml.ts';

export interface SamlDeps extends AdmissionDeps {
  readonly finish: SignIn['finish'];
}

export interface SamlSignIn {
  /** `browserToken` goes into a cookie: the answer is taken from this browser alone. @throws 404 `saml.not-found` */
  start(input: {
    readonly connectionId: string;
    readonly returnTo: string;
  }): Promise<{ readonly url: string; readonly browserToken: string }>;
  /**
   * Takes the answer of the provider. @throws 403 `saml.no-request` where this browser asked nothing, `saml.refused` for whatever is wrong
   * with the answer; 404
   */
  accept(answer: SamlAnswer): Promise<{ readonly outcome: SignInOutcome; readonly returnTo: string }>;
  /** @throws 404 `saml.not-found` */
  metadata(connectionId: string): Promise<string>;
}

export interface SamlAnswer {
  readonly connectionId: string;
  /** The form field. */
  readonly response: string;
  readonly relayState: string | undefined;
  readonly browserToken: string | undefined;
  readonly attempt: Attempt;
}

const REQUEST_TTL_SECONDS = 600;
const TOKEN_BYTES = 32;
const REQUEST_ID_BYTES = 20;
const BROWSER = 'saml-browser';
const RELAY = 'saml-relay';

export function createSamlSignIn(deps: SamlDeps): SamlSignIn {
  const { db, clock, keyring, random, publicUrl } = deps;

  const enter = async <T>(
    connectionId: string,
    work: (tx: Tx, connection: SamlConnection) => Promise<T>,
  ): Promise<T> => {
    const orgId = await db.system((tx) => findOrganisationOf(tx, connectionId));
    if (orgId === undefined) throw new GuildhallError(samlErrors.notFound);
    return db.tenant(orgId, async (tx) => {
      const connection = await findConnection(tx, connectionId);
      if (!connection) throw new GuildhallError(samlErrors.notFound);
      return work(tx, connection);
    });
  };

  const relayStates = (browserToken: string): readonly string[] =>
    keyring.macs(RELAY, browserToken).map((mac) => mac.toString('base64url'));

  /** The request that this browser began, with the connection; nothing is used up. */
  const find = ({ connectionId, browserToken, relayState }: SamlAnswer) =>
    enter(connectionId, async (tx, connection) => {
      if (browserToken === undefined || relayState === undefined || !relayStates(browserToken).includes(relayState))
        throw new GuildhallError(samlErrors.noRequest);
      const request = await findRequest(tx, connectionId, keyring.macs(BROWSER, browserToken));
      if (!request) throw new GuildhallError(samlErrors.noRequest);
      return { connection, request };
    });

  const read = (connection: SamlConnection, request: SamlRequest, response: string): Assertion => {
    const sp = serviceProviderOf(publicUrl(), connection.id);
    const keys = connection.certificates.map((pem) => new X509Certificate(pem).publicKey);
    return readResponse(response, keys, {
      issuer: connection.entityId,
      audience: sp.entityId,
      acsUrl: sp.acsUrl,
      requestId: request.id,
      now: clock.now(),
    });
  };

  const record = (
    tx: Tx,
    connection: SamlConnection,
    event: { readonly action: string; readonly requestId: string; readonly data: Readonly<Record<string, string>> },
  ) =>
    deps.audit.append(tx, {
      ...event,
      orgId: connection.orgId,
      actorType: 'system',
      actorId: connection.id,
      targetType: 'saml-connection',
      targetId: connection.id,
    });

  /** Everything that a sign-in changes, in one transaction: request and assertion are used up together with what they led to. */
  const letIn = (connection: SamlConnection, request: SamlRequest, assertion: Assertion, attempt: Attempt) =>
    db.tenant(connection.orgId, async (tx) => {
      if (!(await useRequest(tx, request.id))) throw new GuildhallError(samlErrors.noRequest);
      const { id, usableUntil } = assertion;
      const isNew = await insertAssertion(tx, {
        orgId: connection.orgId,
        connectionId: connection.id,
        id,
        usableUntil,
      });
      demand(isNew, 'assertion: used before');
      const personId = await admit(deps, tx, { connection, assertion, requestId: attempt.requestId });
      const { requestId } = attempt;
      await record(tx, connection, { action: 'saml.sign-in', requestId, data: { person: personId } });
      return asOrganisation(tx, personId, () =>
        deps.finish(tx, { personId, method: 'saml', attempt, via: connection.orgId }),
      );
    });

  const refuse = async (connection: SamlConnection, attempt: Attempt, cause: Error): Promise<never> => {
    const reason = cause.message;
    const event = { action: 'saml.refuse', requestId: attempt.requestId, data: { reason } };
    await db.tenant(connection.orgId, (tx) => record(tx, connection, event));
    throw new GuildhallError(samlErrors.refused, { cause, internal: reason });
  };

  return {
    async start({ connectionId, returnTo }) {
      const browserToken = Buffer.from(random(TOKEN_BYTES)).toString('base64url');
      const id = `_${Buffer.from(random(REQUEST_ID_BYTES)).toString('hex')}`;
      const { ssoUrl } = await enter(connectionId, async (tx, connection) => {
        const browserHash = keyring.mac(BROWSER, browserToken);
        const { orgId } = connection;
        await insertRequest(tx, { id, orgId, connectionId, browserHash, returnTo, ttlSeconds: REQUEST_TTL_SECONDS });
        return connection;
      });
      const [relayState = ''] = relayStates(browserToken);
      const sp = serviceProviderOf(publicUrl(), connectionId);
      return { url: requestUrl(sp, { id, ssoUrl, relayState, now: clock.now() }), browserToken };
    },
    async accept(answer) {
      const { connection, request } = await find(answer);
      try {
        const assertion = read(connection, request, answer.response);
        const outcome = await letIn(connection, request, assertion, answer.attempt);
        return { outcome, returnTo: request.returnTo };
      } catch (error) {
        // Two first sign-ins of one person at once: the second one finds everything there when it is tried again.
        const isBeaten = isUniqueViolation(error, 'person_by_email') || isUniqueViolation(error, 'saml_subject_pkey');
        if (error instanceof Unacceptable || isBeaten) return refuse(connection, answer.attempt, error as Error);
        throw error;
      }
    },
    metadata: (connectionId) =>
      enter(connectionId, async (_tx, { id }) => metadataOf(serviceProviderOf(publicUrl(), id))),
  };
}
