/** The nouns of identity, and what it asks of the modules around it. */
import type { Mode, Scope } from '@guildhall/contract';
import type { Clock } from '../../platform/clock/index.ts';
import type { Keyring } from '../../platform/crypto/index.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import type { MemberRole, Principal } from '../../platform/http/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import type { Audit } from '../audit/index.ts';

/** What a member of an organisation may be; an organisation's first key carries one too. */
export type Role = MemberRole;

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
  | { readonly type: 'key'; readonly principal: Principal; readonly requestId?: string | undefined }
  | { readonly type: 'system'; readonly orgId: string; readonly name: string };

/** Who makes an organisation: an operator's key, or the program itself. */
export interface Founder {
  readonly type: 'operator' | 'system';
  /** The key's id, or the name of the command. */
  readonly id: string;
  readonly requestId?: string | undefined;
}

export interface IdentityDeps {
  readonly db: Db;
  readonly ids: Ids;
  readonly clock: Clock;
  /** The pepper: keys made under a former master key stay valid while that one is known. */
  readonly keyring: Pick<Keyring, 'mac' | 'macs'>;
  readonly audit: Pick<Audit, 'append'>;
  /** Called inside the transaction that makes an organisation, as that organisation: opens its accounts, books trial credit. */
  readonly onOrganisationCreated: (tx: Tx, orgId: string, options: { readonly trial: boolean }) => Promise<void>;
  /** Called inside the transaction that rotates a key: what the old one counted in counts the successor too. */
  readonly onKeyRotated: (
    tx: Tx,
    key: { readonly orgId: string; readonly keyId: string; readonly successorId: string },
  ) => Promise<void>;
  readonly log: { warn(fields: object, message: string): void };
  /** Unguessable bytes. */
  readonly random: (size: number) => Uint8Array;
}
