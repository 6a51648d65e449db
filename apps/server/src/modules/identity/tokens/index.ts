/** The door of tokens: access and refresh tokens, and the keys that sign. */
import type { RouteDefinition } from '../../../platform/http/index.ts';
import type { IdentityDeps } from '../types.ts';
import { createAccessTokens } from './access.ts';
import { tokenRoutes } from './routes.ts';
import { createTokenService, type TokenService, type TokenServiceDeps } from './service.ts';
import { createSigningKeys, type SigningKeys } from './signing-keys.ts';

export { looksLikeToken } from './access.ts';
export { tokenErrors } from './errors.ts';

export interface Tokens extends TokenService, Pick<SigningKeys, 'rotate' | 'start'> {
  /** Names the newest key that signs; undefined before the first token was made. */
  newestKeyId(): Promise<string | undefined>;
  readonly routes: readonly RouteDefinition[];
}

export type TokensDeps = Omit<TokenServiceDeps, 'access'> &
  Pick<IdentityDeps, 'clock' | 'ids' | 'publicUrl'> & { readonly keyring: IdentityDeps['keyring'] };

/** Opens nothing; `start` does. */
export function createTokens(deps: TokensDeps): Tokens {
  const keys = createSigningKeys(deps);
  const service = createTokenService({ ...deps, access: createAccessTokens({ ...deps, keys }) });
  return {
    ...service,
    rotate: keys.rotate,
    start: keys.start,
    newestKeyId: async () => (await keys.jwks()).keys[0]?.kid,
    routes: tokenRoutes(service, keys),
  };
}
