/** The HTTP routes of keys and organisations. */
import {
  type ApiKey,
  apiKey,
  apiKeyPage,
  type CreateKeyBody,
  createKeyBody,
  createOrganisationBody,
  keyPageQuery,
  keyParams,
  type NewApiKey,
  newApiKey,
  newOrganisation,
  rotateKeyBody,
} from '@guildhall/contract';
import { type Principal, type RouteDefinition, route } from '../../platform/http/index.ts';
import { assertLive } from './rules.ts';
import type { IdentityService, NewKeyInput } from './service.ts';
import type { Actor, Key, KeyWithSecret } from './types.ts';

const actorOf = (call: { principal: Principal; requestId: string }): Actor => ({
  type: 'key',
  principal: call.principal,
  requestId: call.requestId,
});

const toWire = (key: Key): ApiKey => ({
  id: key.id,
  name: key.name,
  prefix: key.prefix,
  last4: key.last4,
  scopes: [...key.scopes],
  mode: key.mode,
  createdAt: key.createdAt.toISOString(),
  expiresAt: key.expiresAt?.toISOString() ?? null,
  lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
  revokedAt: key.revokedAt?.toISOString() ?? null,
  allowedCidrs: key.allowedCidrs ? [...key.allowedCidrs] : null,
  isUnused: key.isUnused,
  createdBy: key.createdBy,
});

export const newKeyFrom = ({ name, mode, scopes, expiresAt, allowedCidrs }: CreateKeyBody): NewKeyInput => ({
  name,
  mode,
  scopes,
  expiresAt: expiresAt ? new Date(expiresAt) : undefined,
  allowedCidrs: allowedCidrs ?? undefined,
});

export const withSecret = (made: KeyWithSecret): NewApiKey => ({ ...toWire(made.key), secret: made.secret });

export function identityRoutes(identity: IdentityService): readonly RouteDefinition[] {
  return [...keyRoutes(identity), organisationRoute(identity)];
}

function keyRoutes(identity: IdentityService): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/keys',
      summary: 'Create an API key; its secret is shown this once.',
      tag: 'Keys',
      scope: 'keys:write',
      stepUp: true,
      body: createKeyBody,
      responses: { 201: newApiKey },
      handler: (call) =>
        call.mutate(async (tx) => {
          const made = await identity.createKey(tx, actorOf(call), newKeyFrom(call.body));
          return { status: 201, body: withSecret(made), once: ['secret'] };
        }),
    }),
    route({
      method: 'GET',
      path: '/v1/keys',
      summary: 'List API keys, newest first, ended ones included.',
      tag: 'Keys',
      scope: 'keys:read',
      query: keyPageQuery,
      responses: { 200: apiKeyPage },
      async handler(call) {
        const { limit, cursor } = call.query;
        const page = await call.read((tx) => identity.listKeys(tx, actorOf(call), { limit, afterId: cursor }));
        return { status: 200, body: { data: page.keys.map(toWire), nextCursor: page.nextAfterId ?? null } };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/keys/{id}',
      summary: 'Show an API key.',
      tag: 'Keys',
      scope: 'keys:read',
      params: keyParams,
      responses: { 200: apiKey },
      async handler(call) {
        const key = await call.read((tx) => identity.getKey(tx, actorOf(call), call.params.id));
        return { status: 200, body: toWire(key) };
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/keys/{id}',
      summary: 'Revoke an API key at once.',
      tag: 'Keys',
      scope: 'keys:write',
      params: keyParams,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          await identity.revokeKey(tx, actorOf(call), call.params.id);
          return { status: 204, body: {} };
        }),
    }),
    route({
      method: 'POST',
      path: '/v1/keys/{id}/rotate',
      summary: 'Replace an API key; the old one works until the overlap ends.',
      tag: 'Keys',
      scope: 'keys:write',
      stepUp: true,
      params: keyParams,
      body: rotateKeyBody,
      responses: { 201: newApiKey },
      handler: (call) =>
        call.mutate(async (tx) => {
          const { overlapSeconds } = call.body;
          const made = await identity.rotateKey(tx, actorOf(call), { id: call.params.id, overlapSeconds });
          return { status: 201, body: withSecret(made), once: ['secret'] };
        }),
    }),
  ];
}

function organisationRoute(identity: IdentityService): RouteDefinition {
  return route({
    method: 'POST',
    path: '/v1/operator/organisations',
    summary: 'Create an organisation and its first key, whose secret is shown this once.',
    tag: 'Operator',
    scope: 'operator',
    body: createOrganisationBody,
    responses: { 201: newOrganisation },
    async handler(call) {
      assertLive(call.principal);
      return call.mutate(async (tx) => {
        const made = await identity.createOrganisationIn(tx, {
          name: call.body.name,
          actor: { type: 'operator', id: call.principal.keyId, requestId: call.requestId },
        });
        const { id, name, createdAt } = made.organisation;
        return {
          status: 201,
          body: { id, name, createdAt: createdAt.toISOString(), key: withSecret(made) },
          once: ['key.secret'],
        };
      });
    },
  });
}
