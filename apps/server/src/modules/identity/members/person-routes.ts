/** The HTTP routes of a person's organisations, and of the invitations that they get. */
import {
  deletedOrganisation,
  invitationOffer,
  invitationTokenBody,
  type OwnOrganisation as OwnView,
  organisationBody,
  organisationParams,
  ownOrganisation,
  ownOrganisationList,
  transferBody,
} from '@guildhall/contract';
import type { Tx } from '../../../platform/db/index.ts';
import { type Answer, type Call, type RouteDefinition, route } from '../../../platform/http/index.ts';
import { LINK } from '../rates.ts';
import { selfOf } from '../request.ts';
import type { Self } from '../types.ts';
import type { MembersDeps } from './deps.ts';
import type { Invitations } from './invitations.ts';
import type { OrganisationLife } from './organisations.ts';
import type { OwnOrganisation } from './types.ts';

const TAG = 'Your organisations';
const BASE = '/v1/me/organisations';
const DONE = { status: 204, body: {} } as const;

const toView = (one: OwnOrganisation): OwnView => ({
  id: one.id,
  name: one.name,
  memberId: one.memberId,
  role: one.role,
  memberSince: one.memberSince.toISOString(),
  deletedAt: one.deletedAt?.toISOString() ?? null,
  erasedAfter: one.eraseAt?.toISOString() ?? null,
});

/** One change of what a person belongs to, with the answer; their next request knows of it. */
type Change = <T extends object>(
  call: PersonCall,
  work: (tx: Tx, self: Self) => Promise<Answer<T>>,
) => Promise<Answer<T>>;
type PersonCall = Pick<Call<unknown, unknown, unknown>, 'principal' | 'requestId' | 'mutate'>;

export function organisationRoutes(
  life: OrganisationLife,
  invitations: Invitations,
  { forget }: Pick<MembersDeps, 'forget'>,
): readonly RouteDefinition[] {
  const change: Change = async (call, work) => {
    const self = selfOf(call);
    const answer = await call.mutate((tx) => work(tx, self));
    forget(self.personId);
    return answer;
  };
  return [...belongingRoutes(life, change), ...ownerRoutes(life, change), ...invitationRoutes(invitations, change)];
}

function belongingRoutes(life: OrganisationLife, change: Change): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: BASE,
      summary: 'List your organisations, and those you deleted and may still bring back.',
      tag: TAG,
      scope: 'person',
      responses: { 200: ownOrganisationList },
      async handler(call) {
        const own = await life.listOwn(selfOf(call).personId);
        return { status: 200, body: { data: own.map(toView) } };
      },
    }),
    route({
      method: 'POST',
      path: BASE,
      summary: 'Create an organisation; you are its owner.',
      tag: TAG,
      scope: 'person',
      body: organisationBody,
      responses: { 201: ownOrganisation },
      handler: (call) =>
        change(call, async (tx, self) => ({
          status: 201,
          body: toView(await life.found(tx, self, call.body.name)),
        })),
    }),
    route({
      method: 'POST',
      path: `${BASE}/{id}/leave`,
      summary: 'Leave an organisation; your keys there end.',
      tag: TAG,
      scope: 'person',
      params: organisationParams,
      responses: { 204: null },
      handler: (call) =>
        change(call, async (tx, self) => {
          await life.leave(tx, self, call.params.id);
          return DONE;
        }),
    }),
  ];
}

function ownerRoutes(life: OrganisationLife, change: Change): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: `${BASE}/{id}/transfer`,
      summary: 'Make another member the owner in your place; you become an admin.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      params: organisationParams,
      body: transferBody,
      responses: { 204: null },
      handler: (call) =>
        change(call, async (tx, self) => {
          await life.transfer(tx, self, call.params.id, call.body.memberId);
          return DONE;
        }),
    }),
    route({
      method: 'DELETE',
      path: `${BASE}/{id}`,
      summary:
        'Delete an organisation: its keys stop and its runs end at once; for 30 days an owner may bring it back.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      params: organisationParams,
      responses: { 200: deletedOrganisation },
      handler: (call) =>
        change(call, async (tx, self) => {
          const { id } = call.params;
          const { deletedAt, eraseAt } = await life.delete(tx, self, id);
          const body = { id, deletedAt: deletedAt.toISOString(), erasedAfter: eraseAt.toISOString() };
          return { status: 200, body };
        }),
    }),
    route({
      method: 'POST',
      path: `${BASE}/{id}/restore`,
      summary: 'Bring a deleted organisation back, with its members, roles and keys.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      params: organisationParams,
      responses: { 204: null },
      handler: (call) =>
        change(call, async (tx, self) => {
          await life.restore(tx, self, call.params.id);
          return DONE;
        }),
    }),
  ];
}

function invitationRoutes(invitations: Invitations, change: Change): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/auth/invitation',
      summary: 'Show what an invitation offers; it is not used up.',
      tag: TAG,
      scope: 'public',
      limits: LINK,
      body: invitationTokenBody,
      responses: { 200: invitationOffer },
      async handler(call) {
        const { organisation, role, email, expiresAt } = await invitations.look(call.body.token);
        return {
          status: 200,
          body: { organisation, role, email: email ?? null, expiresAt: expiresAt.toISOString() },
        };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/me/invitations/accept',
      summary: 'Accept an invitation and become a member.',
      tag: TAG,
      scope: 'person',
      body: invitationTokenBody,
      responses: { 201: ownOrganisation },
      handler: (call) =>
        change(call, async (tx, self) => ({
          status: 201,
          body: toView(await invitations.accept(tx, self, call.body.token)),
        })),
    }),
  ];
}
