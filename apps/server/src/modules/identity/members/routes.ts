/** The HTTP routes of an organisation: its name, members, service accounts and invitations. */
import {
  createKeyBody,
  type Invitation as InvitationView,
  invitationBody,
  invitationPage,
  invitationPageQuery,
  invitationParams,
  type Member as MemberView,
  member,
  memberBody,
  memberPage,
  memberPageQuery,
  memberParams,
  newApiKey,
  newInvitation,
  organisation,
  organisationBody,
  serviceAccountBody,
} from '@guildhall/contract';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import { newKeyFrom, withSecret } from '../routes.ts';
import { assertLive } from '../rules.ts';
import type { Invitations } from './invitations.ts';
import { statusOf } from './rules.ts';
import { actorOf, type MemberService } from './service.ts';
import type { Invitation, Member } from './types.ts';

const TAG = 'Organisation';
const BASE = '/v1/organisation';
const GONE = { status: 204, body: {} } as const;
// Each may send a mail to a stranger.
const INVITING = [{ name: 'invitations', per: 'organisation', max: 100, windowSeconds: 3_600 }] as const;

const toMemberView = (one: Member): MemberView => ({
  id: one.id,
  type: one.personId === undefined ? 'service-account' : 'person',
  name: one.name,
  email: one.email ?? null,
  role: one.role,
  isDisabled: one.isDisabled,
  createdAt: one.createdAt.toISOString(),
  createdBy: one.createdBy,
});

const toInvitationView = (one: Invitation): InvitationView => ({
  id: one.id,
  role: one.role,
  email: one.email ?? null,
  usesMax: one.usesMax,
  uses: one.uses,
  status: statusOf(one),
  createdAt: one.createdAt.toISOString(),
  createdBy: one.createdBy,
  expiresAt: one.expiresAt.toISOString(),
});

/** A page of what was read with one row more than is shown. */
function pageOf<T extends { readonly id: string }, V>(rows: readonly T[], limit: number, view: (row: T) => V) {
  const shown = rows.slice(0, limit);
  return { data: shown.map(view), nextCursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null };
}

export function memberRoutes(members: MemberService, invitations: Invitations): readonly RouteDefinition[] {
  return [
    ...nameRoutes(members),
    ...readingRoutes(members),
    ...changingRoutes(members),
    ...serviceAccountRoutes(members),
    ...invitationRoutes(invitations),
  ];
}

function nameRoutes(members: MemberService): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: BASE,
      summary: 'Show the organisation that the request is for.',
      tag: TAG,
      scope: 'members:read',
      responses: { 200: organisation },
      async handler({ principal: { orgId }, read }) {
        const { name, createdAt } = await read((tx) => members.getOrganisation(tx));
        return { status: 200, body: { id: orgId, name, createdAt: createdAt.toISOString() } };
      },
    }),
    route({
      method: 'PUT',
      path: BASE,
      summary: 'Rename the organisation.',
      tag: TAG,
      scope: 'organisation:write',
      body: organisationBody,
      responses: { 200: organisation },
      async handler(call) {
        assertLive(call.principal);
        const { name } = call.body;
        return call.mutate(async (tx) => {
          const { createdAt } = await members.rename(tx, actorOf(call), name);
          return { status: 200, body: { id: call.principal.orgId, name, createdAt: createdAt.toISOString() } };
        });
      },
    }),
  ];
}

function readingRoutes(members: MemberService): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: `${BASE}/members`,
      summary: 'List the members, people and service accounts, in the order in which they joined.',
      tag: TAG,
      scope: 'members:read',
      query: memberPageQuery,
      responses: { 200: memberPage },
      async handler({ principal, query: { limit, cursor } }) {
        const rows = await members.list(principal.orgId, { afterId: cursor, limit: limit + 1 });
        return { status: 200, body: pageOf(rows, limit, toMemberView) };
      },
    }),
    route({
      method: 'GET',
      path: `${BASE}/members/{id}`,
      summary: 'Show a member.',
      tag: TAG,
      scope: 'members:read',
      params: memberParams,
      responses: { 200: member },
      handler: async ({ principal, params }) => ({
        status: 200,
        body: toMemberView(await members.get(principal.orgId, params.id)),
      }),
    }),
  ];
}

function changingRoutes(members: MemberService): readonly RouteDefinition[] {
  return [
    route({
      method: 'PUT',
      path: `${BASE}/members/{id}`,
      summary: 'Give a member another role; it holds at their next request, for their keys too.',
      tag: TAG,
      scope: 'members:write',
      params: memberParams,
      body: memberBody,
      responses: { 200: member },
      async handler(call) {
        assertLive(call.principal);
        return call.mutate(async (tx) => {
          const changed = await members.changeRole(tx, actorOf(call), call.params.id, call.body.role);
          return { status: 200, body: toMemberView(changed) };
        });
      },
    }),
    route({
      method: 'DELETE',
      path: `${BASE}/members/{id}`,
      summary: 'Remove a member; their keys and open invitations end at once.',
      tag: TAG,
      scope: 'members:write',
      params: memberParams,
      responses: { 204: null },
      async handler(call) {
        assertLive(call.principal);
        return call.mutate(async (tx) => {
          await members.remove(tx, actorOf(call), call.params.id);
          return GONE;
        });
      },
    }),
  ];
}

function serviceAccountRoutes(members: MemberService): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: `${BASE}/service-accounts`,
      summary: 'Create a service account: a member without a person, whose keys outlive whoever made them.',
      tag: TAG,
      scope: 'members:write',
      body: serviceAccountBody,
      responses: { 201: member },
      async handler(call) {
        assertLive(call.principal);
        return call.mutate(async (tx) => {
          const made = await members.createServiceAccount(tx, actorOf(call), call.body);
          return { status: 201, body: toMemberView(made) };
        });
      },
    }),
    route({
      method: 'POST',
      path: `${BASE}/service-accounts/{id}/keys`,
      summary: 'Create a key that belongs to a service account; its secret is shown this once.',
      tag: TAG,
      scope: 'keys:write',
      stepUp: true,
      params: memberParams,
      body: createKeyBody,
      responses: { 201: newApiKey },
      handler: (call) =>
        call.mutate(async (tx) => {
          const made = await members.createServiceKey(tx, call, call.params.id, newKeyFrom(call.body));
          return { status: 201, body: withSecret(made), once: ['secret'] };
        }),
    }),
  ];
}

function invitationRoutes(invitations: Invitations): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: `${BASE}/invitations`,
      summary: 'Invite one person by mail, or several by a link, which is shown this once.',
      tag: TAG,
      scope: 'members:write',
      limits: INVITING,
      body: invitationBody,
      responses: { 201: newInvitation },
      async handler(call) {
        assertLive(call.principal);
        return call.mutate(async (tx) => {
          const { invitation, url } = await invitations.invite(tx, actorOf(call), call.body);
          return { status: 201, body: { ...toInvitationView(invitation), url: url ?? null }, once: ['url'] };
        });
      },
    }),
    route({
      method: 'GET',
      path: `${BASE}/invitations`,
      summary: 'List invitations, newest first, ended ones included.',
      tag: TAG,
      scope: 'members:read',
      query: invitationPageQuery,
      responses: { 200: invitationPage },
      async handler({ query: { limit, cursor }, read }) {
        const rows = await read((tx) => invitations.list(tx, { beforeId: cursor, limit: limit + 1 }));
        return { status: 200, body: pageOf(rows, limit, toInvitationView) };
      },
    }),
    route({
      method: 'DELETE',
      path: `${BASE}/invitations/{id}`,
      summary: 'Revoke an invitation; one that is over stays as it is.',
      tag: TAG,
      scope: 'members:write',
      params: invitationParams,
      responses: { 204: null },
      async handler(call) {
        assertLive(call.principal);
        return call.mutate(async (tx) => {
          await invitations.revoke(tx, actorOf(call), call.params.id);
          return GONE;
        });
      },
    }),
  ];
}
