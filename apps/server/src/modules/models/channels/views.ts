/** Providers and provider keys as the interface shows them: never with a key. */
import type { Provider, ProviderCheck, ProviderKey } from '@guildhall/contract';
import type { Channel } from '../types.ts';
import type { ChannelHealth } from '../upstream/index.ts';
import type { Check, KeyRecord, ProviderRecord, StoredCheck } from './types.ts';

// Some providers have hundreds; all of them stand in GET /v1/models.
const MODELS_SHOWN = 50;

export const toCheckView = (check: Check): ProviderCheck => ({
  outcome: check.outcome,
  detail: check.detail,
  status: check.status ?? null,
  ms: check.ms,
  models: check.models.length,
  at: check.at.toISOString(),
});

const storedView = (check: StoredCheck): ProviderCheck => ({ ...check });

function healthView(health: ChannelHealth | undefined): Provider['health'] {
  if (!health) return null;
  const { state, since, firstByteMs, errorRate, calls, lastError } = health;
  return {
    state,
    since: since.toISOString(),
    firstByteMs: firstByteMs ?? null,
    errorRate,
    calls,
    lastError: lastError ?? null,
  };
}

interface Seen {
  readonly models: readonly string[];
  readonly health: ChannelHealth | undefined;
}

export const toProviderView = (record: ProviderRecord, seen: Seen): Provider => ({
  id: record.id,
  source: 'stored',
  kind: record.kind,
  name: record.name,
  baseUrl: record.baseUrl,
  keyLast4: record.keyLast4 ?? null,
  weight: record.weight,
  priority: record.priority,
  regions: [...record.regions],
  retainsData: record.retainsData,
  requestsPerMinute: record.requestsPerMinute ?? null,
  tokensPerMinute: record.tokensPerMinute ?? null,
  concurrencyMax: record.concurrencyMax ?? null,
  enabled: record.enabled,
  models: seen.models.slice(0, MODELS_SHOWN),
  health: healthView(seen.health),
  lastCheck: storedView(record.lastCheck),
  createdAt: record.createdAt.toISOString(),
  updatedAt: record.updatedAt.toISOString(),
});

/** A channel that is stored nowhere. */
export const toFixedView = (channel: Channel, source: 'environment' | 'found', seen: Seen): Provider => ({
  id: channel.id,
  source,
  kind: channel.kind,
  name: channel.name,
  baseUrl: channel.baseUrl,
  // The end of a key from the settings would need the key itself, which is read for calls alone.
  keyLast4: null,
  weight: channel.weight,
  priority: channel.priority,
  regions: [...channel.regions],
  retainsData: channel.retainsData,
  requestsPerMinute: null,
  tokensPerMinute: null,
  concurrencyMax: null,
  enabled: true,
  models: seen.models.slice(0, MODELS_SHOWN),
  health: healthView(seen.health),
  lastCheck: null,
  createdAt: null,
  updatedAt: null,
});

export const toKeyView = (record: KeyRecord, models: readonly string[]): ProviderKey => ({
  id: record.id,
  kind: record.kind,
  name: record.name,
  baseUrl: record.baseUrl,
  keyLast4: record.keyLast4 ?? null,
  weight: record.weight,
  priority: record.priority,
  models: models.slice(0, MODELS_SHOWN),
  lastCheck: storedView(record.lastCheck),
  createdAt: record.createdAt.toISOString(),
  lastUsedAt: record.lastUsedAt?.toISOString() ?? null,
  revokedAt: record.revokedAt?.toISOString() ?? null,
});
