/** The door of channels: which ways to providers an organisation has, with their keys sealed until the call. */
import type { RouteDefinition } from '../../../platform/http/index.ts';
import type { Channel } from '../types.ts';
import { environmentChannels } from './environment.ts';
import type { ChannelModels, ChannelsDeps, Health, Report, Wanted } from './types.ts';

export { authHeaders, DEFAULT_BASE_URLS, NEEDS_KEY } from './kinds.ts';
export type { ChannelModels, ChannelsDeps, Check, Health, Report, RequestKey, Wanted } from './types.ts';

export interface Channels {
  readonly routes: readonly RouteDefinition[];
  /**
   * Every channel the organisation may use: its own keys first, then the operator's; each group by priority. From memory; a change
   * made by any process is seen within milliseconds. With `requestKey`, that key's channel alone.
   * @throws `providers.address-refused` for a base URL of a request that must not be called, `providers.kind-missing`.
   */
  candidates(wanted: Wanted): Promise<readonly Channel[]>;
  /** What each of them offers, as far as is known now; asks nobody and waits for nobody. */
  models(orgId: string): Promise<readonly ChannelModels[]>;
  /** Tells how a call went. In memory; never fails. */
  report(channelId: string, report: Report): void;
  /** What this process saw of a channel; undefined before the first call. */
  health(channelId: string): Health | undefined;
  /** Begins to hear changes, looks for Ollama, and asks providers for their models in the background. Waits for none of it. The result stops. */
  start(): Promise<() => Promise<void>>;
}

export function createChannels(deps: ChannelsDeps): Channels {
  const fixed: readonly Channel[] = environmentChannels(deps.environmentProviders);
  return {
    routes: [],
    candidates: async ({ kind }) => fixed.filter((channel) => kind === undefined || channel.kind === kind),
    models: async () => fixed.map((channel) => ({ channel, names: [], isKnown: false })),
    report: () => {},
    health: () => undefined,
    start: async () => async () => {},
  };
}
