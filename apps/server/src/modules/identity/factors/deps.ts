/** What the use cases of factors share. */
import type { Tx } from '../../../platform/db/index.ts';
import type { Links } from '../people/links.ts';
import type { SessionService } from '../sessions/service.ts';
import type { EntryRule, Guard, IdentityDeps, Self } from '../types.ts';
import type { Challenges } from './challenges.ts';
import type { Passkeys } from './passkeys.ts';

export interface FactorDeps extends IdentityDeps {
  readonly guard: Guard;
  readonly entry: EntryRule;
  readonly links: Links;
  readonly sessions: SessionService;
  readonly challenges: Challenges;
  readonly passkeys: Passkeys;
}

/** What a person did to their factors, for their own chain. */
export function recordFactor(
  { audit }: Pick<IdentityDeps, 'audit'>,
  tx: Tx,
  { personId, requestId }: Pick<Self, 'personId' | 'requestId'>,
  entry: {
    readonly action: string;
    readonly factorId?: string | undefined;
    readonly data?: Readonly<Record<string, string | number>>;
  },
): Promise<void> {
  const { action, factorId, data } = entry;
  return audit.append(tx, {
    orgId: personId,
    actorType: 'member',
    actorId: personId,
    requestId,
    action,
    targetType: factorId === undefined ? 'person' : 'factor',
    targetId: factorId ?? personId,
    data,
  });
}
