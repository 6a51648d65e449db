/** The nouns of the gateway. Amounts are whole nano-USD, times of a call are milliseconds. */
import type { Json } from '@guildhall/agent-sdk';
import type { Mode } from '@guildhall/contract';

export type { Json, Mode };

export type JsonObject = { readonly [key: string]: Json | undefined };

/** A language that clients and providers speak over HTTP: OpenAI's three, and Anthropic's `messages`. */
export type Wire = 'chat' | 'responses' | 'messages' | 'embeddings';

/** Whose service it is; decides base URL, way of authentication, wires and price list. `compatible`: any OpenAI-compatible address. */
export type ProviderKind =
  | 'openai'
  | 'anthropic'
  | 'google'
  | 'mistral'
  | 'novita'
  | 'openrouter'
  | 'ollama'
  | 'compatible';

/** What a call used. `input` and `output` are totals; the others say how much of them was special. */
export interface TokenUsage {
  readonly input: number;
  readonly output: number;
  /** Of `input`: read from the provider's prompt cache. */
  readonly cached: number;
  /** Of `input`: written to the provider's prompt cache. */
  readonly cacheWrite: number;
  /** Of `cacheWrite`: kept for an hour. */
  readonly cacheWriteLong: number;
  /** Of `output`: thought, not shown. */
  readonly reasoning: number;
  /** Images made or read that are priced by the piece. */
  readonly images: number;
  /** True where the provider did not say and we counted what was sent and delivered. */
  readonly isCounted: boolean;
}

export const NO_USAGE: TokenUsage = {
  input: 0,
  output: 0,
  cached: 0,
  cacheWrite: 0,
  cacheWriteLong: 0,
  reasoning: 0,
  images: 0,
  isCounted: false,
};

/** One way to a provider: an account with its key and limits. Several of one kind share its load. */
export interface Channel {
  readonly id: string;
  readonly kind: ProviderKind;
  readonly name: string;
  /** Without a slash at the end; paths of the wire are appended. */
  readonly baseUrl: string;
  /** Share of the calls among channels of the same priority. */
  readonly weight: number;
  /** Lower is asked first. */
  readonly priority: number;
  readonly regions: readonly string[];
  /** Whether the provider may keep prompts; organisations may refuse such channels. */
  readonly retainsData: boolean;
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
  readonly concurrencyMax: number | undefined;
  /** The organisation whose own key this is; undefined for the operator's. */
  readonly ownerOrgId: string | undefined;
  /** Its address was set by the operator, so it may be a private one. */
  readonly isTrustedAddress: boolean;
  /** Reads the key where the outgoing call is made and nowhere else; undefined where none is needed. */
  secret(): Promise<string | undefined>;
}

/** A model as the catalogue knows it, priced or not. */
export interface ModelInfo {
  /** `openai/gpt-5-mini`. */
  readonly id: string;
  readonly kind: ProviderKind;
  /** As the provider calls it. */
  readonly name: string;
  readonly contextTokens: number | undefined;
  readonly outputTokensMax: number | undefined;
  readonly embeds: boolean;
}

/** One try to reach a provider. */
export interface Attempt {
  readonly channelId: string;
  readonly kind: ProviderKind;
  readonly model: string;
  /** `ok`, or the stable code of what went wrong. */
  readonly outcome: string;
  readonly status: number | undefined;
  readonly ms: number;
}

/** Who pays for a call, and for whom it is made. */
export interface Payer {
  readonly orgId: string;
  readonly mode: Mode;
  readonly keyId: string;
  readonly memberId?: string | undefined;
  /** `gateway` for calls by API. */
  readonly agentId: string;
}

const PROVIDER_KINDS: ReadonlySet<string> = new Set<ProviderKind>([
  'openai',
  'anthropic',
  'google',
  'mistral',
  'novita',
  'openrouter',
  'ollama',
  'compatible',
]);
export const isProviderKind = (text: string): text is ProviderKind => PROVIDER_KINDS.has(text);
