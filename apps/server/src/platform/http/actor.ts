/** Who did it, for the audit trail. */
import type { Principal } from './types.ts';

/** A person is named by their membership, a key by its id. */
export const actorOf = ({ keyId, personId }: Pick<Principal, 'keyId'> & { readonly personId?: string | undefined }) =>
  ({ actorType: personId === undefined ? 'key' : 'member', actorId: keyId }) as const;
