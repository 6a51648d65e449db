/** The HTTP routes of who may sign up: for strangers, and for the operator. */
import {
  betaStatus,
  invitedWaiting,
  inviteWaitingBody,
  linkBody,
  mailSent,
  newSignUpCode,
  onWaitingList,
  pageQuery,
  type SignUpCode,
  signUpCodeBody,
  signUpCodePage,
  signUpCodeParams,
  type WaitingPerson,
  waitingListBody,
  waitingPage,
  waitingPageQuery,
} from '@guildhall/contract';
import { type Principal, type RouteDefinition, route } from '../../../platform/http/index.ts';
import { ACCOUNT_MAIL, LINK } from '../rates.ts';
import { attemptOf } from '../request.ts';
import { assertLive } from '../rules.ts';
import type { Codes } from './codes.ts';
import type { BetaStatus, Code, Line, Operator, Waiting } from './types.ts';
import type { WaitingList } from './waiting.ts';

const TAG = 'Waiting list';
const OPERATOR = 'Operator';

const operatorOf = ({ principal, requestId }: { principal: Principal; requestId: string }): Operator => {
  assertLive(principal);
  const type = principal.personId === undefined ? 'key' : 'member';
  return { orgId: principal.orgId, id: principal.keyId, type, requestId };
};

const toCodeView = (code: Code): SignUpCode => ({
  id: code.id,
  note: code.note,
  usesMax: code.usesMax,
  uses: code.uses,
  createdAt: code.createdAt.toISOString(),
  createdBy: code.createdBy,
  expiresAt: code.expiresAt?.toISOString() ?? null,
  revokedAt: code.revokedAt?.toISOString() ?? null,
});

const toWaitingView = (one: Waiting): WaitingPerson => ({
  id: one.personId,
  email: one.email,
  locale: one.locale,
  createdAt: one.createdAt.toISOString(),
  confirmedAt: one.confirmedAt.toISOString(),
});

export function betaRoutes(parts: {
  readonly waiting: WaitingList;
  readonly codes: Codes;
  readonly status: BetaStatus;
  readonly line: Line;
}): readonly RouteDefinition[] {
  return [...waitingRoutes(parts.waiting), ...lineRoutes(parts.codes, parts), ...codeRoutes(parts.codes)];
}

function waitingRoutes(waiting: WaitingList): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/auth/waiting-list',
      summary:
        'Join the waiting list; a link that confirms the address is mailed. The answer is the same for every address.',
      tag: TAG,
      scope: 'public',
      limits: ACCOUNT_MAIL,
      body: waitingListBody,
      responses: { 202: mailSent },
      async handler(call) {
        await waiting.join(call.body, attemptOf(call, call.body.email));
        return { status: 202, body: { status: 'mail-sent' } };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/waiting-list/confirm',
      summary: 'Confirm the address with the token of the link that was mailed there.',
      tag: TAG,
      scope: 'public',
      limits: LINK,
      body: linkBody,
      responses: { 200: onWaitingList },
      async handler(call) {
        await waiting.confirm(call.body.token, call.requestId);
        return { status: 200, body: { status: 'confirmed' } };
      },
    }),
  ];
}

function lineRoutes(codes: Codes, { status, line }: { status: BetaStatus; line: Line }): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/operator/beta',
      summary: 'Show who may sign up, how many people there are, and how many wait.',
      tag: OPERATOR,
      scope: 'operator',
      responses: { 200: betaStatus },
      handler: async () => ({ status: 200, body: await status() }),
    }),
    route({
      method: 'GET',
      path: '/v1/operator/waiting-list',
      summary: 'List who waits to be let in, first come first.',
      tag: OPERATOR,
      scope: 'operator',
      query: waitingPageQuery,
      responses: { 200: waitingPage },
      async handler({ query: { limit, cursor }, principal }) {
        assertLive(principal);
        const rows = await line({ afterId: cursor, limit: limit + 1 });
        const shown = rows.slice(0, limit);
        const nextCursor = rows.length > limit ? (shown.at(-1)?.personId ?? null) : null;
        return { status: 200, body: { data: shown.map(toWaitingView), nextCursor } };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/operator/waiting-list/invite',
      summary: 'Mail a code of their own to the first so many of the waiting list, or to those named.',
      tag: OPERATOR,
      scope: 'operator',
      body: inviteWaitingBody,
      responses: { 200: invitedWaiting },
      async handler(call) {
        const by = operatorOf(call);
        return call.mutate(async (tx) => ({
          status: 200,
          body: { invited: await codes.inviteWaiting(tx, by, call.body) },
        }));
      },
    }),
  ];
}

function codeRoutes(codes: Codes): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/operator/sign-up-codes',
      summary: 'Make an invitation code that lets so many people sign up; it is shown this once.',
      tag: OPERATOR,
      scope: 'operator',
      body: signUpCodeBody,
      responses: { 201: newSignUpCode },
      async handler(call) {
        const by = operatorOf(call);
        const { note, usesMax, expiresAt } = call.body;
        return call.mutate(async (tx) => {
          const made = await codes.create(tx, by, {
            note,
            usesMax,
            expiresAt: expiresAt ? new Date(expiresAt) : undefined,
          });
          return { status: 201, body: { ...toCodeView(made.code), code: made.secret }, once: ['code'] };
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/operator/sign-up-codes',
      summary: 'List invitation codes, newest first, without the codes themselves.',
      tag: OPERATOR,
      scope: 'operator',
      query: pageQuery,
      responses: { 200: signUpCodePage },
      async handler({ query: { limit, cursor }, read }) {
        const rows = await read((tx) => codes.list(tx, { beforeId: cursor, limit: limit + 1 }));
        const shown = rows.slice(0, limit);
        const nextCursor = rows.length > limit ? (shown.at(-1)?.id ?? null) : null;
        return { status: 200, body: { data: shown.map(toCodeView), nextCursor } };
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/operator/sign-up-codes/{id}',
      summary: 'Revoke an invitation code.',
      tag: OPERATOR,
      scope: 'operator',
      params: signUpCodeParams,
      responses: { 204: null },
      async handler(call) {
        const by = operatorOf(call);
        return call.mutate(async (tx) => {
          await codes.revoke(tx, by, call.params.id);
          return { status: 204, body: {} };
        });
      },
    }),
  ];
}
