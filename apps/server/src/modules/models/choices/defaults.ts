/** The lists that come with the program; the operator's own replace them. */

export interface WeightedModel {
  /** `openai/gpt-5.4-mini`. */
  readonly model: string;
  /** Share of first places; 0: only a fallback. */
  readonly weight: number;
}

const list = (...models: readonly string[]): readonly WeightedModel[] =>
  models.map((model, index) => ({ model, weight: index === 0 ? 1 : 0 }));

const MEDIUM = list(
  'openai/gpt-5.4-mini',
  'anthropic/claude-haiku-4-5',
  'mistral/mistral-medium-2508',
  'google/gemini-3-flash-preview',
  'novita/deepseek/deepseek-v3.2',
  'openrouter/anthropic/claude-haiku-4.5',
);

/**
 * By model class of the price card, of models that cost and can about the same, from the opening price list. None whose end its provider has
 * announced by 2026-11-21: that leaves out gpt-4o, gpt-4.1, gpt-5, gpt-5.1 and gpt-5.4-nano with their sizes, and Gemini 2.5 Pro and Flash.
 */
export const DEFAULT_LISTS: Readonly<Record<string, readonly WeightedModel[]>> = {
  small: list(
    'google/gemini-2.5-flash-lite',
    'mistral/mistral-small-2603',
    'openai/gpt-5.4-mini',
    'anthropic/claude-haiku-4-5',
    'novita/deepseek/deepseek-v3.2',
    'openrouter/anthropic/claude-haiku-4.5',
  ),
  medium: MEDIUM,
  large: list(
    'openai/gpt-5.4',
    'anthropic/claude-sonnet-4-5',
    'mistral/mistral-large-2512',
    'google/gemini-3-flash-preview',
    'openrouter/anthropic/claude-sonnet-4.5',
  ),
  largest: list(
    'openai/gpt-5.5',
    'anthropic/claude-opus-4-5',
    'mistral/mistral-large-2512',
    'openrouter/anthropic/claude-sonnet-4.5',
  ),
  // With the customer's own keys, whoever they have one of.
  own: MEDIUM,
};
