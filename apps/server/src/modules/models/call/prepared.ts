/** A request that is ready to be sent: its money is held. */
import type { AnswerSlot, KeptAnswer } from '../cache/index.ts';
import type { Attempt } from '../types.ts';
import type { AnswerContext } from '../wire/index.ts';
import type { OpenCall } from './call.ts';
import type { PlannedTarget } from './plan.ts';
import type { Priced } from './planned.ts';
import type { CallFacts } from './types.ts';

/** The longest a call may last, attempts and stream together. */
export const CALL_TOTAL_MS = 600_000;
/** Everything about one request that was settled before a provider is asked. */
export interface Prepared extends Priced {
  readonly open: OpenCall;
  readonly context: AnswerContext;
  /** Where its answer may be kept. */
  readonly slot: AnswerSlot | undefined;
}

/** Keeps a successful answer for the next who asks the same; one that a fallback gave is another model's. */
export function keepAnswer({ slot, targets }: Prepared, target: PlannedTarget, answer: KeptAnswer): void {
  if (target === targets[0]) slot?.keep(answer);
}

/** What both ways of asking tell the upstream. */
export function upstreamCall({ incoming, targets, mayFallBack, open, bodyFor }: Prepared) {
  const tokens = open.input.bounds[0];
  return {
    targets,
    mayFallBack,
    mayLeaveSpendLimit: true,
    body: bodyFor,
    clientHeaders: incoming.headers ?? {},
    tokens: tokens ? tokens.inputTokensMax + tokens.outputTokensMax : 0,
    signal: incoming.signal,
    limits: { totalMs: CALL_TOTAL_MS },
  };
}

/** What is told of an answer beside it. */
export const factsOf = (
  open: OpenCall,
  reached: { readonly target: PlannedTarget; readonly attempts: readonly Attempt[] },
): CallFacts => ({
  callId: open.input.call.id,
  model: reached.target.model,
  attempts: reached.attempts,
  cache: open.input.cache,
  holdNanos: open.input.hold.amountNanos,
});
