/** What stands in where nothing outside can be reached. */
import type { Outside } from './types.ts';

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
