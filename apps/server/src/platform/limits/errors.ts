/** The answer to one call too many. */
import { defineErrors } from '../errors/index.ts';

export const limitsErrors = defineErrors('limits', {
  exceeded: ['exceeded', 429, 'Too many requests.', 'Wait as long as Retry-After says, then go on more slowly.'],
});
