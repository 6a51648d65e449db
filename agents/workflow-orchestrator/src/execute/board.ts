/** Where every step of a run stands, and what may start next. Pure: the same calls in the same order give the same board. */
import type { Json } from '@guildhall/agent-sdk';
import { type Need, type Plan, type PlannedStep, sequence } from '../graph/index.ts';
import type { Outcome } from './outcome.ts';

/**
 * waiting: its join is undecided. running: started, not ended. ended: has its outcome. skipped: it will never start because its join can
 * no longer hold. abandoned: it waited for time or a person when the workflow stopped.
 */
export type Standing =
  | { readonly state: 'waiting' }
  | { readonly state: 'running'; readonly startedAt: number }
  | { readonly state: 'ended'; readonly startedAt: number; readonly finishedAt: number; readonly outcome: Outcome }
  | { readonly state: 'skipped' }
  | { readonly state: 'abandoned'; readonly startedAt: number; readonly finishedAt: number };

const WAITING: Standing = { state: 'waiting' };

export class Board {
  readonly #plan: Plan;
  readonly #sequence: readonly PlannedStep[];
  readonly #standings: Map<string, Standing>;
  readonly #ended: string[] = [];
  #stop: 'abort' | 'compensate' | undefined;

  constructor(plan: Plan) {
    this.#plan = plan;
    const byId = new Map(plan.steps.map((planned) => [planned.step.id, planned]));
    const needs = new Map(plan.steps.map((planned) => [planned.step.id, planned.needs.map((need) => need.step)]));
    this.#sequence = sequence(needs).flatMap((id) => byId.get(id) ?? []);
    this.#standings = new Map(plan.steps.map((planned) => [planned.step.id, WAITING]));
  }

  /** Why nothing more starts: a step failed whose policy is to abort or to compensate. */
  get stop(): 'abort' | 'compensate' | undefined {
    return this.#stop;
  }

  /** Ids in the order in which they ended. */
  get endedIds(): readonly string[] {
    return this.#ended;
  }

  standing(id: string): Standing {
    return this.#standings.get(id) ?? WAITING;
  }

  get isIdle(): boolean {
    return this.runningIds.length === 0;
  }

  get runningIds(): readonly string[] {
    return [...this.#standings].filter(([, standing]) => standing.state === 'running').map(([id]) => id);
  }

  /** Starts every step whose join holds and for which there is room, in the author's order. */
  start(at: number): readonly PlannedStep[] {
    if (this.#stop !== undefined) return [];
    let room = this.#plan.concurrencyMax - this.#plan.steps.filter((planned) => this.#isAtWork(planned)).length;
    const started: PlannedStep[] = [];
    for (const planned of this.#plan.steps) {
      if (this.standing(planned.step.id).state !== 'waiting' || !this.#hasJoin(planned)) continue;
      if (!isPassive(planned)) {
        if (room <= 0) continue;
        room -= 1;
      }
      this.#standings.set(planned.step.id, { state: 'running', startedAt: at });
      started.push(planned);
    }
    return started;
  }

  /** Notes the outcomes that one turn found, skips what can no longer start, and stops the workflow when a policy says so. */
  settle(outcomes: readonly (readonly [string, Outcome])[], at: number): void {
    for (const [id, outcome] of outcomes) {
      const standing = this.standing(id);
      if (standing.state !== 'running') continue;
      this.#standings.set(id, { state: 'ended', startedAt: standing.startedAt, finishedAt: at, outcome });
      this.#ended.push(id);
      if (!outcome.ok) this.#applyPolicy(id);
    }
    if (this.#stop === undefined) this.#skip();
    else this.#abandon(at);
  }

  #applyPolicy(id: string): void {
    const policy = this.#plan.steps.find((planned) => planned.step.id === id)?.step.onFailure;
    if (policy === 'compensate') this.#stop = 'compensate';
    if (policy === 'abort') this.#stop ??= 'abort';
  }

  /** One pass suffices: every step stands after all it needs. */
  #skip(): void {
    for (const planned of this.#sequence) {
      if (this.standing(planned.step.id).state !== 'waiting') continue;
      const possible = planned.needs.filter((need) => this.#edge(need) !== 'dead').length;
      if (possible < planned.joinCount) this.#standings.set(planned.step.id, { state: 'skipped' });
    }
  }

  /** A workflow that has stopped does not wait for a timer or a person; work under way is awaited, because it has effects and costs. */
  #abandon(at: number): void {
    for (const planned of this.#plan.steps) {
      const standing = this.standing(planned.step.id);
      if (standing.state !== 'running' || !isPassive(planned)) continue;
      this.#standings.set(planned.step.id, { state: 'abandoned', startedAt: standing.startedAt, finishedAt: at });
    }
  }

  #hasJoin(planned: PlannedStep): boolean {
    return planned.needs.filter((need) => this.#edge(need) === 'holds').length >= planned.joinCount;
  }

  #edge(need: Need): 'pending' | 'holds' | 'dead' {
    return edgeState(need, this.standing(need.step));
  }

  #isAtWork(planned: PlannedStep): boolean {
    return !isPassive(planned) && this.standing(planned.step.id).state === 'running';
  }
}

/** Whether a need holds, can no longer hold, or is undecided. */
export function edgeState(need: Need, standing: Standing): 'pending' | 'holds' | 'dead' {
  if (standing.state === 'waiting' || standing.state === 'running') return 'pending';
  if (standing.state !== 'ended' || !standing.outcome.ok) return 'dead';
  return need.branch === undefined || need.branch === standing.outcome.branch ? 'holds' : 'dead';
}

/** What expressions see of the steps that have ended or were skipped so far. */
export function visibleSteps(plan: Plan, board: Board): Json {
  return Object.fromEntries(
    plan.steps.flatMap(({ step }): readonly (readonly [string, Json])[] => {
      const standing = board.standing(step.id);
      if (standing.state === 'skipped') return [[step.id, { status: 'skipped' }]];
      if (standing.state !== 'ended') return [];
      const { outcome } = standing;
      const common = { attempts: outcome.attempts, cost: outcome.costNanos };
      if (outcome.ok)
        return [[step.id, { status: 'succeeded', output: outcome.output, branch: outcome.branch, ...common }]];
      return [[step.id, { status: 'failed', output: null, error: outcome.error, ...common }]];
    }),
  );
}

function isPassive(planned: PlannedStep): boolean {
  return planned.step.kind === 'wait' || planned.step.kind === 'approval';
}
