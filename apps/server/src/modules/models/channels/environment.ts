/** Channels that the settings of this process name. They live in memory alone; their ids are the same at every start. */
import type { Clock } from '../../../platform/clock/index.ts';
import type { Secret } from '../../../platform/crypto/index.ts';
import type { Egress } from '../../../platform/egress/index.ts';
import type { Channel, ProviderKind } from '../types.ts';
import { DEFAULT_BASE_URLS, KIND_NAMES } from './kinds.ts';
import { probe } from './probe.ts';
import type { EnvironmentProviders, KeyedProvider } from './types.ts';

/** Between those that are to be asked first (0) and those kept for need (2 and more). */
export const PRIORITY_DEFAULT = 1;

interface Named {
  readonly kind: ProviderKind;
  readonly baseUrl: string | undefined;
  readonly apiKey?: Secret | undefined;
  readonly source?: 'env' | 'found';
}

/** A channel of the operator's own word: its address may be a private one. */
export function operatorChannel({ kind, baseUrl, apiKey, source = 'env' }: Named): Channel {
  return {
    id: `prv_${source}_${kind}`,
    kind,
    name: KIND_NAMES[kind],
    baseUrl: baseUrl ?? DEFAULT_BASE_URLS[kind] ?? '',
    weight: 1,
    priority: PRIORITY_DEFAULT,
    regions: [],
    retainsData: kind !== 'ollama',
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    concurrencyMax: undefined,
    ownerOrgId: undefined,
    isTrustedAddress: true,
    secret: async () => apiKey?.reveal(),
  };
}

/** One channel for each provider whose key is set, and for an Ollama that is named. */
export function environmentChannels(settings: EnvironmentProviders): readonly Channel[] {
  const { openai, anthropic, google, mistral, novita, openrouter, ollama } = settings;
  const named: readonly Named[] = [
    { kind: 'openai', ...openai },
    { kind: 'anthropic', apiKey: anthropic.apiKey, baseUrl: `${anthropic.baseUrl}/v1` },
    { kind: 'google', baseUrl: undefined, ...google },
    { kind: 'mistral', baseUrl: undefined, ...mistral },
    { kind: 'novita', baseUrl: undefined, ...novita },
    { kind: 'openrouter', baseUrl: undefined, ...openrouter },
  ];
  const keyed = named.filter((one) => one.apiKey !== undefined).map(operatorChannel);
  if (ollama.url === undefined) return keyed;
  return [...keyed, operatorChannel({ kind: 'ollama', baseUrl: ollamaBase(ollama.url) })];
}

/**
 * Tries another key for a provider of the settings, whose channels are given. A provider that cannot be asked now says nothing against it.
 * @throws when the provider refuses the key.
 */
export async function tryKey(
  { egress, clock }: { readonly egress: Pick<Egress, 'request'>; readonly clock: Clock },
  channels: readonly Channel[],
  kind: KeyedProvider,
  apiKey: Secret,
): Promise<void> {
  const channel = channels.find((one) => one.kind === kind);
  if (!channel) return;
  const { baseUrl, isTrustedAddress } = channel;
  const check = await probe(egress, clock, { kind, baseUrl, isTrustedAddress, key: apiKey.reveal() });
  if (check.outcome === 'key-refused') throw new Error(check.detail);
}

/** Ollama speaks OpenAI's language below `/v1`. */
export const ollamaBase = (url: string): string => `${url.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1`;
