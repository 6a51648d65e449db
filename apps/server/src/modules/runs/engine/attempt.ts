/**
 * One attempt at a run: the record of earlier attempts, the order of steps, and what is going on now.
 *
 * An attempt is `active` while a step works, `idle` when nothing works and the agent has had its turn. An idle attempt with open waits
 * is suspended: its slot is free until a signal or a timer.
 */
import { isRetryable } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { RunsDeps } from '../deps.ts';
import { runErrors } from '../errors.ts';
import { type ArtifactWrite, checkpointRun, type OwnedCheckpoint, type StepWrite, tell } from '../store/steps.ts';
import type { NewEvent, RunRow, StepRow } from '../types.ts';
import { isAlone } from './settle.ts';
import { Interrupted, LostRun, type Wait } from './signals.ts';

export interface AttemptInput {
  readonly run: RunRow;
  readonly fence: bigint;
  readonly crashes: number;
  readonly record: readonly StepRow[];
  readonly stepsMax: number;
  /** A replay from the record may not do anything new. */
  readonly recordOnly: boolean;
}

export interface StepSlot {
  readonly key: string;
  readonly index: number;
  readonly known: StepRow | undefined;
}

export class Attempt {
  readonly run: RunRow;
  readonly fence: bigint;
  readonly abort = new AbortController();
  /** Set by the first step that asks for a folder. */
  usedScratch = false;
  /** Resolves with the open waits once the attempt is idle. */
  readonly suspended: Promise<Wait[]>;
  readonly #deps: RunsDeps;
  readonly #input: AttemptInput;
  readonly #record: Map<string, StepRow>;
  readonly #occurrences = new Map<string, number>();
  readonly #waits = new Set<Wait>();
  #nextIndex: number;
  #active = 0;
  #effects = 0;
  readonly #followed = new Set<Promise<unknown>>();
  // Set when the process stops while an effect is under way.
  #effectsDone: (() => void) | undefined;
  #suspend: (waits: Wait[]) => void = () => {};
  #crashesForgotten = false;

  constructor(deps: RunsDeps, input: AttemptInput) {
    this.#deps = deps;
    this.#input = input;
    this.run = input.run;
    this.fence = input.fence;
    this.#record = new Map(input.record.map((step) => [step.key, step]));
    this.#nextIndex = input.record.reduce((next, step) => Math.max(next, step.index + 1), 0);
    this.suspended = new Promise((resolve) => {
      this.#suspend = resolve;
    });
  }

  get owned(): { orgId: string; runId: string; fence: bigint } {
    return { orgId: this.run.org_id, runId: this.run.id, fence: this.fence };
  }

  /** The place of the next step called `name`: the same on every attempt, because agents are deterministic. */
  slot(name: string): StepSlot {
    const occurrence = (this.#occurrences.get(name) ?? 0) + 1;
    this.#occurrences.set(name, occurrence);
    const key = `${name}#${occurrence}`;
    const known = this.#record.get(key);
    if (known) return { key, index: known.index, known };
    // First, so that the replay of a run that ended by it ends by it too.
    if (this.#nextIndex >= this.#input.stepsMax)
      throw new GuildhallError(runErrors.tooManySteps, { detail: `At most ${this.#input.stepsMax} are allowed.` });
    if (this.#input.recordOnly)
      throw new GuildhallError(runErrors.diverged, { detail: `It asked for the step "${name}".` });
    const index = this.#nextIndex;
    this.#nextIndex += 1;
    return { key, index, known: undefined };
  }

  /** Runs `work` as active: the attempt cannot be suspended meanwhile. */
  async active<T>(work: () => Promise<T>): Promise<T> {
    this.abort.signal.throwIfAborted();
    if (this.#effectsDone) throw new Interrupted('draining');
    this.#active += 1;
    try {
      return await work();
    } finally {
      this.#active -= 1;
      this.#considerSuspending();
    }
  }

  /** An effect that must not be repeated, from its intent to its outcome on record. Not begun any more when the process stops. */
  async effect<T>(work: () => Promise<T>): Promise<T> {
    if (this.#effectsDone) throw new Interrupted('draining');
    this.#effects += 1;
    try {
      return await work();
    } finally {
      this.#effectEnded();
    }
  }

  #effectEnded(): void {
    this.#effects -= 1;
    if (this.#effects === 0) this.#effectsDone?.();
  }

  /** From here on nothing begins. Resolves when no effect is under way, at the latest after `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    if (this.#effects === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#effectsDone = resolve;
    const timer = setTimeout(resolve, graceMs);
    await promise;
    clearTimeout(timer);
  }

  /** What must come to its end before the run may. */
  follow(work: Promise<unknown>): void {
    this.#followed.add(work);
    const done = () => this.#followed.delete(work);
    work.then(done, done);
  }

  /** Resolves when all that is followed has ended, at the latest after `graceMs`. */
  async followed(graceMs: number): Promise<void> {
    if (this.#followed.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, graceMs);
    await Promise.race([Promise.allSettled(this.#followed), promise]);
    clearTimeout(timer);
  }

  /** Never resolves: when nothing else goes on, the attempt is suspended, and a later one finds what was waited for. */
  wait(wait: Wait): Promise<never> {
    this.#waits.add(wait);
    this.#considerSuspending();
    return new Promise<never>(() => {});
  }

  /** After every step and wait the agent gets its turn (all microtasks and one round of the loop) before the attempt counts as idle. */
  #considerSuspending(): void {
    if (this.#active > 0 || this.#waits.size === 0) return;
    setImmediate(() => {
      setImmediate(() => {
        if (this.#active === 0) this.#suspend([...this.#waits]);
      });
    });
  }

  /**
   * Does the engine's own reading and writing. When it fails for a reason that passes, or the run is lost, the attempt is over before the
   * agent hears of it: a database that was away is no failure of a step, and no reason for an agent to undo what it has done.
   */
  async own<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const passes = isRetryable(error) || (error instanceof GuildhallError && error.spec.kind === 'fault');
      if (passes) this.abort.abort(new Interrupted('fault', error));
      if (error instanceof LostRun) this.abort.abort(error);
      throw error;
    }
  }

  async #write(write: OwnedCheckpoint): Promise<boolean> {
    if (isAlone(this.#deps, this.run)) return this.#deps.shared.checkpoint(write);
    return this.#deps.db.direct((tx) => checkpointRun(tx, write));
  }

  /** @throws LostRun when another attempt owns the run. */
  async checkpoint(step: StepWrite, artifacts: readonly ArtifactWrite[], events: readonly NewEvent[]): Promise<void> {
    await this.own(async () => {
      if (!(await this.#write({ ...this.owned, step, artifacts, events }))) throw new LostRun();
    });
    await this.advanced(step.status);
  }

  /** To be called after the commit of a step. */
  async advanced(status: StepWrite['status']): Promise<void> {
    this.#deps.bus.publish('run', this.run.id);
    if (this.#input.crashes > 0 && !this.#crashesForgotten && status === 'succeeded') {
      this.#crashesForgotten = true;
      await this.own(() => this.#deps.durable.progressed(this.run.org_id, this.run.id));
    }
  }

  /** Events between checkpoints; losing one to a passing fault costs a line on a screen, not the run. */
  async tell(events: readonly NewEvent[]): Promise<void> {
    try {
      if (await tell(this.#deps.db, this.owned, events)) this.#deps.bus.publish('run', this.run.id);
    } catch (error) {
      this.#deps.log.warn('run: progress could not be told', { error, runId: this.run.id });
    }
  }
}
