/** Which requests count against which limit. */
import { GuildhallError } from '../../platform/errors/index.ts';
import type { LimitVerdict, Principal, RouteDefinition, RouteLimit } from '../../platform/http/index.ts';
import { rateLimitHeaders, tightest, tooManyRequests } from '../../platform/limits/index.ts';
import { failedCredentials } from '../identity/index.ts';
import { FAILED_KEYS, KEY, type Limits, ORGANISATION, PERSON, PUBLIC } from './limits/index.ts';

/** A call of a model is counted by its tier. */
const isModelCall = (route: RouteDefinition): boolean => route.method === 'POST' && route.scope === 'models:use';
// Answered by balancers and probes many times a minute, and without them nobody knows what is wrong.
const UNLIMITED = new Set(['Health']);

type Authenticate = (presented: string, ip: string, organisation: string | undefined) => Promise<Principal>;

export interface HttpLimits {
  /** Counts a request that was let in. */
  count(input: { principal: Principal | undefined; ip: string; route: RouteDefinition }): Promise<LimitVerdict>;
  /** Authenticates, and counts keys and tokens that are no good by address. */
  readonly authenticate: Authenticate;
}

/** What every request of such a caller counts against. */
function generalFor(principal: Principal | undefined): readonly RouteLimit[] {
  if (!principal) return [PUBLIC];
  return principal.personId === undefined ? [KEY, ORGANISATION] : [PERSON, ORGANISATION];
}

export function createHttpLimits(
  limits: Pick<Limits, 'take'>,
  authenticate: Authenticate,
  modelCalls: (principal: Principal) => Promise<LimitVerdict>,
): HttpLimits {
  return {
    count: async ({ principal, ip, route }) => {
      if (UNLIMITED.has(route.tag)) return { headers: {} };
      if (principal && isModelCall(route)) return modelCalls(principal);
      const takeAll = async (which: readonly RouteLimit[]) =>
        (await Promise.all(which.map((limit) => limits.take(limit, { principal, ip })))).filter(
          (one) => one !== undefined,
        );
      const [general, own] = await Promise.all([takeAll(generalFor(principal)), takeAll(route.limits ?? [])]);
      const verdict = tightest([...general, ...own]);
      if (!verdict) return { headers: {} };
      const headers = rateLimitHeaders(verdict);
      if (verdict.allowed) return { headers };
      return { headers, refusal: tooManyRequests(verdict), isOwn: general.every(({ allowed }) => allowed) };
    },
    authenticate: async (presented, ip, organisation) => {
      try {
        return await authenticate(presented, ip, organisation);
      } catch (error) {
        if (!(error instanceof GuildhallError) || !failedCredentials.has(error.spec.code)) throw error;
        const verdict = await limits.take(FAILED_KEYS, { principal: undefined, ip });
        throw !verdict || verdict.allowed ? error : tooManyRequests(verdict);
      }
    },
  };
}
