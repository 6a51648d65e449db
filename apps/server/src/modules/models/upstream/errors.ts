/** Why a provider gave no answer, told so that the official clients do the right thing with it. */
import { defineErrors, type ErrorCode, type ErrorDetails, GuildhallError } from '../../../platform/errors/index.ts';
import type { Attempt } from '../types.ts';

// The official clients try again on 408, 409, 429 and 5xx, unless `x-should-retry` says otherwise.
export const upstreamErrors = defineErrors('models', {
  providerRefused: [
    'provider-refused',
    400,
    'The provider refused the request.',
    'Correct the request as the provider says and send it again; unchanged it will be refused again. Nothing was charged.',
  ],
  providerTooLarge: [
    'provider-too-large',
    413,
    'The request is too large for the provider.',
    'Shorten the prompt or choose a model that takes more. Nothing was charged.',
  ],
  providerModelMissing: [
    'provider-model-missing',
    404,
    'The provider does not offer this model, or not to this account.',
    'Choose another model; GET /v1/models lists them. Nothing was charged.',
  ],
  providerKeyRefused: [
    'provider-key-refused',
    503,
    'The provider does not accept the key it was called with.',
    'The operator has to renew the key of the provider; until then choose a model of another one. Nothing was charged.',
  ],
  ownKeyRefused: [
    'own-key-refused',
    403,
    'The provider does not accept your own key.',
    'Renew the key that you entered for this provider, or remove it to use ours. Nothing was charged.',
  ],
  providerSpendLimit: [
    'provider-spend-limit',
    503,
    'The account at the provider has reached its spend limit.',
    'The operator has to raise the limit there; until then choose a model of another provider. Nothing was charged.',
  ],
  ownKeySpendLimit: [
    'own-key-spend-limit',
    402,
    'The account of your own key has reached its spend limit at the provider.',
    'Raise the limit or add credit at the provider. Nothing was charged.',
  ],
  providerRateLimited: [
    'provider-rate-limited',
    429,
    'The provider takes no more calls at the moment.',
    'Wait as long as Retry-After says and try again, or choose another model. Nothing was charged.',
  ],
  providerBusy: [
    'provider-busy',
    429,
    'Every way to the provider is at its limit.',
    'Wait as long as Retry-After says and try again, or choose another model. Nothing was charged.',
  ],
  providerUnavailable: [
    'provider-unavailable',
    503,
    'The provider cannot be reached or is failing.',
    'Try again later or choose a model of another provider. Nothing was charged.',
  ],
  providerTimeout: [
    'provider-timeout',
    504,
    'The provider did not answer in time.',
    'Try again, ask for less, or stream the answer. Nothing was charged.',
  ],
  badAnswer: [
    'bad-answer',
    502,
    'The provider sent an answer that cannot be read.',
    'Try again or choose another model. Nothing was charged.',
  ],
  streamCut: [
    'stream-cut',
    502,
    'The provider broke off in the middle of its answer.',
    'Send the request again if you need a whole answer. What was delivered until then is charged.',
  ],
  streamTimeout: [
    'stream-timeout',
    504,
    'The provider stopped in the middle of its answer.',
    'Send the request again if you need a whole answer. What was delivered until then is charged.',
  ],
  callerLeft: ['caller-left', 499, 'The caller left before there was an answer.', 'Nothing was charged.'],
});

export interface UpstreamErrorDetails extends ErrorDetails {
  readonly attempts: readonly Attempt[];
  /** Whether the same request may succeed later; for the header `x-should-retry`. */
  readonly isWorthRepeating: boolean;
}

/** No provider gave an answer, or one broke off. Public members hold `retryAfterSeconds` where waiting helps. */
export class UpstreamError extends GuildhallError {
  readonly attempts: readonly Attempt[];
  readonly isWorthRepeating: boolean;
  constructor(spec: ErrorCode, { attempts, isWorthRepeating, ...details }: UpstreamErrorDetails) {
    super(spec, details);
    this.name = 'UpstreamError';
    this.attempts = attempts;
    this.isWorthRepeating = isWorthRepeating;
  }
}
