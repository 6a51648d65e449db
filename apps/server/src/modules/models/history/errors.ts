import { defineErrors } from '../../../platform/errors/index.ts';

export const historyErrors = defineErrors('models', {
  callMissing: [
    'call-not-found',
    404,
    'There is no such call.',
    'GET /v1/calls lists the calls that this key may see.',
  ],
});
