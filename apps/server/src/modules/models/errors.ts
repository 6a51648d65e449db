import { defineErrors } from '../../platform/errors/index.ts';

export const callErrors = defineErrors('models', {
  booksAway: [
    'books-away',
    503,
    'The books cannot be reached, so no call can be paid for.',
    'Nothing was charged. Try again in a few seconds.',
  ],
  unknownModel: [
    'unknown-model',
    404,
    'There is no such model.',
    'GET /v1/models lists the models on offer. Nothing was charged.',
  ],
  unpriced: [
    'unpriced-model',
    422,
    'This model has no price, so it cannot be sold.',
    'Choose a model of GET /v1/models, use your own provider key, or ask the operator to publish a price. Nothing was charged.',
  ],
  ownKeyOnly: [
    'own-key-only',
    422,
    'The request asks for something that can be asked with a provider key of your own alone.',
    'Leave it out, or use your own provider key. Nothing was charged.',
  ],
  noProvider: [
    'no-provider',
    503,
    'No model provider is set up.',
    'The operator adds one by a setting such as OPENAI_API_KEY or by `guildhall providers add`; or bring your own key. Nothing was charged.',
  ],
  repeated: [
    'call-repeated',
    409,
    'This Idempotency-Key has already made a call.',
    'Answers are not kept, so it cannot be given again: GET /v1/calls shows what became of that call. Send a new key, or none, to ask again. Nothing was charged for the repeat.',
  ],
  embedsOnly: [
    'embeds-only',
    422,
    'This model makes embeddings and nothing else.',
    'Send the request to POST /v1/embeddings, or choose another model. Nothing was charged.',
  ],
  noEmbeddings: [
    'no-embeddings',
    422,
    'This provider makes no embeddings.',
    'Choose an embedding model of another provider. Nothing was charged.',
  ],
  tooLong: [
    'context-exceeded',
    413,
    'Prompt and answer do not fit into the model.',
    'Shorten the prompt, ask for fewer tokens, or choose a model with a larger context. Nothing was charged.',
  ],
  insufficient: [
    'insufficient-balance',
    402,
    'The balance does not cover the most this call may cost.',
    'Add credit, ask for fewer tokens, or choose a cheaper model. Nothing was charged.',
  ],
  overBudget: [
    'budget-exceeded',
    402,
    'A budget does not cover the most this call may cost.',
    'Raise the budget, wait for its reset, or ask for fewer tokens. Nothing was charged.',
  ],
  tokensPerDay: [
    'tokens-per-day',
    429,
    'The tokens of this day are used up, or reserved by calls under way.',
    'Wait for the next day by UTC, as long as Retry-After says, or ask for fewer tokens. Nothing was charged.',
  ],
  callsAtOnce: [
    'calls-at-once',
    429,
    'As many calls are under way as may be at once.',
    'Wait until one has ended. Nothing was charged.',
  ],
  overRun: [
    'run-budget-exceeded',
    402,
    'What is left of the run does not cover the most this call may cost.',
    'Start the run with a higher maxCost, or ask for fewer tokens.',
  ],
});
