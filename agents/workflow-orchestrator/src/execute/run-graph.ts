/** Runs a plan to its end: starts what may start, notes what has ended, turn by turn. */
import type { Json, RunContext } from '@guildhall/agent-sdk';
import type { Scope } from '../expression/index.ts';
import type { Plan } from '../graph/index.ts';
import { Arrivals } from './arrivals.ts';
import { Board, visibleSteps } from './board.ts';
import { type Compensation, compensate } from './compensate.ts';
import type { Outcome, Work } from './outcome.ts';
import { runStep } from './run-step.ts';

export interface FinishedGraph {
  readonly board: Board;
  readonly compensations: ReadonlyMap<string, Compensation>;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly scope: Scope;
}

/** What one turn saw: when it was, and which steps had made a move. */
type Turn = { readonly at: number; readonly moved: readonly string[] };

/** A step at work, and the move it is making. */
interface Active {
  readonly work: Work;
  readonly move: ReturnType<Work['next']>;
}

/**
 * Runs the graph. Which steps had moved when a decision was taken is itself recorded, as a "turn", before anything follows from it. So
 * after a crash the same decisions are taken from the record in the same order, however fast the finished steps now answer; and all
 * instants are those of recorded turns. A step begins in the turn that starts it and ends in the turn that finds it ended.
 */
export async function runGraph(ctx: RunContext, plan: Plan): Promise<FinishedGraph> {
  const board = new Board(plan);
  const arrivals = new Arrivals();
  const active = new Map<string, Active>();
  const turns = new Turns(ctx, plan, board);
  const scope = (): Scope => scopeOf(ctx, plan, board);
  const move = (id: string, work: Work): void => {
    const next = { work, move: work.next() };
    active.set(id, next);
    arrivals.watch(id, next.move);
  };
  const startAll = (at: number): void => {
    const started = board.start(at);
    if (started.length === 0) return;
    const seen = scope();
    for (const planned of started) move(planned.step.id, runStep(ctx, planned, seen, at));
  };

  const first = await turns.next([]);
  let turn = first;
  startAll(turn.at);
  while (!board.isIdle) {
    turn = await turns.next(await arrivals.some());
    const outcomes: (readonly [string, Outcome])[] = [];
    for (const id of turn.moved) {
      arrivals.take(id);
      const moved = active.get(id);
      const result = await moved?.move;
      if (moved === undefined || result === undefined) continue;
      if (result.done === true) outcomes.push([id, result.value]);
      else move(id, moved.work);
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
  readonly #plan: Plan;
  readonly #board: Board;
  #count = 0;
  #lastAt = 0;

  constructor(ctx: RunContext, plan: Plan, board: Board) {
    this.#ctx = ctx;
    this.#plan = plan;
    this.#board = board;
  }

  /** Records the next turn, or answers with the recorded one. Instants never go back, even if the clock of another worker does. */
  async next(arrived: readonly string[]): Promise<Turn> {
    const moved = arrived.filter((id) => this.#board.standing(id).state === 'running');
    const turn = await this.#ctx.step(
      `turn:${this.#count}`,
      async (step): Promise<Turn> => {
        step.progress(this.#board.endedIds.length, this.#plan.steps.length);
        return { at: Math.max(this.#lastAt, step.now().getTime()), moved };
      },
      { kind: 'schedule' },
    );
    this.#count += 1;
    this.#lastAt = turn.at;
    return turn;
  }
}

function scopeOf(ctx: RunContext, plan: Plan, board: Board): Scope {
  const run: Json = { id: ctx.runId, createdAt: ctx.createdAt.toISOString() };
  return { data: plan.data, steps: visibleSteps(plan, board), run };
}
