/** The HTTP routes of SAML: connections of an organisation, and signing in by one. */
import {
  type SamlConnection as SamlConnectionView,
  samlConnection,
  samlConnectionBody,
  samlConnectionList,
  samlConnectionParams,
  samlResponseForm,
  samlStart,
  startSamlBody,
} from '@guildhall/contract';
import type { FastifyReply } from 'fastify';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import { failurePage } from '../pages/failure.ts';
import { SIGN_IN_BY_SSO } from '../rates.ts';
import { attemptOf } from '../request.ts';
import { signInAnswer } from '../sessions/index.ts';
import type { Connections } from './connections.ts';
import { serviceProviderOf } from './messages.ts';
import { RESPONSE_MAX_BYTES } from './response.ts';
import { localPath } from './return-to.ts';
import type { SamlSignIn } from './sign-in.ts';
import type { SamlConnection } from './types.ts';

const TAG = 'Single sign-on';
const BASE = '/v1/organisation/sso/saml';

/** The provider has the browser post its answer, which is a request of another site: any stricter cookie would stay away. */
export const BROWSER_COOKIE = '__Host-guildhall-saml';
const COOKIE = { path: '/', secure: true, httpOnly: true, sameSite: 'none' } as const;
const COOKIE_SECONDS = 600;

export const keepBrowser = (reply: FastifyReply, browserToken: string): void => {
  reply.setCookie(BROWSER_COOKIE, browserToken, { ...COOKIE, maxAge: COOKIE_SECONDS });
};

const viewWith =
  (publicUrl: () => string) =>
  ({ orgId: _, ...one }: SamlConnection): SamlConnectionView => ({
    ...one,
    certificates: [...one.certificates],
    emailAttribute: one.emailAttribute ?? null,
    nameAttribute: one.nameAttribute ?? null,
    roleAttribute: one.roleAttribute ?? null,
    roleMappings: [...one.roleMappings],
    serviceProvider: serviceProviderOf(publicUrl(), one.id),
    createdAt: one.createdAt.toISOString(),
    updatedAt: one.updatedAt.toISOString(),
  });

export function samlRoutes(
  connections: Connections,
  signIn: SamlSignIn,
  publicUrl: () => string,
): readonly RouteDefinition[] {
  const view = viewWith(publicUrl);
  return [...connectionRoutes(connections, view), ...signInRoutes(signIn)];
}

function connectionRoutes(
  connections: Connections,
  view: (one: SamlConnection) => SamlConnectionView,
): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: BASE,
      summary: 'List the SAML connections of the organisation, oldest first.',
      tag: TAG,
      scope: 'sso:read',
      responses: { 200: samlConnectionList },
      handler: async (call) => ({ status: 200, body: { data: (await call.read(connections.list)).map(view) } }),
    }),
    route({
      method: 'POST',
      path: BASE,
      summary: 'Connect an identity provider by SAML.',
      tag: TAG,
      scope: 'sso:write',
      stepUp: true,
      body: samlConnectionBody,
      responses: { 201: samlConnection },
      handler: (call) =>
        call.mutate(async (tx) => ({ status: 201, body: view(await connections.create(tx, call, call.body)) })),
    }),
    route({
      method: 'GET',
      path: `${BASE}/{id}`,
      summary: 'Show a SAML connection.',
      tag: TAG,
      scope: 'sso:read',
      params: samlConnectionParams,
      responses: { 200: samlConnection },
      handler: async (call) => ({
        status: 200,
        body: view(await call.read((tx) => connections.get(tx, call.params.id))),
      }),
    }),
    route({
      method: 'PUT',
      path: `${BASE}/{id}`,
      summary: 'Replace what is said of a SAML connection.',
      tag: TAG,
      scope: 'sso:write',
      stepUp: true,
      params: samlConnectionParams,
      body: samlConnectionBody,
      responses: { 200: samlConnection },
      handler: (call) =>
        call.mutate(async (tx) => ({
          status: 200,
          body: view(await connections.replace(tx, call, call.params.id, call.body)),
        })),
    }),
    route({
      method: 'DELETE',
      path: `${BASE}/{id}`,
      summary: 'Delete a SAML connection: nobody signs in by it any more.',
      tag: TAG,
      scope: 'sso:write',
      stepUp: true,
      params: samlConnectionParams,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          await connections.remove(tx, call, call.params.id);
          return { status: 204, body: {} };
        }),
    }),
  ];
}

function goOn(reply: FastifyReply, location: string): undefined {
  reply.code(303).header('location', location).send();
}

function signInRoutes(signIn: SamlSignIn): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/auth/saml/start',
      summary: 'Begin to sign in by a SAML connection: tells where the browser goes now.',
      tag: TAG,
      scope: 'public',
      limits: SIGN_IN_BY_SSO,
      body: startSamlBody,
      responses: { 200: samlStart },
      async handler({ body, reply }) {
        const { connectionId, returnTo } = body;
        const { url, browserToken } = await signIn.start({ connectionId, returnTo: localPath(returnTo) });
        keepBrowser(reply, browserToken);
        return { status: 200, body: { url } };
      },
    }),
    route({
      method: 'GET',
      path: '/auth/saml/{id}/metadata',
      summary: 'Show what an identity provider needs to know of us, as XML.',
      tag: TAG,
      scope: 'public',
      params: samlConnectionParams,
      responses: { 200: null },
      async handler({ params, reply }) {
        const xml = await signIn.metadata(params.id);
        reply.type('application/samlmetadata+xml').send(xml);
        return undefined;
      },
    }),
    route({
      method: 'POST',
      path: '/auth/saml/{id}/acs',
      summary: 'Take the answer of an identity provider, which it has the browser post.',
      tag: TAG,
      scope: 'public',
      crossSite: true,
      problemPage: failurePage,
      form: true,
      limits: SIGN_IN_BY_SSO,
      // Base64 in the escapes of a form.
      bodyMaxBytes: RESPONSE_MAX_BYTES * 2,
      params: samlConnectionParams,
      body: samlResponseForm,
      responses: { 303: null },
      async handler(call) {
        const { reply, raw, body } = call;
        const { outcome, returnTo } = await signIn.accept({
          connectionId: call.params.id,
          response: body.SAMLResponse,
          relayState: body.RelayState,
          browserToken: raw.cookies[BROWSER_COOKIE],
          attempt: attemptOf(call, ''),
        });
        reply.clearCookie(BROWSER_COOKIE, COOKIE);
        signInAnswer(reply, outcome);
        if (outcome.status === 'signed-in') return goOn(reply, returnTo);
        return goOn(reply, `/auth/second-factor#challenge=${outcome.challenge}`);
      },
    }),
  ];
}
