/** The transaction in which somebody whom we know comes in. */
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { entryErrors } from '../errors.ts';
import { recordPerson } from '../people/deps.ts';
import type { Attempt, IdentityDeps } from '../types.ts';

type EnteringDeps = Pick<IdentityDeps, 'db' | 'audit'>;

/** Somebody was not let in, for the chain of whose account it is. */
export const recordRefusal = (
  deps: EnteringDeps,
  personId: string,
  { requestId }: Pick<Attempt, 'requestId'>,
  reason?: string,
): Promise<void> =>
  deps.db.tenant(personId, (tx) =>
    recordPerson(deps, tx, {
      personId,
      action: 'session.refuse',
      requestId,
      ...(reason === undefined ? {} : { data: { reason } }),
    }),
  );

/** As that person. Where their organisation leaves this way closed nothing is left of it but a row of the trail. @throws what `work` throws */
export async function entering<T>(
  deps: EnteringDeps,
  personId: string,
  attempt: Pick<Attempt, 'requestId'>,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  try {
    return await deps.db.tenant(personId, work);
  } catch (error) {
    const { ssoRequired } = entryErrors;
    if (error instanceof GuildhallError && error.spec === ssoRequired)
      await recordRefusal(deps, personId, attempt, ssoRequired.code);
    throw error;
  }
}
