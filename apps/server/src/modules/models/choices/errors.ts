import { defineErrors } from '../../../platform/errors/index.ts';

export const choiceErrors = defineErrors('models', {
  choiceUnfit: [
    'choice-unfit',
    422,
    'This list of models cannot be used.',
    'Correct the members that are named; GET /v1/operator/model-prices lists the models that have a price.',
  ],
  policyRefuses: [
    'policy-refuses',
    403,
    "The organisation's policy does not allow this call.",
    'Choose a model that GET /v1/models lists, or have PUT /v1/model-policy changed. Nothing was charged.',
  ],
});
