/** The one reader of the environment: every setting with its default, bounds and effect; every fault is listed at once. */

export {
  type FollowOptions,
  followSecrets,
  type Probe,
  type Probes,
  readSettings,
  type SecretFollower,
  type SecretObserver,
} from './follow.ts';
export type { ProviderSettings } from './providers.ts';
export type { SettingDoc } from './schemas.ts';
export { LiveSecrets, type SecretOrigin, type SecretSetting } from './secrets.ts';
export { type LoadOptions, loadSettings, SETTINGS, type Settings, SettingsError } from './settings.ts';
