/** The money of calls that runs make: drawn from the run's hold, booked with its step. */
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Ids } from '../../../platform/ids/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import { customerCost, type Metering, modelPrice, type PriceBook, tierOf } from '../../metering/index.ts';
import type { CallEnd, NewCall } from '../book/index.ts';
import { lossOf } from '../call/money.ts';
import { callErrors } from '../errors.ts';
import * as store from './store.ts';
import type { Begun, CallingRun, Lost, NewRunCall, RunCallEnd } from './types.ts';

/** Who reports the use of models, by runs and by API. */
const SOURCE = 'gateway';

export interface RunCallsDeps {
  readonly ids: Ids;
  readonly ledger: Pick<Ledger, 'hold' | 'settle' | 'release' | 'reverseCharge' | 'bookOperatorCost'>;
  readonly metering: Pick<Metering, 'priceBook' | 'record' | 'reverse'>;
}

/**
 * All of these run in the caller's transaction, under the lock of the run's row. Money is locked by their last statements, so call them late.
 */
export interface RunCalls {
  /**
   * Reserves the worst case of a call and writes the call down. What an earlier attempt at the step left open is lost first.
   * Nothing is reserved while all open calls together surely stay within the tokens that the tier includes.
   */
  begin(tx: Tx, call: NewRunCall): Promise<Begun>;
  /** Charges a call by what its run had used before, and records its use. Returns the charge; a call that has ended changes nothing. */
  end(tx: Tx, ended: RunCallEnd): Promise<bigint>;
  /** Gives back what open calls hold; their cost is the operator's. */
  lose(tx: Tx, orgId: string, lost: Lost): Promise<void>;
  /** What open calls of a run hold. */
  held(tx: Tx, runId: string): Promise<bigint>;
  /** What each run was charged for its own calls. */
  charged(tx: Tx, runIds: readonly string[]): Promise<ReadonlyMap<string, bigint>>;
  /** Takes the charges of runs that failed back, in history and usage; the result does so in the books, and is to be called last. */
  giveBack(tx: Tx, orgId: string, runIds: readonly string[]): Promise<() => Promise<void>>;
}

/** What a call may cost the customer at most; nothing where all tokens are the customer's own. */
function worstNanos(book: PriceBook, run: CallingRun, riskNanos: bigint): bigint {
  return tierOf(book, run.tier).includedTokens === undefined ? 0n : customerCost(book, riskNanos);
}

function isIncluded(book: PriceBook, run: CallingRun, tokens: number): boolean {
  const { includedTokens } = tierOf(book, run.tier);
  return includedTokens !== undefined && run.usedTokens + tokens <= includedTokens;
}

interface Wanted {
  readonly callId: string;
  readonly nanos: bigint;
}

async function takeHold(deps: RunCallsDeps, tx: Tx, { run, call }: NewRunCall, wanted: Wanted): Promise<void> {
  const { orgId, mode, keyId, agentId, memberId } = call.payer;
  const holdId = deps.ids.make('hold');
  await store.setHold(tx, wanted.callId, holdId, wanted.nanos);
  const answer = await deps.ledger.hold(tx, {
    holdId,
    orgId,
    mode,
    runId: wanted.callId,
    amountNanos: wanted.nanos,
    parentHoldId: run.holdId,
    scopes: { keyId, agentId, memberId },
  });
  // The room was computed from the very rows that the ledger keeps, under one lock.
  if (!answer.ok) throw new GuildhallError(callErrors.overRun, { internal: `hold of call ${wanted.callId}` });
}

async function begin(deps: RunCallsDeps, tx: Tx, wanted: NewRunCall): Promise<Begun> {
  const { run, call, hold, stepKey } = wanted;
  const book = await deps.metering.priceBook(tx, run.priceVersion);
  const open = await store.listOpen(tx, run.id);
  const openTokens = open.reduce((sum, row) => sum + Number(row.tokens_max), 0);
  const tokens = openTokens + hold.tokensMax;
  if (wanted.tokensMax !== undefined && run.usedTokens + tokens > wanted.tokensMax)
    return { outcome: 'too-many-tokens', tokens: run.usedTokens + tokens };
  const asked = [
    // A call that seemed to stay within the included tokens no longer does, now that another one may use them up.
    ...open.filter((row) => row.hold_id === null).map((row) => ({ callId: row.id, riskNanos: row.risk_nanos })),
    { callId: call.id, riskNanos: hold.riskNanos },
  ].map(({ callId, riskNanos }) => ({ callId, nanos: worstNanos(book, run, riskNanos) }));
  const holds = isIncluded(book, run, tokens) ? [] : asked.filter(({ nanos }) => nanos > 0n);
  const requiredNanos = holds.reduce((sum, { nanos }) => sum + nanos, 0n);
  if (requiredNanos > wanted.roomNanos) return { outcome: 'no-room', requiredNanos, availableNanos: wanted.roomNanos };
  const attempt = (await store.countOfStep(tx, run.id, stepKey)) + 1;
  const { tokensMax, riskNanos } = hold;
  await store.insertCall(tx, { call, runId: run.id, stepKey, priceVersion: run.priceVersion, tokensMax, riskNanos });
  for (const one of holds) await takeHold(deps, tx, wanted, one);
  return { outcome: 'ok', attempt };
}

/** By the tokens that the run had used before; nothing for a call that delivered nothing. */
function priceOf(book: PriceBook, run: CallingRun, { usage, costNanos, providerCostNanos }: CallEnd): bigint {
  if (costNanos === 0n) return 0n;
  const tokens = usage.input + usage.output;
  return modelPrice(book, tierOf(book, run.tier), { tokensBefore: run.usedTokens, tokens, providerCostNanos });
}

interface Loss {
  readonly mode: 'live' | 'test';
  readonly callId: string;
  readonly nanos: bigint;
  readonly why: 'loss' | 'lost' | 'run-failed';
}

async function bookLoss(deps: RunCallsDeps, tx: Tx, orgId: string, loss: Loss): Promise<void> {
  const { mode, callId, nanos, why } = loss;
  if (nanos === 0n) return;
  const transferId = `${callId}:${why}`;
  await deps.ledger.bookOperatorCost(tx, { transferId, orgId, mode, amountNanos: nanos, runId: callId, reason: why });
}

const useOf = (run: CallingRun, call: NewCall, end: CallEnd, chargedNanos: bigint) => ({
  orgId: run.orgId,
  source: SOURCE,
  id: call.id,
  mode: call.payer.mode,
  runId: call.id,
  agentId: call.payer.agentId,
  keyId: call.payer.keyId,
  memberId: call.payer.memberId,
  tier: run.tier,
  model: end.model ?? call.model,
  priceVersion: run.priceVersion,
  runs: 0,
  inputTokens: end.usage.input,
  outputTokens: end.usage.output,
  costNanos: chargedNanos,
  providerCostNanos: end.providerCostNanos,
});

async function end(deps: RunCallsDeps, tx: Tx, { run, call, end: ended, record }: RunCallEnd): Promise<bigint> {
  const known = await store.findCall(tx, call.id);
  if (known?.status !== 'open') return known?.cost_nanos ?? 0n;
  const book = await deps.metering.priceBook(tx, run.priceVersion);
  const costNanos = priceOf(book, run, ended);
  const chargedNanos = costNanos < known.hold_nanos ? costNanos : known.hold_nanos;
  const { providerCostNanos } = ended;
  const lossNanos =
    ended.costNanos === 0n ? ended.lossNanos : lossOf({ costNanos, providerCostNanos }, known.hold_nanos);
  await record(chargedNanos);
  const model = ended.model ?? call.model;
  await store.endCall(tx, call.id, { ...ended, model, chargedNanos, lossNanos });
  await deps.metering.record(tx, useOf(run, call, ended, chargedNanos));
  if (known.hold_id) await deps.ledger.settle(tx, { holdId: known.hold_id, costNanos: chargedNanos, runId: call.id });
  const { orgId, mode } = call.payer;
  await bookLoss(deps, tx, orgId, { mode, callId: call.id, nanos: lossNanos, why: 'loss' });
  return chargedNanos;
}

async function lose(deps: RunCallsDeps, tx: Tx, orgId: string, lost: Lost): Promise<void> {
  for (const row of await store.loseCalls(tx, lost)) {
    if (row.hold_id) await deps.ledger.release(tx, { holdId: row.hold_id });
    await bookLoss(deps, tx, orgId, { mode: row.mode, callId: row.id, nanos: row.loss_nanos, why: 'lost' });
  }
}

async function giveBack(deps: RunCallsDeps, tx: Tx, orgId: string, runIds: readonly string[]) {
  const rows = await store.reverseCalls(tx, runIds);
  for (const { id } of rows) await deps.metering.reverse(tx, { source: SOURCE, id, reversalId: `${id}:reversed` });
  return async (): Promise<void> => {
    for (const { id: callId, mode, hold_id: holdId, charged, loss } of rows) {
      if (holdId && charged > 0n) await deps.ledger.reverseCharge(tx, { holdId, reason: 'run-did-not-succeed' });
      await bookLoss(deps, tx, orgId, { mode, callId, nanos: loss, why: 'run-failed' });
    }
  };
}

export function createRunCalls(deps: RunCallsDeps): RunCalls {
  return {
    async begin(tx, call) {
      await lose(deps, tx, call.run.orgId, { runId: call.run.id, stepKey: call.stepKey });
      return begin(deps, tx, call);
    },
    end: (tx, ended) => end(deps, tx, ended),
    lose: (tx, orgId, lost) => lose(deps, tx, orgId, lost),
    async held(tx, runId) {
      return (await store.listOpen(tx, runId)).reduce((sum, row) => sum + row.hold_nanos, 0n);
    },
    charged: store.sumByRun,
    giveBack: (tx, orgId, runIds) => giveBack(deps, tx, orgId, runIds),
  };
}
