/** How much output a call is held for. */
import type { ModelPrice } from '../../metering/index.ts';

// As much as most models ever gave at once until 2025. A model that may answer with 128,000 tokens at $10 a million would otherwise
// pin $1.46 for each call that names no maximum, and thirty of them at once a small budget.
const UNNAMED_TOKENS = 16_384;

/** What stands around the call. */
export interface OutputRoom {
  /** The bound of the prompt, by the token counter. */
  readonly inputTokensMax: number;
  /** The tier's limit of an answer, if the call is bound to one. */
  readonly tierTokensMax?: number | undefined;
  /** Takes the place of 16,384 where the operator says so. */
  readonly unnamedTokens?: number | undefined;
}

export interface OutputBound {
  /** Of each answer. */
  readonly tokensMax: number;
  /** The request has to be sent on with this maximum, because it names none or a higher one; else the hold would be no bound. */
  readonly isImposed: boolean;
}

/**
 * The most output that a call may have, whether or not it names a maximum. A named one holds as far as tier and model allow. Without one
 * it is 16,384, or what the model, the tier or the rest of its context allow if that is less, and the request is sent on with it.
 */
export function outputBound(
  requested: number | undefined,
  price: Pick<ModelPrice, 'contextTokens' | 'outputTokensMax' | 'embeds'>,
  room: OutputRoom,
): OutputBound {
  if (price.embeds) return { tokensMax: 0, isImposed: false };
  const tier = room.tierTokensMax ?? Number.POSITIVE_INFINITY;
  const model = price.outputTokensMax ?? Number.POSITIVE_INFINITY;
  if (requested !== undefined) {
    // A model gives no more than it can, whatever it is asked; what the tier does not allow has to be cut by us.
    return { tokensMax: Math.min(requested, tier, model), isImposed: requested > tier };
  }
  // Some providers refuse a maximum that does not fit into the context with the prompt. The prompt's bound is above its true count, so this fits.
  const rest = price.contextTokens === undefined ? Number.POSITIVE_INFINITY : price.contextTokens - room.inputTokensMax;
  const tokensMax = Math.max(Math.min(room.unnamedTokens ?? UNNAMED_TOKENS, tier, model, rest), 1);
  return { tokensMax, isImposed: true };
}
