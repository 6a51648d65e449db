/** The one reader of the environment: every setting with its default, bounds and effect; every fault is listed at once. */
export { loadSettings, SETTINGS, type SettingDoc, type Settings, SettingsError } from './settings.ts';
