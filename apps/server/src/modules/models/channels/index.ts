/** The door of channels: which ways to providers an organisation has, with their keys sealed until the call. */
import type { Secret } from '../../../platform/crypto/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { RouteDefinition } from '../../../platform/http/index.ts';
import type { Channel } from '../types.ts';
import { environmentChannels, PRIORITY_DEFAULT, tryKey } from './environment.ts';
import { providerErrors } from './errors.ts';
import { KIND_NAMES } from './kinds.ts';
import { createChannelMemory } from './memory.ts';
import { createOffers } from './offers.ts';
import { createOllamaFinder } from './ollama.ts';
import { operatorRoutes } from './operator-routes.ts';
import { providerKeyRoutes } from './routes.ts';
import { baseUrlFor, byPriority, isSendable } from './rules.ts';
import { createProviderService } from './service.ts';
import type { ChannelModels, ChannelsDeps, Check, KeyedProvider, Wanted } from './types.ts';
import { toFixedView, toProviderView } from './views.ts';

export { providerErrors } from './errors.ts';
export { authHeaders, DEFAULT_BASE_URLS, NEEDS_KEY } from './kinds.ts';
export type { ChannelModels, ChannelsDeps, Check, RequestKey, Wanted } from './types.ts';

/** By these headers a request brings a key of its own, and says where that key is for. */
export const REQUEST_KEY_HEADERS = { key: 'x-provider-key', baseUrl: 'x-provider-base-url' } as const;
/** The id of the channel that a request brings itself. */
export const REQUEST_CHANNEL = 'prv_request';

/** Whether it is one of the operator's own, stored or not. */
export const isOperatorChannel = (id: string): boolean => id.startsWith('prv_') && id !== REQUEST_CHANNEL;

export interface Channels {
  readonly routes: readonly RouteDefinition[];
  /**
   * Every channel the organisation may use: its own keys first, then the operator's; each group by priority. From memory; a change
   * made by any process is seen within milliseconds. With `requestKey`, that key's channel alone.
   * @throws `providers.request-key-unfit`, `.address-refused`, `.address-missing` for what a request brings.
   */
  candidates(wanted: Wanted): Promise<readonly Channel[]>;
  /** What each of them offers, as far as is known now; asks in the background and waits for no provider. */
  models(orgId: string): Promise<readonly ChannelModels[]>;
  /** Tries another key for a provider of the settings. @throws when the provider refuses it; one that cannot be asked says nothing against it. */
  tryKey(kind: KeyedProvider, key: Secret): Promise<void>;
  /** Begins to hear changes, looks for Ollama, and asks providers for their models in the background. Waits for none of it. The result stops. */
  start(): () => Promise<void>;
}

function requestChannel({ orgId, kind, requestKey }: Wanted, assertCallable: (url: string) => void): Channel {
  const { key, baseUrl: given } = requestKey ?? { key: '' };
  const actual = kind ?? (given === undefined ? undefined : 'compatible');
  if (actual === undefined || !isSendable(key)) throw new GuildhallError(providerErrors.requestKeyUnfit);
  const baseUrl = baseUrlFor(actual, given);
  if (given !== undefined) assertCallable(baseUrl);
  return {
    id: REQUEST_CHANNEL,
    kind: actual,
    name: KIND_NAMES[actual],
    baseUrl,
    weight: 1,
    priority: PRIORITY_DEFAULT,
    regions: [],
    retainsData: true,
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    concurrencyMax: undefined,
    ownerOrgId: orgId,
    isTrustedAddress: false,
    secret: async () => key,
  };
}

export function createChannels(deps: ChannelsDeps): Channels {
  const { clock, egress, environmentProviders, health } = deps;
  const memory = createChannelMemory(deps);
  const offers = createOffers(deps);
  const service = createProviderService(deps);
  const settled = environmentChannels(environmentProviders);
  const finder =
    environmentProviders.ollama.url === undefined
      ? createOllamaFinder({ clock, egress, noted: offers.note })
      : undefined;
  const found = (): readonly Channel[] => {
    const channel = finder?.found();
    return channel ? [channel] : [];
  };

  const candidates = async (wanted: Wanted): Promise<readonly Channel[]> => {
    if (wanted.requestKey) return [requestChannel(wanted, service.assertCallable)];
    const [owned, stored] = await Promise.all([memory.owned(wanted.orgId), memory.operators()]);
    const all = [...byPriority(owned), ...byPriority([...settled, ...found(), ...stored])];
    return wanted.kind === undefined ? all : all.filter((channel) => channel.kind === wanted.kind);
  };

  const seenOf = (channelId: string) => ({
    models: offers.known(channelId),
    health: health().find((one) => one.channelId === channelId),
  });
  const remembered = {
    models: offers.known,
    changed: (whom: string, checked?: { readonly id: string; readonly check: Check }) => {
      memory.forget(whom);
      if (checked && checked.check.models.length > 0) offers.note(checked.id, checked.check.models);
    },
  };

  return {
    routes: [
      ...providerKeyRoutes(service, remembered),
      ...operatorRoutes(service, {
        ...remembered,
        fixed: () => [
          ...settled.map((one) => toFixedView(one, 'environment', seenOf(one.id))),
          ...found().map((one) => toFixedView(one, 'found', seenOf(one.id))),
        ],
        shown: (record) => toProviderView(record, seenOf(record.id)),
      }),
    ],
    candidates,
    tryKey: (kind, key) => tryKey(deps, settled, kind, key),
    models: async (orgId) => (await candidates({ orgId })).map(offers.of),
    start() {
      const stopMemory = memory.start();
      const stopLooking = finder?.start();
      for (const channel of settled) offers.of(channel);
      // Warms the memory too. Where it fails the first call asks again.
      memory.operators().then(
        (channels) => channels.forEach(offers.of),
        () => {},
      );
      return async () => {
        stopLooking?.();
        offers.stop();
        await stopMemory();
      };
    },
  };
}
