/** Admission: everything that makes a run exist, in one transaction. */
import type { AgentDefinition } from '@guildhall/agent-sdk';
import { type Mode, toMoney } from '@guildhall/contract';
import type { Tx } from '../../../platform/db/index.ts';
import { DURABLE_VERSION } from '../../../platform/durable/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Principal } from '../../../platform/http/index.ts';
import { catalogErrors } from '../../catalog/index.ts';
import { describeRefusal, holdRefusal } from '../../ledger/index.ts';
import { basePrice, type PriceBook, type Tier, tierOf } from '../../metering/index.ts';
import type { RunsDeps } from '../deps.ts';
import { budgetErrors, runErrors } from '../errors.ts';
import { type PlannedRun, planCost } from '../planning.ts';
import { fileRefs } from '../rules.ts';
import { knownContents } from '../store/files.ts';
import { admitRuns, type NewRun } from '../store/runs.ts';
import type { RunRow } from '../types.ts';
import { offerOf } from './offer.ts';

export interface StartInput {
  readonly principal: Pick<Principal, 'orgId' | 'keyId' | 'mode'> & { readonly memberId?: string | undefined };
  readonly agentId: string;
  /** As the caller sent it. */
  readonly input: unknown;
  readonly tier: string | undefined;
  readonly maxCostNanos: bigint | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly requestId: string;
}

/** An input that has been checked and priced; no transaction is needed for that. */
export interface Quote {
  readonly agent: AgentDefinition;
  readonly input: unknown;
  readonly tier: Tier;
  readonly priceVersion: number;
  readonly baseNanos: bigint;
  readonly maximumNanos: bigint;
}

// More than any tier allows at once, so that the tier's own number decides; it bounds an organisation that uses several tiers.
const ORG_CONCURRENCY_MAX = 200;

export interface QuoteRequest {
  readonly orgId: string;
  readonly agentId: string;
  readonly input: unknown;
  readonly tier: string | undefined;
  /** How many runs called one another above this one; left out: none. */
  readonly depth?: number;
  /** Nothing will be bought, so what may be called is not looked at: it may be gone since. */
  readonly free?: boolean;
}

async function planned(deps: RunsDeps, orgId: string, book: PriceBook, run: PlannedRun) {
  // Most agents call nobody, and then nothing has to be looked up.
  const calls = run.agent.plannedCalls !== undefined || run.agent.plannedModelUse !== undefined;
  const modelPriceOf = calls ? await deps.models.plannedPrices(orgId, book) : () => 0n;
  return planCost(offerOf(deps, book, modelPriceOf), run);
}

/**
 * @throws a refusal naming every fault of the input, of what may be called because of it, the unknown agent or the unknown tier. Nothing
 * is written.
 */
export async function quote(deps: RunsDeps, request: QuoteRequest, tx?: Tx): Promise<Quote> {
  const agent = deps.catalog.get(request.agentId);
  const input = deps.catalog.parseInput(agent, request.input);
  const book = await deps.metering.priceBook(tx);
  const tier = tierOf(book, request.tier);
  const baseNanos = basePrice(book, agent.id, tier.id);
  const { depth = 0, free = false } = request;
  const plan = free ? undefined : await planned(deps, request.orgId, book, { agent, input, tier: tier.id, depth });
  const first = plan?.faults[0];
  if (first)
    throw new GuildhallError(catalogErrors.invalidInput, {
      detail: `The first fault is at ${first.path}: ${first.message}.`,
      errors: plan.faults,
    });
  return {
    agent,
    input,
    tier,
    priceVersion: book.version,
    baseNanos,
    maximumNanos: plan?.maximumNanos ?? baseNanos,
  };
}

/** Whether an input refers to files, which are looked up within the organisation. */
export const namesFiles = (priced: Quote): boolean => fileRefs(priced.input).length > 0;

async function assertFiles(tx: Tx, input: unknown, mode: Mode): Promise<void> {
  const refs = fileRefs(input);
  if (refs.length === 0) return;
  const known = await knownContents(tx, [...new Set(refs.map((ref) => ref.id))], mode);
  const missing = refs.filter((ref) => !known.has(ref.id));
  if (missing.length > 0) {
    throw new GuildhallError(runErrors.fileRefNotFound, {
      errors: missing.map((ref) => ({ path: ref.path, message: 'no such file' })),
    });
  }
}

export interface Admission {
  readonly quote: Quote;
  readonly start: StartInput;
  readonly parent?: {
    readonly runId: string;
    readonly rootRunId: string;
    readonly step: string;
    readonly holdId: string | undefined;
  };
  readonly replay?: { readonly runId: string; readonly fromStep: number | undefined };
  /** A replay from the record: nothing is bought, so nothing is held. */
  readonly free?: boolean;
  /** Fills the record of the new run. */
  readonly prepare?: (run: RunRow) => Promise<void>;
}

/**
 * Run, first event, durable task, outbox event, audit row and hold in the caller's transaction: all or nothing.
 * Call `announce` after the commit.
 * The transaction's promise goes through `orRefusal`: it fails with 402 when balance, a hard budget or the caller's hold does not cover it.
 */
export async function admit(deps: RunsDeps, tx: Tx, admission: Admission): Promise<RunRow> {
  await assertFiles(tx, admission.quote.input, admission.start.principal.mode);
  // One run in, one row out.
  const [run] = (await admitRuns(tx, [newRun(deps, admission)])) as [RunRow];
  await admission.prepare?.(run);
  await deps.failpoint('admit.before-commit');
  return run;
}

/** The same in a commit of its own, which others may share; for an input that names no files. */
export async function admitAlone(deps: RunsDeps, admission: Admission): Promise<RunRow> {
  const run = await deps.shared.admit(newRun(deps, admission));
  await deps.failpoint('admit.before-commit');
  return run;
}

function newRun(deps: RunsDeps, admission: Admission): NewRun {
  const { quote: priced, start } = admission;
  const { orgId, keyId, memberId, mode } = start.principal;
  const base = admission.free ? 0n : priced.baseNanos;
  const holdNanos = admission.free ? 0n : holdFor(priced, start.maxCostNanos);
  const scale = deps.settings.limitsScale;
  return {
    id: deps.ids.make('run'),
    orgId,
    keyId,
    memberId,
    agent: { id: priced.agent.id, version: priced.agent.version },
    tier: priced.tier.id,
    mode,
    input: priced.input,
    priceVersion: priced.priceVersion,
    baseNanos: base,
    estimateNanos: admission.free ? 0n : priced.maximumNanos,
    holdId: holdNanos > 0n ? deps.ids.make('hold') : undefined,
    holdNanos,
    parent: admission.parent,
    replay: admission.replay,
    metadata: start.metadata,
    requestId: start.requestId,
    task: {
      lane: `${mode}:${priced.tier.id}`,
      orgMax: ORG_CONCURRENCY_MAX * scale,
      laneMax: priced.tier.concurrentRuns * scale,
      version: DURABLE_VERSION,
    },
    eventId: deps.ids.make('evt'),
    auditId: deps.ids.make('aud'),
  };
}

/** The maximum, or `maxCostNanos` where that is less. @throws when it is below the base price. */
export function holdFor(priced: Quote, maxCostNanos: bigint | undefined): bigint {
  if (maxCostNanos === undefined || maxCostNanos >= priced.maximumNanos) return priced.maximumNanos;
  if (maxCostNanos < priced.baseNanos) {
    throw new GuildhallError(budgetErrors.belowBase, {
      errors: [{ path: '/maxCost', message: 'is below the base price' }],
      members: { required: toMoney(priced.baseNanos), available: toMoney(maxCostNanos < 0n ? 0n : maxCostNanos) },
    });
  }
  return maxCostNanos;
}

/** Around every transaction that admits: its hold is taken at the commit, and a refused one becomes the 402 that says what is missing. */
export async function orRefusal<T>(admitting: Promise<T>): Promise<T> {
  try {
    return await admitting;
  } catch (error) {
    const refusal = holdRefusal(error);
    if (!refusal) throw error;
    const spec = {
      parent: budgetErrors.maxCostReached,
      budget: budgetErrors.exceeded,
      balance: budgetErrors.insufficient,
    };
    throw new GuildhallError(spec[refusal.reason], { ...describeRefusal(refusal) });
  }
}

/** Wakes a worker; to be called after the commit of an admission. */
export function announce(deps: RunsDeps, run: Pick<RunRow, 'id'>): void {
  deps.bus.publish('work', run.id);
  deps.bus.publish('outbox', run.id);
}
