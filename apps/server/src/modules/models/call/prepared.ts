/** A request that is ready to be sent: its money is held. */
import type { Attempt, JsonObject } from '../types.ts';
import type { AnswerContext, RequestFacts } from '../wire/index.ts';
import type { OpenCall } from './call.ts';
import type { PlannedTarget } from './plan.ts';
import type { CallFacts, Incoming } from './types.ts';

/** The longest a call may last, attempts and stream together. */
export const CALL_TOTAL_MS = 600_000;
/** Everything about one request that was settled before a provider is asked. */
export interface Prepared {
  readonly incoming: Incoming;
  readonly body: JsonObject;
  readonly facts: RequestFacts;
  readonly targets: readonly [PlannedTarget, ...PlannedTarget[]];
  readonly mayFallBack: boolean;
  readonly open: OpenCall;
  readonly context: AnswerContext;
  /** The request in the wire of a target. */
  bodyFor(target: PlannedTarget): string;
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
