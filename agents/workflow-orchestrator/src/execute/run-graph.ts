/** Runs a plan to its end: starts what may start, notes what has ended, turn by turn. */
import type { Json, RunContext } from '@guildhall/agent-sdk';
import type { Scope } from '../expression/index.ts';
import type { Plan, PlannedStep } from '../graph/index.ts';
import { Arrivals } from './arrivals.ts';
import { Board, visibleSteps } from './board.ts';
import { type Compensation, compensate } from './compensate.ts';
import { currentInstant } from './instant.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { runStep } from './run-step.ts';

export interface FinishedGraph {
  readonly board: Board;
  readonly compensations: ReadonlyMap<string, Compensation>;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly scope: Scope;
}

/** What one turn saw: when it was, and which steps had ended. */
type Turn = { readonly at: number; readonly done: readonly string[] };

/**
 * Runs the graph. Which steps had ended when a decision was taken is itself recorded, as a "turn", before anything follows from it. So
 * after a crash the same decisions are taken from the record in the same order, however fast the finished steps now answer; and all
 * instants are those of recorded turns. A step begins in the turn that starts it and ends in the turn that finds it ended.
 */
export async function runGraph(ctx: RunContext, plan: Plan): Promise<FinishedGraph> {
  const board = new Board(plan);
  const arrivals = new Arrivals();
  const atWork = new Map<string, Promise<Outcome>>();
  const turns = new Turns(ctx, plan.steps.length);
  const scope = (): Scope => scopeOf(ctx, plan, board);
  const launch = (planned: PlannedStep, at: number, seen: Scope): void => {
    const work = outcomeOf(() => runStep(ctx, planned, seen, at));
    atWork.set(planned.step.id, work);
    arrivals.watch(planned.step.id, work);
  };

  const first = await turns.next([]);
  let turn = first;
  const startAll = (at: number): void => {
    const started = board.start(at);
    const seen = started.length === 0 ? undefined : scope();
    for (const planned of started) if (seen !== undefined) launch(planned, at, seen);
  };
  startAll(turn.at);
  while (!board.isIdle) {
    const arrived = await arrivals.some();
    turn = await turns.next(arrived.filter((id) => board.standing(id).state === 'running'));
    const outcomes: (readonly [string, Outcome])[] = [];
    for (const id of turn.done) {
      arrivals.take(id);
      const work = atWork.get(id);
      if (work !== undefined) outcomes.push([id, await work]);
    }
    board.settle(outcomes, turn.at);
    startAll(turn.at);
  }

  const compensations =
    board.stop === 'compensate' ? await compensate(ctx, plan, board, scope()) : new Map<string, Compensation>();
  const finishedAt = compensations.size === 0 ? turn.at : (await turns.next([])).at;
  return { board, compensations, startedAt: first.at, finishedAt, scope: scope() };
}

class Turns {
  readonly #ctx: RunContext;
  readonly #total: number;
  #count = 0;
  #settled = 0;
  #lastAt = 0;

  constructor(ctx: RunContext, total: number) {
    this.#ctx = ctx;
    this.#total = total;
  }

  /** Records the next turn, or answers with the recorded one. Instants never go back, even if the clock of another worker does. */
  async next(arrived: readonly string[]): Promise<Turn> {
    const turn = await this.#ctx.step(
      `turn:${this.#count}`,
      async (step): Promise<Turn> => {
        step.progress(this.#settled + arrived.length, this.#total);
        return { at: Math.max(this.#lastAt, currentInstant()), done: arrived };
      },
      { kind: 'schedule' },
    );
    this.#count += 1;
    this.#settled += turn.done.length;
    this.#lastAt = turn.at;
    return turn;
  }
}

function scopeOf(ctx: RunContext, plan: Plan, board: Board): Scope {
  const run: Json = { id: ctx.runId, createdAt: ctx.createdAt.toISOString() };
  return { data: plan.data, steps: visibleSteps(plan, board), run };
}
