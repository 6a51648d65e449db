import { defineErrors } from '../../platform/errors/index.ts';

const NOT_CHARGED = 'Nothing was charged.';

export const callErrors = defineErrors('models', {
  booksAway: [
    'books-away',
    503,
    'The books cannot be reached, so no call can be paid for.',
    `${NOT_CHARGED} Try again in a few seconds.`,
  ],
});
