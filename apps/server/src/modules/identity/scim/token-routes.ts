/** The HTTP routes of the tokens of directories, and of the roles that directories give. */
import {
  newScimToken,
  rotateScimTokenBody,
  type ScimToken as ScimTokenView,
  scimSettings,
  scimSettingsBody,
  scimTokenBody,
  scimTokenList,
  scimTokenParams,
} from '@guildhall/contract';
import type { Tx } from '../../../platform/db/index.ts';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import type { NewToken, ScimTokens } from './tokens.ts';
import type { ScimToken } from './types.ts';

const TAG = 'Single sign-on';
const BASE = '/v1/organisation/scim-tokens';

const toView = (token: ScimToken): ScimTokenView => ({
  id: token.id,
  name: token.name,
  last4: token.last4,
  createdAt: token.createdAt.toISOString(),
  createdBy: token.createdBy,
  expiresAt: token.expiresAt?.toISOString() ?? null,
  lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
  revokedAt: token.revokedAt?.toISOString() ?? null,
});

const answerNew = ({ made, token }: NewToken) =>
  ({ status: 201, body: { ...toView(made), secret: token }, once: ['secret'] }) as const;

export function scimTokenRoutes(
  tokens: ScimTokens,
  /** Members have the roles that the new settings give. */
  settleRoles: (tx: Tx) => Promise<void>,
  publicUrl: () => string,
): readonly RouteDefinition[] {
  return [...tokenRoutes(tokens), ...settingsRoutes(tokens, settleRoles, publicUrl)];
}

function tokenRoutes(tokens: ScimTokens): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: BASE,
      summary: 'Create a SCIM token for a directory; it is shown this once.',
      tag: TAG,
      scope: 'sso:write',
      stepUp: true,
      body: scimTokenBody,
      responses: { 201: newScimToken },
      handler: (call) =>
        call.mutate(async (tx) => {
          const { name, expiresAt } = call.body;
          const end = expiresAt === null ? undefined : new Date(expiresAt);
          return answerNew(await tokens.create(tx, call, { name, expiresAt: end }));
        }),
    }),
    route({
      method: 'GET',
      path: BASE,
      summary: 'List SCIM tokens, newest first, ended ones included.',
      tag: TAG,
      scope: 'sso:read',
      responses: { 200: scimTokenList },
      handler: async (call) => ({ status: 200, body: { data: (await call.read(tokens.list)).map(toView) } }),
    }),
    route({
      method: 'POST',
      path: `${BASE}/{id}/rotate`,
      summary: 'Replace a SCIM token; the old one works until the overlap ends.',
      tag: TAG,
      scope: 'sso:write',
      stepUp: true,
      params: scimTokenParams,
      body: rotateScimTokenBody,
      responses: { 201: newScimToken },
      handler: (call) =>
        call.mutate(async (tx) => answerNew(await tokens.rotate(tx, call, call.params.id, call.body.overlapSeconds))),
    }),
    route({
      method: 'DELETE',
      path: `${BASE}/{id}`,
      summary: 'Revoke a SCIM token at once.',
      tag: TAG,
      scope: 'sso:write',
      stepUp: true,
      params: scimTokenParams,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          await tokens.revoke(tx, call, call.params.id);
          return { status: 204, body: {} };
        }),
    }),
  ];
}

function settingsRoutes(
  tokens: ScimTokens,
  settleRoles: (tx: Tx) => Promise<void>,
  publicUrl: () => string,
): readonly RouteDefinition[] {
  const baseUrl = () => `${publicUrl()}/scim/v2`;
  return [
    route({
      method: 'GET',
      path: '/v1/organisation/scim',
      summary: 'Show what a directory is given, and which roles its groups give.',
      tag: TAG,
      scope: 'sso:read',
      responses: { 200: scimSettings },
      async handler(call) {
        const { defaultRole, groupRoles } = await call.read(tokens.settings);
        return { status: 200, body: { defaultRole, groupRoles: [...groupRoles], baseUrl: baseUrl() } };
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/organisation/scim',
      summary: 'Say which roles the groups of a directory give; its members have them from now on.',
      tag: TAG,
      scope: 'sso:write',
      stepUp: true,
      body: scimSettingsBody,
      responses: { 200: scimSettings },
      handler: (call) =>
        call.mutate(async (tx) => {
          await tokens.setSettings(tx, call, call.body);
          await settleRoles(tx);
          return { status: 200, body: { ...call.body, baseUrl: baseUrl() } };
        }),
    }),
  ];
}
