/**
 * A sign-in that goes out to a provider and comes back. The state says which one it is and is good once; nonce and PKCE verifier are made from the
 * state and from what only the browser has that began it, so that neither an answer nor a database alone is worth anything.
 */
import { timingSafeEqual } from 'node:crypto';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { IdentityDeps } from '../types.ts';
import { federationErrors } from './errors.ts';
import type { Checks } from './provider-client.ts';
import { beginFlow, takeFlow } from './store.ts';
import type { Flow } from './types.ts';

export interface Flows {
  /** `browser` goes into a cookie. */
  begin(
    flow: Pick<Flow, 'provider' | 'returnTo' | 'linksPerson'>,
  ): Promise<{ readonly browser: string; readonly checks: Checks }>;
  /** Uses the state up, whatever comes of it. @throws 400 `federation.invalid-flow` */
  take(
    provider: string,
    state: string | undefined,
    browser: string | undefined,
  ): Promise<{ readonly flow: Flow; readonly checks: Checks }>;
}

const TOKEN_BYTES = 32;
const TOKEN = /^[\w-]{43}$/;

export function createFlows({ db, keyring, random }: Pick<IdentityDeps, 'db' | 'keyring' | 'random'>): Flows {
  const mint = (): string => Buffer.from(random(TOKEN_BYTES)).toString('base64url');
  const hash = (purpose: string, text: string): Buffer => keyring.mac(`sign-in-${purpose}`, text);
  const checksOf = (state: string, browser: string): Checks => ({
    state,
    nonce: hash('nonce', `${browser} ${state}`).toString('base64url'),
    verifier: hash('verifier', `${browser} ${state}`).toString('base64url'),
  });
  return {
    async begin(flow) {
      const [state, browser] = [mint(), mint()];
      const [stateHash, browserHash] = [hash('state', state), hash('browser', browser)];
      await db.system((tx) => beginFlow(tx, { ...flow, stateHash, browserHash }));
      return { browser, checks: checksOf(state, browser) };
    },
    async take(provider, state, browser) {
      if (state === undefined || !TOKEN.test(state)) throw new GuildhallError(federationErrors.invalidFlow);
      const flow = await db.system((tx) => takeFlow(tx, hash('state', state)));
      if (!flow || browser === undefined || !timingSafeEqual(hash('browser', browser), flow.browserHash))
        throw new GuildhallError(federationErrors.invalidFlow);
      // An answer that comes to the address of another provider is mixed up.
      if (flow.provider !== provider) throw new GuildhallError(federationErrors.invalidFlow);
      return { flow, checks: checksOf(state, browser) };
    },
  };
}
