/** Settings of model providers: whose key is set can be called, for all organisations, at the operator's expense. */
import type { Secret } from '../platform/crypto/index.ts';
import { baseUrl, type SettingDoc, secret } from './schemas.ts';

const OPENAI = 'https://api.openai.com/v1';
const ANTHROPIC = 'https://api.anthropic.com';

const KEY_BOUNDS = '8–1024 printable characters';
const keyOf = (provider: string) => ({
  fallback: `${provider} is not used`,
  bounds: KEY_BOUNDS,
  effect: `The operator's key at ${provider}: lets agents and the model gateway call its models.`,
  schema: secret.optional(),
  secret: 'key' as const,
});

export const PROVIDER_SETTINGS = [
  { name: 'OPENAI_API_KEY', ...keyOf('OpenAI') },
  {
    name: 'OPENAI_BASE_URL',
    fallback: OPENAI,
    bounds: 'http(s) URL, with /v1 where the server has it; may be private',
    effect:
      'Sends calls for OpenAI to another server that speaks its language. Models known by name keep their prices.',
    schema: baseUrl.default(OPENAI),
  },
  { name: 'ANTHROPIC_API_KEY', ...keyOf('Anthropic') },
  {
    name: 'ANTHROPIC_BASE_URL',
    fallback: ANTHROPIC,
    bounds: 'http(s) URL, with or without /v1; may be private',
    effect:
      'Sends calls for Anthropic to another server that speaks its language. Models known by name keep their prices.',
    schema: baseUrl.transform((url) => url.replace(/\/v1$/, '')).default(ANTHROPIC),
  },
  { name: 'GOOGLE_API_KEY', ...keyOf('Google') },
  { name: 'MISTRAL_API_KEY', ...keyOf('Mistral') },
  { name: 'NOVITA_API_KEY', ...keyOf('Novita') },
  { name: 'OPENROUTER_API_KEY', ...keyOf('OpenRouter') },
  {
    name: 'OLLAMA_URL',
    fallback: 'http://127.0.0.1:11434, when it answers there',
    bounds: 'http(s) URL, such as http://127.0.0.1:11434; may be private',
    effect: 'An Ollama server whose models agents and the model gateway may call.',
    schema: baseUrl.optional(),
  },
] as const satisfies readonly SettingDoc[];

/** Keys are undefined where the operator has no account. Addresses have no slash at their end. */
export interface ProviderSettings {
  /** `baseUrl` includes `/v1`. */
  readonly openai: { readonly apiKey: Secret | undefined; readonly baseUrl: string };
  /** `baseUrl` does not include `/v1`. */
  readonly anthropic: { readonly apiKey: Secret | undefined; readonly baseUrl: string };
  readonly google: { readonly apiKey: Secret | undefined };
  readonly mistral: { readonly apiKey: Secret | undefined };
  readonly novita: { readonly apiKey: Secret | undefined };
  readonly openrouter: { readonly apiKey: Secret | undefined };
  readonly ollama: { readonly url: string | undefined };
}

/** From values that the schemas above have parsed. */
export function providersFrom(read: <T>(name: (typeof PROVIDER_SETTINGS)[number]['name']) => T): ProviderSettings {
  return Object.freeze({
    openai: { apiKey: read<Secret | undefined>('OPENAI_API_KEY'), baseUrl: read<string>('OPENAI_BASE_URL') },
    anthropic: { apiKey: read<Secret | undefined>('ANTHROPIC_API_KEY'), baseUrl: read<string>('ANTHROPIC_BASE_URL') },
    google: { apiKey: read<Secret | undefined>('GOOGLE_API_KEY') },
    mistral: { apiKey: read<Secret | undefined>('MISTRAL_API_KEY') },
    novita: { apiKey: read<Secret | undefined>('NOVITA_API_KEY') },
    openrouter: { apiKey: read<Secret | undefined>('OPENROUTER_API_KEY') },
    ollama: { url: read<string | undefined>('OLLAMA_URL') },
  });
}
