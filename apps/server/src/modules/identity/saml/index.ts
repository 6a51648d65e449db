/** The door of single sign-on by SAML. */
import type { FastifyReply } from 'fastify';
import type { Tx } from '../../../platform/db/index.ts';
import type { RouteDefinition } from '../../../platform/http/index.ts';
import { createConnections } from './connections.ts';
import { localPath } from './return-to.ts';
import { keepBrowser, samlRoutes } from './routes.ts';
import { createSamlSignIn, type SamlDeps } from './sign-in.ts';
import { findWorking, pruneSaml } from './store.ts';

export { samlErrors } from './errors.ts';

export interface Saml {
  readonly routes: readonly RouteDefinition[];
  /** In the organisation's transaction: whether people can come in by a connection of it. */
  isReady(tx: Tx): Promise<boolean>;
  /** Undefined where the organisation has no connection that works. `keep` gives the browser what it must bring back. */
  depart(
    orgId: string,
    input: { readonly returnTo: string },
  ): Promise<
    { readonly url: string; readonly browser: string; readonly keep: (reply: FastifyReply) => void } | undefined
  >;
  /** Forgets requests and assertions that nobody can use any more; tells how many. */
  prune(): Promise<number>;
}

// For who looks into what happened yesterday.
const KEEP = '1 day';

/** Opens nothing. */
export function createSaml(deps: SamlDeps): Saml {
  const signIn = createSamlSignIn(deps);
  return {
    routes: samlRoutes(createConnections(deps), signIn, deps.publicUrl),
    isReady: async (tx) => (await findWorking(tx)) !== undefined,
    async depart(orgId, { returnTo }) {
      const connection = await deps.db.tenant(orgId, findWorking);
      if (!connection) return undefined;
      const begun = await signIn.start({ connectionId: connection.id, returnTo: localPath(returnTo) });
      const browser = begun.browserToken;
      return { url: begun.url, browser, keep: (reply) => keepBrowser(reply, browser) };
    },
    prune: () => deps.db.system((tx) => pruneSaml(tx, KEEP)),
  };
}
