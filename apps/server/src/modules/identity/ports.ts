/** What stands in where no part slows down guessers or knows second factors. */
import type { Guard, Outside, SecondFactor } from './types.ts';

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

/** Reaches nobody. */
export const nobodyOutside: Outside = {
  egress: {
    request: async () => {
      throw new Error('nobody outside is asked here');
    },
  },
  resolveTxt: async () => [],
  signIn: { google: undefined, github: undefined, oidc: undefined },
  isInsecureAllowed: false,
};
