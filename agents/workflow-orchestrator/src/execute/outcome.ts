/** How one step ended, in a form that survives a checkpoint. */
import { AgentError, type Json } from '@guildhall/agent-sdk';

export type Failure = { readonly code: string; readonly message: string };

export type Outcome =
  | {
      readonly ok: true;
      readonly output: Json;
      /** The branch taken by a condition or an approval. */
      readonly branch: string | null;
      readonly attempts: number;
      readonly costNanos: string;
      readonly runId: string | null;
    }
  | {
      readonly ok: false;
      readonly error: Failure;
      readonly attempts: number;
      readonly costNanos: string;
      readonly runId: string | null;
    };

/** Success of a step that costs nothing by itself. */
export function succeeded(output: Json, attempts: number, branch: string | null = null): Outcome {
  return { ok: true, output, branch, attempts, costNanos: '0', runId: null };
}

/** Failure of a step that costs nothing by itself. */
export function failed(error: AgentError, attempts: number): Outcome {
  return { ok: false, error: failureOf(error), attempts, costNanos: '0', runId: null };
}

/** The public code and sentence of an agent's error. */
export function failureOf(error: AgentError): Failure {
  return { code: `agent.${error.reason}`, message: error.message };
}

/**
 * The work of a step, cut into moves: it yields after each answer of the platform but the last. Whoever drives it decides when the next
 * move begins, so the order of all moves of a run can be recorded.
 */
export type Work = AsyncGenerator<undefined, Outcome, undefined>;

/** Work of one move. */
// biome-ignore lint/correctness/useYield: work of one move has no pause in it.
export async function* oneMove(move: () => Promise<Outcome>): Work {
  return await move();
}

/**
 * The same work, where an `AgentError` is a failed step. Anything else passes through untouched: it is the platform's own (a suspended
 * run, a lost lease, a cancel) and not this agent's to judge.
 */
export async function* guarded(start: () => Work): Work {
  try {
    return yield* start();
  } catch (error) {
    if (error instanceof AgentError) return failed(error, 1);
    throw error;
  }
}

/** Drives work to its end, move after move, where nothing else goes on beside it. */
export async function outcomeOf(work: Work): Promise<Outcome> {
  for (;;) {
    const move = await work.next();
    if (move.done === true) return move.value;
  }
}
