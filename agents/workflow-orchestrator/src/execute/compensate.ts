/** Undoes what was done, last first. */
import type { RunContext } from '@guildhall/agent-sdk';
import type { Scope } from '../expression/index.ts';
import type { Plan, PlannedCompensation } from '../graph/index.ts';
import type { Board } from './board.ts';
import { type Failure, guarded, oneMove, outcomeOf } from './outcome.ts';
import { runAgent } from './run-agent.ts';
import { runHttp } from './run-http.ts';

/** How the undoing of one step ended. */
export interface Compensation {
  readonly isDone: boolean;
  readonly attempts: number;
  readonly costNanos: string;
  readonly error: Failure | null;
}

/**
 * Runs the compensations of every step that succeeded, in the reverse of the order in which the steps ended, one after the other. One
 * that fails is noted and the others are still tried: half undone is better than not undone, and the report says which.
 */
export async function compensate(
  ctx: RunContext,
  plan: Plan,
  board: Board,
  scope: Scope,
): Promise<ReadonlyMap<string, Compensation>> {
  const byId = new Map(plan.steps.map((planned) => [planned.step.id, planned]));
  const compensations = new Map<string, Compensation>();
  for (const id of board.endedIds.toReversed()) {
    const standing = board.standing(id);
    const works = byId.get(id)?.compensations ?? [];
    if (standing.state !== 'ended' || !standing.outcome.ok || works.length === 0) continue;
    compensations.set(id, await undo(ctx, id, works, scope));
  }
  return compensations;
}

async function undo(
  ctx: RunContext,
  id: string,
  works: readonly PlannedCompensation[],
  scope: Scope,
): Promise<Compensation> {
  let attempts = 0;
  let costNanos = 0n;
  for (const [index, { work, templates }] of works.entries()) {
    const name = `undo:${id}:${index + 1}`;
    const named = { name, templates, scope };
    const outcome = await outcomeOf(
      guarded(() =>
        work.kind === 'agent' ? runAgent(ctx, { ...named, work }) : oneMove(() => runHttp(ctx, { ...named, work })),
      ),
    );
    attempts += outcome.attempts;
    costNanos += BigInt(outcome.costNanos);
    if (!outcome.ok) return { isDone: false, attempts, costNanos: costNanos.toString(), error: outcome.error };
  }
  return { isDone: true, attempts, costNanos: costNanos.toString(), error: null };
}
