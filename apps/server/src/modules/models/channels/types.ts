/** The nouns of channels, and what they ask of the parts around them. */
import type { ProviderCheckOutcome } from '@guildhall/contract';
import type { ProviderSettings } from '../../../config/index.ts';
import type { Bus } from '../../../platform/bus/index.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Keyring } from '../../../platform/crypto/index.ts';
import type { Db } from '../../../platform/db/index.ts';
import type { Egress } from '../../../platform/egress/index.ts';
import type { Ids } from '../../../platform/ids/index.ts';
import type { Logger } from '../../../platform/telemetry/index.ts';
import type { Audit } from '../../audit/index.ts';
import type { Channel, ProviderKind } from '../types.ts';

/** A key that came with one request: kept for that request alone, stored nowhere. */
export interface RequestKey {
  readonly key: string;
  /** Where the key is for; the usual address of the kind when left out. Public addresses only. */
  readonly baseUrl?: string | undefined;
}

export interface Wanted {
  readonly orgId: string;
  /** All kinds when left out. */
  readonly kind?: ProviderKind | undefined;
  /** With it the answer is the one channel of this key. Needs `kind`, unless a base URL makes it `compatible`. */
  readonly requestKey?: RequestKey | undefined;
}

/** What a channel offered when it was last asked. */
export interface ChannelModels {
  readonly channel: Channel;
  /** Names as the provider writes them. Empty while the list is not known: that says nothing about what it serves. */
  readonly names: readonly string[];
  readonly isKnown: boolean;
}

/** How a provider answered one call. */
export interface Report {
  /** `ok`, or the stable code of what went wrong. */
  readonly outcome: string;
  readonly ms: number;
}

/** What this process saw of a channel since it started. */
export interface Health {
  readonly calls: number;
  readonly failures: number;
  /** Failures since the last success. */
  readonly failuresInRow: number;
  readonly lastOkAt: Date | undefined;
  readonly lastFailureAt: Date | undefined;
  readonly lastFailure: string | undefined;
  /** Moving average of answered calls; undefined before the first. */
  readonly ms: number | undefined;
}

/** What asking a provider for its models said about address and key. */
export interface Check {
  readonly outcome: ProviderCheckOutcome;
  /** One sentence for a person. Never holds what the provider wrote. */
  readonly detail: string;
  readonly status: number | undefined;
  readonly ms: number;
  readonly models: readonly string[];
  readonly at: Date;
}

export interface ChannelsDeps {
  readonly db: Db;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly keyring: Pick<Keyring, 'encrypt' | 'decrypt'>;
  readonly audit: Pick<Audit, 'append'>;
  readonly bus: Pick<Bus, 'subscribe' | 'onGap'>;
  readonly log: Logger;
  /** For addresses that organisations and requests name: public ones, and what EGRESS_ALLOW_PRIVATE opens. */
  readonly egress: Egress;
  /** For addresses that the settings of this process name: these may be private. */
  readonly trustedEgress: Pick<Egress, 'request'>;
  readonly environmentProviders: ProviderSettings;
}
