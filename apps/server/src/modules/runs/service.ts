/** The use cases of runs. */
import { type Estimate, fromMoney, type Money, type Page, type Run, type Step, toMoney } from '@guildhall/contract';
import type { Tx } from '../../platform/db/index.ts';
import { GuildhallError } from '../../platform/errors/index.ts';
import { actorOf, type Principal } from '../../platform/http/index.ts';
import type { RunsDeps } from './deps.ts';
import { type CancelEffect, requestCancel } from './engine/cancel.ts';
import { assertPace } from './engine/pace.ts';
import { replay } from './engine/replay.ts';
import { type Admission, admit, admitAlone, type Quote, quote } from './engine/start.ts';
import { runErrors } from './errors.ts';
import { createLinks } from './links.ts';
import { toWireRun, toWireStep } from './present.ts';
import { mean, p95 } from './rules.ts';
import {
  findRun,
  listArtifacts,
  listArtifactsOf,
  listRuns,
  lockRun,
  type RunFilter,
  readRun,
  recentCosts,
} from './store/runs.ts';
import { decideApproval, listSteps } from './store/steps.ts';
import { isTerminal, type RunRow } from './types.ts';

// Enough for a 95th percentile that is not one lucky run; more than a month of it says nothing about today.
const SAMPLES_MIN = 20;
const SAMPLES_MAX = 500;
// A lost wake-up delays a waiting client by at most this.
const WAIT_POLL_MS = 500;

export interface StartRequest {
  readonly principal: Principal;
  readonly agentId: string;
  readonly input: unknown;
  readonly tier: string | undefined;
  readonly maxCost: Money | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly requestId: string;
}

/** A test key sees what test keys made and nothing else. */
export const isVisible = (principal: Principal, run: Pick<RunRow, 'mode'>): boolean =>
  principal.mode === 'live' || run.mode === 'test';

const admissionOf = (priced: Quote, request: StartRequest): Admission => ({
  quote: priced,
  start: { ...request, maxCostNanos: request.maxCost ? fromMoney(request.maxCost) : undefined },
});

export type RunsService = ReturnType<typeof createService>;

export function createService(deps: RunsDeps) {
  const { db } = deps;
  const links = createLinks(deps);

  /** In a transaction its `tx` must be given: one that waits for a second connection can starve the pool. */
  const present = async (run: RunRow, tx?: Tx): Promise<Run> => {
    const read = () => (tx ? listArtifactsOf(tx, [run.id]) : listArtifacts(db, run.org_id, run.id));
    return toWireRun(run, run.artifact_count > 0 ? await read() : [], links.to);
  };

  const getRow = async (principal: Principal, id: string): Promise<RunRow> => {
    const run = await findRun(db, principal.orgId, id);
    if (!run || !isVisible(principal, run)) throw new GuildhallError(runErrors.notFound);
    return run;
  };

  return {
    links,
    present,
    getRow,

    /** Checks and prices an input; writes nothing. */
    quote: (request: { orgId: string; agentId: string; input: unknown; tier: string | undefined }) =>
      quote(deps, request),

    /** Counts a start against its tier. @throws 429. */
    assertPace: (orgId: string, priced: Quote) => assertPace(deps, orgId, priced),

    estimate: async (
      principal: Principal,
      request: { agentId: string; input: unknown; tier: string | undefined },
    ): Promise<Estimate> => {
      const priced = await quote(deps, { ...request, orgId: principal.orgId });
      const costs = await db.tenant(principal.orgId, (tx) =>
        recentCosts(tx, { agentId: priced.agent.id, tier: priced.tier.id, mode: principal.mode, limit: SAMPLES_MAX }),
      );
      const high = p95(costs, SAMPLES_MIN);
      const average = high === undefined ? undefined : mean(costs);
      return {
        tier: priced.tier.id,
        expected: toMoney(average ?? priced.maximumNanos),
        p95: high === undefined ? null : toMoney(high),
        maximum: toMoney(priced.maximumNanos),
        basis: high === undefined ? 'price-book' : 'history',
        sampleSize: costs.length,
      };
    },

    /** Admits a quoted run in the caller's transaction. Call `announce` after the commit. */
    start: (tx: Tx, priced: Quote, request: StartRequest): Promise<RunRow> =>
      admit(deps, tx, admissionOf(priced, request)),

    /** The same in a commit of its own, for an input that names no files. */
    startAlone: (priced: Quote, request: StartRequest): Promise<RunRow> =>
      admitAlone(deps, admissionOf(priced, request)),

    get: async (principal: Principal, id: string): Promise<Run> => present(await getRow(principal, id)),

    list: async (tx: Tx, principal: Principal, filter: RunFilter): Promise<Page<Run>> => {
      const rows = await listRuns(tx, {
        ...filter,
        mode: principal.mode === 'test' ? 'test' : undefined,
        limit: filter.limit + 1,
      });
      const page = rows.slice(0, filter.limit);
      const artifacts = await listArtifactsOf(
        tx,
        page.filter((run) => run.artifact_count > 0).map((run) => run.id),
      );
      const data = page.map((run) =>
        toWireRun(
          run,
          artifacts.filter((artifact) => artifact.run_id === run.id),
          links.to,
        ),
      );
      return { data, nextCursor: rows.length > filter.limit ? (page.at(-1)?.id ?? null) : null };
    },

    steps: async (principal: Principal, id: string): Promise<Step[]> => {
      const run = await getRow(principal, id);
      const rows = await db.tenant(principal.orgId, (tx) => listSteps(tx, id));
      return rows.map((step) => toWireStep(step, run.request_id));
    },

    /** Call `announceCancel` after the commit. */
    cancel: async (
      tx: Tx,
      principal: Principal,
      id: string,
      requestId: string,
    ): Promise<{ run: RunRow; effect: CancelEffect }> => {
      const { run, effect } = await requestCancel(deps, tx, id);
      if (!isVisible(principal, run)) throw new GuildhallError(runErrors.notFound);
      if (effect !== 'none') {
        await deps.audit.append(tx, {
          orgId: principal.orgId,
          ...actorOf(principal),
          action: 'run.cancel-requested',
          targetType: 'run',
          targetId: id,
          requestId,
        });
      }
      return { run: (await lockRun(tx, id)) ?? run, effect };
    },

    /** Reads what prices depend on into memory, so that a transaction takes no second connection for it. */
    readPrices: async (orgId: string): Promise<void> => {
      await deps.models.plannedPrices(orgId, await deps.metering.priceBook());
    },

    replay: (
      tx: Tx,
      request: { principal: Principal; runId: string; fromStep: number | undefined; input: unknown; requestId: string },
    ): Promise<RunRow> => replay(deps, tx, request),

    /** Call `bus.publish('work', …)` after the commit. */
    decide: async (
      tx: Tx,
      request: {
        principal: Principal;
        runId: string;
        approvalId: string;
        decision: 'approve' | 'reject';
        comment: string | undefined;
        requestId: string;
      },
    ): Promise<Run> => {
      const { principal, runId, approvalId } = request;
      const outcome = await decideApproval(tx, {
        orgId: principal.orgId,
        runId,
        approvalId,
        decision: request.decision,
        comment: request.comment,
        by: principal.keyId,
      });
      if (outcome === 'missing') throw new GuildhallError(runErrors.approvalNotFound);
      if (outcome === 'decided') throw new GuildhallError(runErrors.alreadyDecided);
      await deps.durable.signal(tx, runId);
      await deps.audit.append(tx, {
        orgId: principal.orgId,
        ...actorOf(principal),
        action: `approval.${request.decision}`,
        targetType: 'approval',
        targetId: approvalId,
        requestId: request.requestId,
      });
      const run = await readRun(tx, runId);
      if (!run) throw new GuildhallError(runErrors.notFound);
      return present(run, tx);
    },

    /**
     * The run once it has ended, or as it stands when the time is up or the client is gone. Listens from the moment of the call, and reads
     * for the first time when it hears of the end or after a while: call it before anybody is told of the run.
     */
    waitForEnd: async (wait: {
      orgId: string;
      id: string;
      timeoutMs: number;
      signal: AbortSignal;
    }): Promise<RunRow | undefined> => {
      const { orgId, id, signal } = wait;
      const deadline = deps.clock.monotonicMs() + wait.timeoutMs;
      for (;;) {
        const ms = Math.min(WAIT_POLL_MS, Math.max(0, deadline - deps.clock.monotonicMs()));
        await nextChange(deps, { channel: 'ended', runId: id, ms, signal }).promise;
        const run = await findRun(db, orgId, id);
        if (!run || isTerminal(run.status) || signal.aborted || deps.clock.monotonicMs() >= deadline) return run;
      }
    },
  };
}

/**
 * Resolves when the run was heard to have changed (or to have ended), after `ms`, or when the client leaves. Armed before the state is
 * read, so nothing slips between.
 */
export function nextChange(
  deps: RunsDeps,
  what: {
    readonly channel: 'run' | 'ended';
    readonly runId: string;
    readonly ms: number;
    readonly signal: AbortSignal;
  },
): { promise: Promise<void>; stop(): void } {
  let stop = (): void => {};
  const promise = new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      unsubscribe();
      what.signal.removeEventListener('abort', done);
      resolve();
    };
    stop = done;
    const timer = setTimeout(done, what.ms);
    const unsubscribe = deps.bus.subscribe(what.channel, done, what.runId);
    what.signal.addEventListener('abort', done, { once: true });
  });
  return { promise, stop: () => stop() };
}
