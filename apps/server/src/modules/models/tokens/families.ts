/**
 * How providers' tokenizers differ from o200k_base, which is the only one that can be had here. A hold has to be a worst case, so the
 * factors are margins above what has been published: Claude needs 16 to 30 % more tokens for English, code and mathematics, and since
 * Opus 4.7 up to 35 % more than that; o200k_base saves up to 4.4 times over cl100k_base in languages of other scripts; several tokenizers
 * take digits one by one. What is charged in the end is what the provider counts.
 */
import type { ProviderKind } from '../types.ts';
import type { Tally } from './scan.ts';

/** What a prompt consists of beside its texts. */
export interface PromptParts {
  readonly messages: number;
  /** Tools or functions offered. Their definitions belong to the texts. */
  readonly tools: number;
  readonly images: number;
}

interface Family {
  /** Per hundred tokens of o200k_base in plain ASCII without digits. */
  readonly plainPercent: number;
  /** The same for all other text; never more than its bytes. */
  readonly otherPercent: number;
  readonly splitsDigits: boolean;
  /** The most that one image takes at its finest. */
  readonly imageTokens: number;
  /** For the offer of tools as such. */
  readonly toolsTokens: number;
}

// A message is framed by three or four tokens, a name costs one more; a tool definition gets a few words around it.
const MESSAGE_TOKENS = 8;
const TOOL_TOKENS = 24;
// The frame of the answer, and a hint that some models get.
const PROMPT_TOKENS = 16;

const O200K: Family = {
  plainPercent: 100,
  otherPercent: 100,
  splitsDigits: false,
  imageTokens: 3_800,
  toolsTokens: 32,
};
// An image is counted 33 times on this model, so that it costs as much as on its large sibling: 2,833 and 8 tiles of 5,667.
const O200K_MINI: Family = { ...O200K, imageTokens: 48_200 };
const CL100K: Family = { ...O200K, plainPercent: 120, otherPercent: 450 };
// Offering tools adds a system prompt of up to 800 tokens.
const CLAUDE: Family = {
  plainPercent: 180,
  otherPercent: 300,
  splitsDigits: true,
  imageTokens: 4_800,
  toolsTokens: 900,
};
const GEMINI: Family = {
  plainPercent: 150,
  otherPercent: 200,
  splitsDigits: true,
  imageTokens: 5_000,
  toolsTokens: 64,
};
const UNKNOWN: Family = {
  plainPercent: 200,
  otherPercent: 450,
  splitsDigits: true,
  imageTokens: 5_000,
  toolsTokens: 900,
};

const FAMILIES: Readonly<Record<Exclude<ProviderKind, 'openai'>, Family>> = {
  anthropic: CLAUDE,
  google: GEMINI,
  mistral: UNKNOWN,
  novita: UNKNOWN,
  openrouter: UNKNOWN,
  ollama: UNKNOWN,
  compatible: UNKNOWN,
};

function familyOf(kind: ProviderKind, name: string): Family {
  if (kind !== 'openai') return FAMILIES[kind];
  if (/^(text-embedding-|gpt-3\.5-|gpt-4(-|$))/.test(name)) return CL100K;
  return name.startsWith('gpt-4o-mini') ? O200K_MINI : O200K;
}

const percent = (count: number, of: number): number => Math.ceil((count * of) / 100);

/** The most tokens that a prompt takes at a provider. */
export function boundOf(kind: ProviderKind, name: string, tally: Tally, parts: PromptParts): number {
  const family = familyOf(kind, name);
  const texts =
    percent(tally.plain, family.plainPercent) +
    (family.splitsDigits ? tally.digits : tally.numbers) +
    Math.min(percent(tally.other, family.otherPercent), tally.otherBytes);
  const frame = parts.messages > 0 ? PROMPT_TOKENS + parts.messages * MESSAGE_TOKENS : 0;
  const tools = parts.tools > 0 ? family.toolsTokens + parts.tools * TOOL_TOKENS : 0;
  return texts + frame + tools + parts.images * family.imageTokens;
}

/** The most tokens that so many of o200k_base take at a provider, of plain text. */
export const plainBoundOf = (kind: ProviderKind, name: string, tokens: number): number =>
  percent(tokens, familyOf(kind, name).plainPercent);
