/** The HTTP routes of signing in and of sessions. */
import {
  chooseOrganisationBody,
  emailBody,
  endedSessions,
  endSessionsQuery,
  linkBody,
  mailSent,
  type SignedIn,
  sessionList,
  sessionParams,
  signedIn,
  signInBody,
  stepUpBody,
} from '@guildhall/contract';
import type { FastifyReply } from 'fastify';
import { type Answer, type RouteDefinition, route } from '../../../platform/http/index.ts';
import { ACCOUNT_MAIL, LINK, SIGN_IN, SIGN_IN_MAX_BYTES, STEP_UP } from '../rates.ts';
import { attemptOf, selfOf } from '../request.ts';
import { clearSessionCookie, setSessionCookie } from './cookie.ts';
import type { SessionService } from './service.ts';
import type { SignIn, SignInOutcome } from './sign-in.ts';
import type { Session } from './types.ts';

const TAG = 'Sessions';

/** Ids alone name a session: no answer holds what would let somebody in. */
const toWire = (session: Session, currentId: string | undefined) => ({
  id: session.id,
  method: session.method,
  isCurrent: session.id === currentId,
  ip: session.ip,
  userAgent: session.userAgent,
  risk: session.risk,
  country: session.country ?? null,
  createdAt: session.createdAt.toISOString(),
  lastUsedAt: session.usedAt.toISOString(),
});

/** What every way in answers: the session goes into the cookie, never into the body. */
export function signInAnswer(reply: FastifyReply, outcome: SignInOutcome): Answer<SignedIn> {
  if (outcome.status === 'second-factor-required')
    return { status: 200, body: { status: outcome.status, challenge: outcome.challenge } };
  const { begun } = outcome;
  setSessionCookie(reply, begun);
  return { status: 200, body: { status: 'signed-in', personId: begun.personId, sessionId: begun.sessionId } };
}

export function sessionRoutes(sessions: SessionService, signIn: SignIn): readonly RouteDefinition[] {
  return [...signInRoutes(signIn), ...currentRoutes(sessions, signIn), ...listRoutes(sessions)];
}

function signInRoutes(signIn: SignIn): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/auth/sign-in',
      summary:
        'Sign in with address and password; who has a second factor gets a challenge for it instead of a session.',
      tag: TAG,
      scope: 'public',
      limits: SIGN_IN,
      judgesLimits: true,
      bodyMaxBytes: SIGN_IN_MAX_BYTES,
      body: signInBody,
      responses: { 200: signedIn },
      async handler(call) {
        const { email, password } = call.body;
        return signInAnswer(call.reply, await signIn.signIn(password, attemptOf(call, email)));
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/magic-link',
      summary: 'Mail a link to sign in with. The answer is the same for every address.',
      tag: TAG,
      scope: 'public',
      limits: ACCOUNT_MAIL,
      body: emailBody,
      responses: { 202: mailSent },
      async handler(call) {
        await signIn.sendMagicLink(attemptOf(call, call.body.email));
        return { status: 202, body: { status: 'mail-sent' } };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/magic-link/confirm',
      summary: 'Sign in with the token of the link that was mailed; it works once, for 15 minutes.',
      tag: TAG,
      scope: 'public',
      limits: LINK,
      body: linkBody,
      responses: { 200: signedIn },
      async handler(call) {
        return signInAnswer(call.reply, await signIn.useMagicLink(call.body.token, attemptOf(call, '')));
      },
    }),
  ];
}

function currentRoutes(sessions: SessionService, signIn: SignIn): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/auth/step-up',
      summary: 'Show the password again; for ten minutes what asks for that is open. The session gets a new token.',
      tag: TAG,
      scope: 'person',
      limits: STEP_UP,
      body: stepUpBody,
      responses: { 200: signedIn },
      handler: async (call) =>
        signInAnswer(call.reply, await signIn.stepUp(selfOf(call), call.body.password, attemptOf(call, ''))),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/sign-out',
      summary: 'End this session, everywhere at once.',
      tag: TAG,
      scope: 'person',
      unverified: true,
      responses: { 204: null },
      async handler(call) {
        const answer = await call.mutate(async (tx) => {
          await sessions.end(tx, selfOf(call), call.principal.sessionId ?? '');
          return { status: 204, body: {} };
        });
        clearSessionCookie(call.reply);
        return answer;
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/me/organisation',
      summary: 'Choose the organisation that requests of this session are for when they name none.',
      tag: TAG,
      scope: 'person',
      body: chooseOrganisationBody,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          await sessions.chooseOrganisation(tx, selfOf(call), call.body.organisationId);
          return { status: 204, body: {} };
        }),
    }),
  ];
}

function listRoutes(sessions: SessionService): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/me/sessions',
      summary: 'List where you are signed in, newest first.',
      tag: TAG,
      scope: 'person',
      responses: { 200: sessionList },
      async handler({ principal, read }) {
        const found = await read((tx) => sessions.list(tx));
        return { status: 200, body: { data: found.map((one) => toWire(one, principal.sessionId)) } };
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/me/sessions/{id}',
      summary: 'End one of your sessions, everywhere at once.',
      tag: TAG,
      scope: 'person',
      params: sessionParams,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          await sessions.end(tx, selfOf(call), call.params.id);
          return { status: 204, body: {} };
        }),
    }),
    route({
      method: 'DELETE',
      path: '/v1/me/sessions',
      summary: 'Sign out everywhere; with keepCurrent=true everywhere but here.',
      tag: TAG,
      scope: 'person',
      query: endSessionsQuery,
      responses: { 200: endedSessions },
      handler: (call) =>
        call.mutate(async (tx) => {
          const ended = await sessions.endAll(tx, selfOf(call), call.query.keepCurrent === 'true');
          return { status: 200, body: { ended } };
        }),
    }),
  ];
}
