/** The lists that come with the program; the operator's own replace them. */

export interface WeightedModel {
  /** `openai/gpt-5-mini`. */
  readonly model: string;
  /** Share of first places; 0: only a fallback. */
  readonly weight: number;
}

const list = (...models: readonly string[]): readonly WeightedModel[] =>
  models.map((model, index) => ({ model, weight: index === 0 ? 1 : 0 }));

/** By model class of the price card. Models of one class cost and can about the same. */
export const DEFAULT_LISTS: Readonly<Record<string, readonly WeightedModel[]>> = {
  small: list(
    'openai/gpt-4o-mini',
    'anthropic/claude-haiku-4-5',
    'google/gemini-2.5-flash',
    'mistral/mistral-small-latest',
  ),
  medium: list(
    'openai/gpt-5-mini',
    'anthropic/claude-sonnet-4-5',
    'google/gemini-2.5-pro',
    'mistral/mistral-medium-latest',
  ),
  large: list('openai/gpt-5', 'anthropic/claude-sonnet-4-5', 'google/gemini-2.5-pro', 'mistral/mistral-large-latest'),
  largest: list('anthropic/claude-opus-4-5', 'openai/gpt-5', 'google/gemini-2.5-pro'),
};
