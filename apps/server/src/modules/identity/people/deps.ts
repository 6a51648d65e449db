/** What the use cases of people share. */
import type { Tx } from '../../../platform/db/index.ts';
import type { AdminToken } from '../store.ts';
import type { Admission, EntryRule, Guard, IdentityDeps, SecondFactor } from '../types.ts';
import type { Links } from './links.ts';
import type { Passwords } from './password.ts';
import type { PasswordOwner } from './password-rules.ts';

export interface PeopleDeps extends IdentityDeps {
  readonly guard: Guard;
  readonly secondFactor: SecondFactor;
  readonly entry: EntryRule;
  readonly admission: Admission;
  readonly passwords: Passwords;
  readonly links: Links;
  /** @throws 422 `people.weak-password`, naming the member at `path`. */
  readonly assertStrong: (password: string, owner: PasswordOwner, path?: string) => void;
  /** An organisation that a person makes for themselves. */
  readonly foundOrganisationIn: (
    tx: Tx,
    input: {
      readonly name: string;
      readonly personId: string;
      readonly requestId: string | undefined;
      readonly trial?: boolean;
    },
  ) => Promise<unknown>;
  /** One-time links to the administration of an organisation. */
  readonly adminTokens: {
    readonly find: (token: string) => Promise<AdminToken>;
    readonly use: (tx: Tx, token: AdminToken) => Promise<void>;
  };
  /** Ends the sessions of the person of this transaction, but the one named; tells how many. */
  readonly endSessions: (tx: Tx, exceptId: string | undefined) => Promise<number>;
}

/** What a person did to their own account, for the chain of that person. */
export function recordPerson(
  { audit }: Pick<IdentityDeps, 'audit'>,
  tx: Tx,
  entry: {
    readonly personId: string;
    readonly action: string;
    readonly requestId: string | undefined;
    readonly data?: Readonly<Record<string, string | number | boolean>>;
  },
): Promise<void> {
  const { personId, action, requestId, data } = entry;
  return audit.append(tx, {
    orgId: personId,
    actorType: 'member',
    actorId: personId,
    requestId,
    action,
    targetType: 'person',
    targetId: personId,
    data,
  });
}
