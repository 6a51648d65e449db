import { defineErrors } from '../../platform/errors/index.ts';

export const ledgerErrors = defineErrors('ledger', {
  transferConflict: [
    'transfer-conflict',
    409,
    'This transfer id was used before with other content.',
    'Nothing was booked. Use a new id for a new transfer, or repeat the first one unchanged.',
  ],
  holdConflict: [
    'hold-conflict',
    409,
    'This hold exists already with other content.',
    'Nothing was booked. Use a new id for a new hold.',
  ],
  holdEnded: [
    'hold-ended',
    409,
    'This hold has ended and cannot end a second time.',
    'Nothing was booked. Take a new hold if there is more to pay for.',
  ],
  holdMissing: ['hold-not-found', 404, 'There is no such hold.', 'Check the id.'],
  accountsMissing: [
    'accounts-missing',
    404,
    'This organisation has no accounts.',
    'Check the organisation id; accounts are opened when an organisation is made.',
  ],
  insufficientCredit: [
    'insufficient-credit',
    402,
    'The organisation does not have that much credit available.',
    'Nothing was booked. Choose a smaller amount, or wait until open holds have ended.',
  ],
  amount: [
    'amount',
    422,
    'The amount must be greater than zero.',
    'Give the amount in nano-USD as a positive whole number.',
  ],
  budgetScope: [
    'budget-scope',
    422,
    'The scope of this budget does not name anything it could apply to.',
    'Give the id of the key, agent or member. A budget for the whole organisation takes its own id, or none.',
  ],
  budgetMissing: [
    'budget-not-found',
    404,
    'There is no such budget to remove.',
    'List the budgets to see what there is.',
  ],
  budgetLiveOnly: [
    'budget-live-only',
    403,
    'Budgets guard live money, which a test key cannot touch.',
    'Use a live key with the scope billing:write.',
  ],
  cursor: [
    'cursor',
    422,
    'This cursor did not come from this list.',
    'Use `nextCursor` of the page before, or leave it out to start over.',
  ],
});
