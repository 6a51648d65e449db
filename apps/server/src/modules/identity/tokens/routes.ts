/** The HTTP routes of tokens. */
import { jwks, refreshBody, tokens as tokensSchema } from '@guildhall/contract';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import { REFRESH } from '../rates.ts';
import { attemptOf, selfOf } from '../request.ts';
import type { TokenService } from './service.ts';
import type { SigningKeys } from './signing-keys.ts';

const TAG = 'Tokens';

export function tokenRoutes(tokens: TokenService, keys: Pick<SigningKeys, 'jwks'>): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/auth/tokens',
      summary:
        'Get an access token and a refresh token for the organisation of this request; they end with this session.',
      tag: TAG,
      scope: 'person',
      stepUp: true,
      responses: { 201: tokensSchema },
      handler: (call) =>
        call.mutate(async (tx) => {
          const orgId = call.principal.orgId || undefined;
          const body = await tokens.issue(tx, selfOf(call), orgId, attemptOf(call, ''));
          return { status: 201, body, once: ['accessToken', 'refreshToken'] };
        }),
    }),
    route({
      method: 'POST',
      path: '/v1/auth/tokens/refresh',
      summary:
        'Exchange a refresh token for new tokens. One that comes a second time ends the session: somebody has a copy.',
      tag: TAG,
      scope: 'public',
      limits: REFRESH,
      body: refreshBody,
      responses: { 200: tokensSchema },
      handler: async (call) => ({
        status: 200,
        body: await tokens.refresh(call.body.refreshToken, call.requestId),
      }),
    }),
    route({
      method: 'GET',
      path: '/.well-known/jwks.json',
      summary: 'Show the public keys that access tokens are signed with.',
      tag: TAG,
      scope: 'public',
      responses: { 200: jwks },
      async handler(call) {
        call.reply.header('cache-control', 'public, max-age=300');
        return { status: 200, body: await keys.jwks() };
      },
    }),
  ];
}
