/** The HTTP routes of an organisation's single sign-on. */
import {
  connectionParams,
  type OidcConnectionView,
  oidcConnection,
  oidcConnectionBody,
  oidcConnectionList,
  ssoPolicy,
  ssoPolicyBody,
  updateOidcConnectionBody,
} from '@guildhall/contract';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import type { Connections } from './connections.ts';
import { redirectUriOf } from './service.ts';
import type { OidcConnection } from './types.ts';

const TAG = 'Single sign-on';

export function connectionRoutes(connections: Connections, publicUrl: () => string): readonly RouteDefinition[] {
  const toWire = (connection: OidcConnection): OidcConnectionView => ({
    id: connection.id,
    name: connection.name,
    issuer: connection.issuer,
    clientId: connection.clientId,
    defaultRole: connection.defaultRole,
    roleClaim: connection.roleClaim ?? null,
    roleByValue: { ...connection.roleByValue },
    enabled: connection.isEnabled,
    redirectUri: redirectUriOf(publicUrl(), connection.id),
    lastCheck: connection.lastCheck,
    createdAt: connection.createdAt.toISOString(),
    updatedAt: connection.updatedAt.toISOString(),
  });
  return [...changeRoutes(connections, toWire), ...policyRoutes(connections)];
}

type ToWire = (connection: OidcConnection) => OidcConnectionView;

function changeRoutes(connections: Connections, toWire: ToWire): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/organisation/sso/oidc',
      summary:
        'Connect an OpenID provider. It is tried at once; one that does not work is kept, not enabled, and says why.',
      tag: TAG,
      scope: 'sso:write',
      stepUp: true,
      body: oidcConnectionBody,
      responses: { 201: oidcConnection },
      async handler(call) {
        const tried = await connections.draft(call, call.body);
        return call.mutate(async (tx) => ({ status: 201, body: toWire(await connections.put(tx, call, tried)) }));
      },
    }),
    route({
      method: 'GET',
      path: '/v1/organisation/sso/oidc',
      summary: 'List the OpenID providers of the organisation.',
      tag: TAG,
      scope: 'sso:read',
      responses: { 200: oidcConnectionList },
      handler: async (call) => ({
        status: 200,
        body: { data: (await call.read((tx) => connections.list(tx))).map(toWire) },
      }),
    }),
    route({
      method: 'PUT',
      path: '/v1/organisation/sso/oidc/{id}',
      summary: 'Change a connection and try it again; what is left out stays, an empty body tries alone.',
      tag: TAG,
      scope: 'sso:write',
      stepUp: true,
      params: connectionParams,
      body: updateOidcConnectionBody,
      responses: { 200: oidcConnection },
      async handler(call) {
        const tried = await connections.redraft(call, call.params.id, call.body);
        return call.mutate(async (tx) => ({ status: 200, body: toWire(await connections.put(tx, call, tried)) }));
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/organisation/sso/oidc/{id}',
      summary: 'Remove a connection. Accounts that came through it stay.',
      tag: TAG,
      scope: 'sso:write',
      stepUp: true,
      params: connectionParams,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          await connections.remove(tx, call, call.params.id);
          return { status: 204, body: {} };
        }),
    }),
  ];
}

function policyRoutes(connections: Connections): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/organisation/sso',
      summary: 'Show whether addresses of verified domains must come through a connection.',
      tag: TAG,
      scope: 'sso:read',
      responses: { 200: ssoPolicy },
      handler: async (call) => ({
        status: 200,
        body: { required: await call.read((tx) => connections.isRequired(tx, call.principal.orgId)) },
      }),
    }),
    route({
      method: 'PUT',
      path: '/v1/organisation/sso',
      summary:
        'Ask addresses of verified domains to come through a connection; owners keep password and second factor.',
      tag: TAG,
      scope: 'sso:write',
      stepUp: true,
      body: ssoPolicyBody,
      responses: { 200: ssoPolicy },
      handler: (call) =>
        call.mutate(async (tx) => {
          await connections.require(tx, call, call.body.required);
          return { status: 200, body: { required: call.body.required } };
        }),
    }),
  ];
}
