/** The nouns of channels, and what they ask of the parts around them. */
import type { ProviderCheckOutcome } from '@guildhall/contract';
import type { Bus } from '../../../platform/bus/index.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Keyring, Secret } from '../../../platform/crypto/index.ts';
import type { Db } from '../../../platform/db/index.ts';
import type { Egress } from '../../../platform/egress/index.ts';
import type { Ids } from '../../../platform/ids/index.ts';
import type { Logger } from '../../../platform/telemetry/index.ts';
import type { Audit } from '../../audit/index.ts';
import type { Channel, ProviderKind } from '../types.ts';
import type { ChannelHealth } from '../upstream/index.ts';

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

/** The same as it is kept: with the number of models in the place of their names. */
export interface StoredCheck {
  readonly outcome: ProviderCheckOutcome;
  readonly detail: string;
  readonly status: number | null;
  readonly ms: number;
  readonly models: number;
  readonly at: string;
}

interface Sealed {
  readonly id: string;
  readonly kind: ProviderKind;
  readonly name: string;
  readonly baseUrl: string;
  /** The key as an envelope that opens only in this row; undefined where none is needed. */
  readonly sealed: Buffer | undefined;
  readonly keyLast4: string | undefined;
  readonly weight: number;
  readonly priority: number;
  readonly lastCheck: StoredCheck;
  readonly createdAt: Date;
}

/** A provider that the operator added. */
export interface ProviderRecord extends Sealed {
  readonly regions: readonly string[];
  readonly retainsData: boolean;
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
  readonly concurrencyMax: number | undefined;
  readonly enabled: boolean;
  readonly updatedAt: Date;
}

/** A key that an organisation brought. Active until it is revoked, which is final and forgets the key. */
export interface KeyRecord extends Sealed {
  readonly orgId: string;
  readonly lastUsedAt: Date | undefined;
  readonly revokedAt: Date | undefined;
}

/** Who changes something. */
export interface Actor {
  readonly type: 'key' | 'member' | 'operator';
  readonly orgId: string;
  readonly keyId: string;
  readonly requestId: string;
}

interface Keyed {
  readonly apiKey: Secret | undefined;
}

/** What the settings of a process say of providers. */
export interface EnvironmentProviders {
  readonly openai: Keyed & { readonly baseUrl: string };
  /** `baseUrl` does not include `/v1`. */
  readonly anthropic: Keyed & { readonly baseUrl: string };
  readonly google: Keyed;
  readonly mistral: Keyed;
  readonly novita: Keyed;
  readonly openrouter: Keyed;
  readonly ollama: { readonly url: string | undefined };
}

/** Those of the settings that take a key. */
export type KeyedProvider = Exclude<keyof EnvironmentProviders, 'ollama'>;

export interface ChannelsDeps {
  readonly db: Db;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly keyring: Pick<Keyring, 'encrypt' | 'decrypt'>;
  readonly audit: Pick<Audit, 'append'>;
  readonly bus: Pick<Bus, 'subscribe' | 'onGap'>;
  readonly log: Logger;
  readonly egress: Egress;
  readonly environmentProviders: EnvironmentProviders;
  /** What calls of this process saw of each channel. */
  readonly health: () => readonly ChannelHealth[];
}
