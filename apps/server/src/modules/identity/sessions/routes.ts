/** The HTTP routes of signing in and of sessions. */
import { chooseOrganisationBody, type SignedIn, signedIn, signInBody } from '@guildhall/contract';
import type { FastifyReply } from 'fastify';
import { type Answer, type Principal, type RouteDefinition, route } from '../../../platform/http/index.ts';
import { attemptOf } from './attempt.ts';
import { clearSessionCookie, setSessionCookie } from './cookie.ts';
import type { Owner, SessionService } from './service.ts';
import type { SignIn, SignInOutcome } from './sign-in.ts';

const TAG = 'Sessions';

/** What every way in answers: the session goes into the cookie, never into the body. */
export function signInAnswer(reply: FastifyReply, outcome: SignInOutcome): Answer<SignedIn> {
  if (outcome.status === 'second-factor-required')
    return { status: 200, body: { status: outcome.status, challenge: outcome.challenge } };
  const { begun } = outcome;
  setSessionCookie(reply, begun);
  return { status: 200, body: { status: 'signed-in', personId: begun.personId, sessionId: begun.sessionId } };
}

export const ownerOf = ({ principal, requestId }: { principal: Principal; requestId: string }): Owner => ({
  // The edge lets people alone come to routes of scope `person`.
  personId: principal.personId ?? '',
  sessionId: principal.sessionId,
  requestId,
});

export function sessionRoutes(sessions: SessionService, signIn: SignIn): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/auth/sign-in',
      summary:
        'Sign in with address and password; who has a second factor gets a challenge for it instead of a session.',
      tag: TAG,
      scope: 'public',
      body: signInBody,
      responses: { 200: signedIn },
      async handler(call) {
        const { email, password } = call.body;
        return signInAnswer(call.reply, await signIn.signIn(password, attemptOf(call, email)));
      },
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
          await sessions.end(tx, ownerOf(call), call.principal.sessionId ?? '');
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
          await sessions.chooseOrganisation(tx, ownerOf(call), call.body.organisationId);
          return { status: 204, body: {} };
        }),
    }),
  ];
}
