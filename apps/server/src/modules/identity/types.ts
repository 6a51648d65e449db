/** The nouns of identity, and what it asks of the modules around it. */
import type { Mode, Scope } from '@guildhall/contract';
import type { Clock } from '../../platform/clock/index.ts';
import type { Keyring } from '../../platform/crypto/index.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/index.ts';
import type { Ids } from '../../platform/ids/index.ts';

/** What a member of an organisation may be. Today only an organisation's first key carries one. */
export type Role = 'owner' | 'admin' | 'developer' | 'billing' | 'viewer';

export interface Organisation {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
}

/**
 * A key without its secret. It is **active** from creation until `revokedAt` is set or `expiresAt` is reached, whichever comes first;
 * both ends are final. A **rotated** key (`replacedBy` set) is active until its overlap ends and cannot be rotated again.
 */
export interface Key {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly mode: Mode;
  readonly role: Role | undefined;
  readonly scopes: readonly Scope[];
  /** The readable start of the secret: `gld_live_` or `gld_test_` and four characters. */
  readonly prefix: string;
  readonly last4: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  /** Exact to the minute. */
  readonly lastUsedAt: Date | undefined;
  readonly revokedAt: Date | undefined;
  readonly replacedBy: string | undefined;
}

export interface KeyWithSecret {
  readonly key: Key;
  /** The only time it exists outside its owner's hands. */
  readonly secret: string;
}

/** Who asks for a change: a key of the organisation, or the program itself on behalf of whoever runs the server. */
export type Actor =
  | { readonly type: 'key'; readonly principal: Principal }
  | { readonly type: 'system'; readonly orgId: string; readonly name: string };

export interface AuditEvent {
  readonly orgId: string;
  readonly actor: { readonly type: 'key' | 'system'; readonly id: string };
  readonly action: string;
  readonly target: { readonly type: string; readonly id: string };
  readonly details: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
}

export interface IdentityDeps {
  readonly db: Db;
  readonly ids: Ids;
  readonly clock: Clock;
  /** The pepper: keys made under a former master key stay valid while that one is known. */
  readonly keyring: Pick<Keyring, 'mac' | 'macs'>;
  /** Appends one row to the audit log of `event.orgId`, in the caller's transaction, which is that organisation's. */
  readonly audit: { append(tx: Tx, event: AuditEvent): Promise<void> };
  /** Called inside the transaction that makes an organisation, as that organisation: opens its accounts, books trial credit. */
  readonly onOrganisationCreated: (tx: Tx, orgId: string, options: { readonly trial: boolean }) => Promise<void>;
  readonly log: { warn(fields: object, message: string): void };
  readonly random?: (size: number) => Uint8Array;
}
