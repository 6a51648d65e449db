/** The HTTP routes of signing in with an account elsewhere. */
import {
  beginSignInBody,
  callbackQuery,
  identityLinkList,
  identityLinkParams,
  linkIdentityBody,
  providerList,
  redirect,
  signInProviderParams,
  ssoBody,
} from '@guildhall/contract';
import type { FastifyReply } from 'fastify';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type Answer, presentedSession, type RouteDefinition, route } from '../../../platform/http/index.ts';
import { failurePage } from '../pages/failure.ts';
import { SIGN_IN_BY_SSO } from '../rates.ts';
import { attemptOf, selfOf } from '../request.ts';
import type { SessionAuthenticator } from '../sessions/authenticator.ts';
import { setSessionCookie } from '../sessions/cookie.ts';
import { clearFlowCookie, flowOf, setFlowCookie } from './cookie.ts';
import type { Departure, Federation } from './service.ts';

const TAG = 'Single sign-on';

/** The address for the browser; what it has to keep goes into a cookie. */
function departed(reply: FastifyReply, { url, browser, keep }: Departure): Answer<{ url: string }> {
  if (keep) keep(reply);
  else setFlowCookie(reply, browser);
  return { status: 200, body: { url } };
}

type Authenticate = Pick<SessionAuthenticator, 'authenticate'>;

export function federationRoutes(federation: Federation, sessions: Authenticate): readonly RouteDefinition[] {
  return [...departureRoutes(federation), callbackRoute(federation, sessions), ...linkRoutes(federation)];
}

function departureRoutes(federation: Federation): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/auth/providers',
      summary: 'List the accounts elsewhere that one can sign in with.',
      tag: TAG,
      scope: 'public',
      responses: { 200: providerList },
      handler: async () => ({ status: 200, body: { data: [...federation.providers()] } }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/federation/{provider}',
      summary: 'Begin to sign in with an account elsewhere: the answer is where the browser goes.',
      tag: TAG,
      scope: 'public',
      limits: SIGN_IN_BY_SSO,
      params: signInProviderParams,
      body: beginSignInBody,
      responses: { 200: redirect },
      handler: async ({ params, body, reply }) =>
        departed(reply, await federation.depart(params.provider, body.returnTo)),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/sso',
      summary: 'Begin to sign in through the identity provider of the organisation whose domain the address has.',
      tag: TAG,
      scope: 'public',
      limits: SIGN_IN_BY_SSO,
      body: ssoBody,
      responses: { 200: redirect },
      handler: async ({ body, reply }) => departed(reply, await federation.departByEmail(body.email, body.returnTo)),
    }),
  ];
}

function callbackRoute(federation: Federation, sessions: Authenticate): RouteDefinition {
  return route({
    method: 'GET',
    path: '/auth/callback/{provider}',
    summary: 'Come back from a provider; signs in, or links the account, and sends the browser on.',
    tag: TAG,
    scope: 'public',
    limits: SIGN_IN_BY_SSO,
    crossSite: true,
    problemPage: failurePage,
    params: signInProviderParams,
    query: callbackQuery,
    responses: { 303: null },
    async handler(call) {
      const { raw, reply, params, query } = call;
      const at = raw.url.indexOf('?');
      const browser = flowOf(raw);
      clearFlowCookie(reply);
      const { returnTo, outcome } = await federation.comeBack({
        provider: params.provider,
        query: at < 0 ? '' : raw.url.slice(at),
        state: query.state,
        browser,
        attempt: attemptOf(call, ''),
        signedIn: async () => {
          const token = presentedSession(raw);
          try {
            return token === undefined ? undefined : await sessions.authenticate(token, undefined);
          } catch (error) {
            if (error instanceof GuildhallError && error.spec.status < 500) return undefined;
            throw error;
          }
        },
      });
      if (outcome?.status === 'signed-in') setSessionCookie(reply, outcome.begun);
      // Behind the #, so that it reaches no log.
      const location =
        outcome?.status === 'second-factor-required'
          ? `${new URL(returnTo).origin}/auth/second-factor#challenge=${outcome.challenge}`
          : returnTo;
      await reply.code(303).header('location', location).send();
      return undefined;
    },
  });
}

function linkRoutes(federation: Federation): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/me/identity-links',
      summary: 'Begin to link an account elsewhere to your own: the answer is where the browser goes.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      body: linkIdentityBody,
      responses: { 200: redirect },
      async handler(call) {
        const { provider, returnTo } = call.body;
        return departed(call.reply, await federation.depart(provider, returnTo, selfOf(call).personId));
      },
    }),
    route({
      method: 'GET',
      path: '/v1/me/identity-links',
      summary: 'List the accounts elsewhere that are linked to yours.',
      tag: TAG,
      scope: 'person',
      responses: { 200: identityLinkList },
      async handler(call) {
        const links = await call.read((tx) => federation.listLinks(tx));
        const data = links.map(({ id, provider, issuer, email, createdAt }) => ({
          id,
          provider,
          issuer,
          email: email ?? null,
          createdAt: createdAt.toISOString(),
        }));
        return { status: 200, body: { data } };
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/me/identity-links/{id}',
      summary: 'Unlink an account elsewhere; not the last way in.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      params: identityLinkParams,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          await federation.unlink(tx, selfOf(call), call.params.id);
          return { status: 204, body: {} };
        }),
    }),
  ];
}
