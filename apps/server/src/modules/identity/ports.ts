/** What stands in where no part slows down guessers or knows second factors. */
import type { Guard, SecondFactor } from './types.ts';

/** Lets everybody try. */
export const openGuard: Guard = {
  admit: async () => {},
  clear: async () => {},
  noteFailure: async () => {},
  noteSuccess: async () => undefined,
  noteReset: async () => {},
};

/** Nobody has a second factor. */
export const noSecondFactor: SecondFactor = {
  required: async () => false,
  challenge: async () => {
    throw new Error('a challenge was asked for where nobody has a second factor');
  },
};
