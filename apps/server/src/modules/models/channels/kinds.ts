/** What differs between providers before a call is made: where they are, and how they want to be shown the key. */
import type { ProviderKind } from '../types.ts';

/** Shown in lists where a channel was given no name of its own. */
export const KIND_NAMES: Readonly<Record<ProviderKind, string>> = {
  openai: 'OpenAI',
  anthropic: 'Anthropic',
  google: 'Google',
  mistral: 'Mistral',
  novita: 'Novita',
  openrouter: 'OpenRouter',
  ollama: 'Ollama',
  compatible: 'OpenAI-compatible',
};

/** Paths of the wire (`/chat/completions`, `/messages`, `/models`) are appended to it; undefined where there is no usual one. */
export const DEFAULT_BASE_URLS: Readonly<Record<ProviderKind, string | undefined>> = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com/v1',
  google: 'https://generativelanguage.googleapis.com/v1beta/openai',
  mistral: 'https://api.mistral.ai/v1',
  novita: 'https://api.novita.ai/v3/openai',
  openrouter: 'https://openrouter.ai/api/v1',
  ollama: 'http://127.0.0.1:11434/v1',
  compatible: undefined,
};

/** A model server of one's own may have none. */
export const NEEDS_KEY: Readonly<Record<ProviderKind, boolean>> = {
  openai: true,
  anthropic: true,
  google: true,
  mistral: true,
  novita: true,
  openrouter: true,
  ollama: false,
  compatible: false,
};

// The version of Anthropic's wire that this program speaks.
const ANTHROPIC_VERSION = '2023-06-01';

/** The headers that show a provider the key. Made where the call is made; never kept. */
export function authHeaders(kind: ProviderKind, key: string | undefined): Record<string, string> {
  if (kind === 'anthropic')
    return { 'anthropic-version': ANTHROPIC_VERSION, ...(key === undefined ? {} : { 'x-api-key': key }) };
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}
