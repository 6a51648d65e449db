/** How fast and how much models may be called by API: by the tier of the price card, over all processes. */
import type { Principal } from '../../../platform/http/index.ts';
import type { RateLimiter, RateRule, RateStanding, RateVerdict } from '../../../platform/limits/index.ts';
import { type Metering, type Tier, tierOf } from '../../metering/index.ts';
import type { CallBook, CallRoom, NewCall } from '../book/index.ts';
import type { Payer } from '../types.ts';
import { CallLimitError, headersOf, tighter } from './words.ts';

type Caller = Pick<Principal, 'orgId' | 'keyId' | 'mode'>;

export interface CallLimits {
  /** Counts one request of a key, before its body is read. `refusal`: one too many for the key or for its organisation. */
  count(
    caller: Caller,
  ): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly refusal?: CallLimitError }>;
  /**
   * The same books, which begin no call beyond the tokens that its key may use in a minute, or beyond the room of its organisation.
   * Tokens are counted by the bound of the call at first, and by what it used when it has ended.
   */
  limited(book: CallBook): CallBook;
  /** How the tokens of a key stand, for the answer to its call. */
  tokenHeaders(payer: Pick<Payer, 'orgId' | 'keyId'>): Promise<Readonly<Record<string, string>>>;
}

export interface CallLimitsDeps {
  readonly limiter: RateLimiter;
  readonly metering: Pick<Metering, 'priceBook'>;
  /** `LIMITS_SCALE`. */
  readonly limitsScale: number;
}

const MINUTE_SECONDS = 60;
// An organisation may use several keys at their full rate at once, as it may beside this route.
const KEYS_AT_FULL_RATE = 4;
// So the tokens of a day last for twenty minutes at least: a program that runs wild is noticed before they are gone.
const DAY_IN_MINUTES_MIN = 20;
// The card limits runs at once, each of which may call several models. Room is needed, too, for the calls of a process that died: they
// count until their holds expire.
const CALLS_PER_RUN = 10;
const OWN_KEY_TIER = 'byok';

const perMinute = (name: string, limit: number): RateRule => ({
  name,
  limit,
  windowSeconds: MINUTE_SECONDS,
  onStoreFailure: 'open',
});
const ofKey = (tier: Tier): RateRule => perMinute('model-calls-key', tier.requestsPerMinute);
const ofOrganisation = (tier: Tier): RateRule =>
  perMinute('model-calls-organisation', tier.requestsPerMinute * KEYS_AT_FULL_RATE);
const ofTokens = ({ tokensPerDay }: Tier): RateRule | undefined =>
  tokensPerDay === undefined ? undefined : perMinute('model-tokens-key', Math.ceil(tokensPerDay / DAY_IN_MINUTES_MIN));

const nameOf = ({ orgId, keyId }: Pick<Payer, 'orgId' | 'keyId'>): string => `${orgId}/${keyId}`;

export function createCallLimits({ limiter, metering, limitsScale }: CallLimitsDeps): CallLimits {
  const tierFor = async (ownKey: boolean): Promise<Tier> => {
    const card = await metering.priceBook();
    const own = ownKey ? card.tiers.find(({ id }) => id === OWN_KEY_TIER) : undefined;
    return own ?? tierOf(card);
  };
  const roomOf = ({ tokensPerDay, concurrentRuns }: Tier): CallRoom => ({
    callsAtOnce: Math.max(1, Math.floor(concurrentRuns * CALLS_PER_RUN * limitsScale)),
    tokensPerDay: tokensPerDay === undefined ? undefined : Math.max(1, Math.floor(tokensPerDay * limitsScale)),
  });
  return {
    async count({ orgId, keyId, mode }) {
      const tier = await tierFor(false);
      const [own, whole] = await Promise.all([
        limiter.take(ofKey(tier), nameOf({ orgId, keyId })),
        limiter.take(ofOrganisation(tier), `${orgId}/${mode}`),
      ]);
      const verdict = tighter(own, whole);
      const headers = headersOf('requests', verdict);
      return verdict.allowed ? { headers } : { headers, refusal: new CallLimitError('requests', verdict) };
    },

    async tokenHeaders(payer) {
      const rule = ofTokens(await tierFor(false));
      const standing: RateStanding | undefined = rule && limiter.look(rule, nameOf(payer));
      return standing ? headersOf('tokens', standing) : {};
    },

    limited(book) {
      const taken = new WeakMap<NewCall, RateVerdict>();
      return {
        ...book,
        async begin(call, hold) {
          const tier = await tierFor(call.ownKey);
          const rule = ofTokens(tier);
          const verdict = rule && (await limiter.take(rule, nameOf(call.payer), Math.max(1, hold.tokensMax)));
          if (verdict && !verdict.allowed) throw new CallLimitError('tokens', verdict);
          let isBegun = false;
          try {
            const answer = await book.begin(call, hold, roomOf(tier));
            isBegun = answer.ok;
            if (verdict) taken.set(call, verdict);
            return answer;
          } finally {
            if (!isBegun) verdict?.correct(0);
          }
        },
        async end(call, hold, end) {
          taken.get(call)?.correct(end.usage.input + end.usage.output);
          taken.delete(call);
          return book.end(call, hold, end);
        },
      };
    },
  };
}
