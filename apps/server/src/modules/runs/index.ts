/** The door of runs. */
import type { Tx } from '../../platform/db/index.ts';
import type { Claimed, Outcome } from '../../platform/durable/index.ts';
import type { Erase } from '../../platform/erasure/index.ts';
import type { RouteDefinition } from '../../platform/http/index.ts';
import type { RunsDeps, RunsGiven } from './deps.ts';
import { cancelRun } from './engine/cancel.ts';
import { execute } from './engine/execute.ts';
import { redrive } from './engine/recover.ts';
import { announce, orRefusal } from './engine/start.ts';
import { createErase } from './jobs.ts';
import { fileRoutes } from './routes/files.ts';
import { runRoutes } from './routes/runs.ts';
import { createService, type RunsService } from './service.ts';
import { type DeadLetterRow, listDeadLetters } from './store/dead-letters.ts';
import { listLive } from './store/runs.ts';
import { createSharedStatements } from './store/shared.ts';
import type { RunRow } from './types.ts';

export type { RunObserver, RunSettings, RunsDeps } from './deps.ts';
export { createGate, type Gate } from './gate.ts';
export { announceContent, pruneRuns, type Retention } from './jobs.ts';
export { type RunHistoryRow, runHistory } from './store/history.ts';

export interface Runs {
  readonly routes: readonly RouteDefinition[];
  readonly service: RunsService;
  /** What a worker does with a claimed task. */
  execute(task: Claimed, signal: AbortSignal): Promise<Outcome>;
  /** Asks for the end of whatever an organisation has running; tells how much that was. Safe to repeat until it is nothing. */
  cancelAll(orgId: string, by: string): Promise<number>;
  /** Runs, files and artifacts of an organisation that is over, with their bytes. */
  readonly erase: Erase;
  deadLetters(tx: Tx, limit: number): Promise<DeadLetterRow[]>;
  /** A new run in place of a dead letter, in a transaction of its own. */
  redrive(orgId: string, runId: string, requestId: string): Promise<RunRow>;
}

// A turn ends soon; what is left is for the next one.
const CANCELLED_AT_ONCE = 500;

export function createRuns(given: RunsGiven): Runs {
  const deps: RunsDeps = { ...given, shared: createSharedStatements(given.db) };
  const service = createService(deps);
  return {
    routes: [...runRoutes(deps, service), ...fileRoutes(deps, service)],
    service,
    execute: (task, signal) => execute(deps, task, signal),
    cancelAll: async (orgId, by) => {
      const live = await deps.db.tenant(orgId, (tx) => listLive(tx, CANCELLED_AT_ONCE));
      for (const runId of live) await cancelRun(deps, { orgId, runId, by });
      return live.length;
    },
    erase: createErase(deps.db, deps.files),
    deadLetters: listDeadLetters,
    redrive: async (orgId, runId, requestId) => {
      const run = await orRefusal(deps.db.tenant(orgId, (tx) => redrive(deps, tx, runId, requestId)));
      announce(deps, run);
      return run;
    },
  };
}
