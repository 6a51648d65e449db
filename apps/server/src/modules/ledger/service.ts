/** The use cases of the ledger. All run inside the caller's transaction, so that money and its cause commit together. */
import { z } from 'zod';
import type { Db, Tx } from '../../platform/db/index.ts';
import { type Erase, eraser } from '../../platform/erasure/index.ts';
import { type ErrorCode, GuildhallError } from '../../platform/errors/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import { ledgerErrors } from './errors.ts';
import { refusingBudget } from './refusal.ts';
import { TEST_CREDIT_NANOS } from './rules.ts';
import * as store from './store.ts';
import { linesOf, type TemplateName } from './templates.ts';
import type {
  Balance,
  Budget,
  BudgetPeriod,
  Finding,
  HoldAnswer,
  LedgerEntry,
  Mode,
  NewBudget,
  NewHold,
  RunCharges,
} from './types.ts';
import { type VerifyPorts, verifyBooks } from './verify.ts';

// One call of the sweeper stays short; what is left waits for the next tick.
const SWEEP_MAX = 500;

export interface NewTransfer {
  /** Chosen by the caller before the first attempt and kept for retries: one id is booked once, for ever. */
  readonly transferId: string;
  readonly orgId: string;
  /** Default live. */
  readonly mode?: Mode | undefined;
  readonly amountNanos: bigint;
  readonly reason: string;
}

export interface OperatorCost extends NewTransfer {
  readonly runId: string;
}

export interface Ledger {
  /** Opens both books of a new organisation: live at zero, test with free test credit. Idempotent. */
  openAccounts(tx: Tx, input: { readonly orgId: string }): Promise<void>;
  /** Gives credit. The same id with the same content does nothing. @throws ledger.transfer-conflict, ledger.accounts-missing */
  grant(tx: Tx, transfer: NewTransfer): Promise<void>;
  /** Takes unspent credit back. @throws as `grant`, and ledger.insufficient-credit */
  revoke(tx: Tx, transfer: NewTransfer): Promise<void>;
  /**
   * Reserves the most a run may cost, from the balance and from every matching budget, or from the parent's hold: all or nothing, in one
   * statement, exactly. A refusal changes nothing and is an answer, not an error. The same hold again answers ok.
   * Locks the organisation's money until the transaction ends: call it late. @throws ledger.hold-conflict, ledger.hold-not-found (parent)
   */
  hold(tx: Tx, hold: NewHold): Promise<HoldAnswer>;
  /**
   * Ends a hold by charging its cost, at most what its children left of it. The rest goes back to where it came from; open holds
   * beneath it are closed without a charge. The same settlement again answers as the first time. A hold that was closed by its
   * ancestor's end charges 0. @throws ledger.hold-ended, ledger.hold-conflict (settled with another cost, or another run's)
   */
  settle(
    tx: Tx,
    input: { readonly holdId: string; readonly costNanos: bigint; readonly runId: string },
  ): Promise<{ readonly chargedNanos: bigint }>;
  /** Ends a hold without a charge of its own; what its children charged stays charged. @throws ledger.hold-ended, ledger.hold-not-found */
  release(tx: Tx, input: { readonly holdId: string }): Promise<void>;
  /**
   * Gives the charge of a hold back, and with `withDescendants` every charge beneath it: into the tree's reservation while its root is
   * open (reverse, then release the root), else to the customer. A second call gives back 0.
   */
  reverseCharge(
    tx: Tx,
    input: { readonly holdId: string; readonly reason: string; readonly withDescendants?: boolean | undefined },
  ): Promise<{ readonly reversedNanos: bigint }>;
  /** Books model use that the customer does not pay. @throws as `grant` */
  bookOperatorCost(tx: Tx, cost: OperatorCost): Promise<void>;
  /** Takes an operator's cost back. @throws as `grant` */
  reverseOperatorCost(tx: Tx, cost: OperatorCost): Promise<void>;
  balance(tx: Tx, mode: Mode): Promise<Balance>;
  /** Newest first. */
  entries(
    tx: Tx,
    page: { readonly mode: Mode; readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<{ data: LedgerEntry[]; nextCursor: string | null }>;
  listBudgets(tx: Tx): Promise<Budget[]>;
  /** Creates or replaces. A new budget starts with what its scope has spent and reserved in the current period. @throws ledger.budget-scope */
  putBudget(tx: Tx, budget: NewBudget): Promise<Budget>;
  /** The budget as it was last. @throws ledger.budget-not-found */
  removeBudget(tx: Tx, input: { readonly scope: Budget['scope']; readonly period: BudgetPeriod }): Promise<Budget>;
  /** What `successorId` spends counts in the budgets of `keyId`, whose place it takes. Call it where the key is rotated. */
  followKey(
    tx: Tx,
    input: { readonly orgId: string; readonly keyId: string; readonly successorId: string },
  ): Promise<void>;
  /** Gives back holds whose time is over, one transaction each; safe beside settlements. Returns how many. */
  sweepExpired(): Promise<number>;
  /** Every difference in the books of all organisations. */
  verify(ports?: VerifyPorts): Promise<Finding[]>;
  chargesByRun(orgId: string): Promise<RunCharges[]>;
  /** Budgets of an organisation that is over. Its books stay, and are closed: nothing is granted to it any more. */
  readonly erase: Erase;
}

const refuse = (code: ErrorCode, internal: string): GuildhallError => new GuildhallError(code, { internal });

async function bookTransfer(
  tx: Tx,
  template: TemplateName,
  transfer: NewTransfer & { readonly runId?: string },
): Promise<void> {
  if (transfer.amountNanos <= 0n)
    throw refuse(ledgerErrors.amount, `transfer ${transfer.transferId} of ${transfer.amountNanos}`);
  const { orgId, transferId, mode = 'live', runId, reason, amountNanos } = transfer;
  const outcome = await store.book(tx, {
    orgId,
    mode,
    transferId,
    template,
    runId,
    reason,
    ...linesOf(template, amountNanos),
  });
  if (outcome === 'conflict') throw refuse(ledgerErrors.transferConflict, `transfer ${transferId}`);
  if (outcome === 'insufficient') throw refuse(ledgerErrors.insufficientCredit, `transfer ${transferId}`);
  if (outcome === 'no-accounts') throw refuse(ledgerErrors.accountsMissing, `organisation ${orgId}`);
}

async function takeHold(tx: Tx, hold: NewHold): Promise<HoldAnswer> {
  return answerOf(await store.takeHold(tx, hold), hold.holdId);
}

function answerOf(row: store.TakeRow, holdId: string): HoldAnswer {
  switch (row.outcome) {
    case 'ok':
      return { ok: true };
    case 'conflict':
      throw refuse(ledgerErrors.holdConflict, `hold ${holdId}`);
    case 'no-accounts':
      throw refuse(ledgerErrors.accountsMissing, `hold ${holdId}`);
    case 'no-parent':
      throw refuse(ledgerErrors.holdMissing, `parent of hold ${holdId}`);
    default:
      return {
        ok: false,
        reason: row.outcome,
        requiredNanos: row.required,
        availableNanos: row.available ?? 0n,
        ...(row.budget ? { budget: refusingBudget(row.budget) } : {}),
      };
  }
}

const refusalDetail = z.object({
  outcome: z.enum(['balance', 'budget', 'parent', 'conflict', 'no-accounts', 'no-parent']),
  required: z.string().transform(BigInt),
  available: z.string().transform(BigInt).nullable(),
  // Written by the ledger's own function.
  budget: z.custom<store.DescribedBudget>().nullable(),
});

/**
 * The refusal of a hold that a statement asked for by the SQL function `hold_at_commit`, from the error the commit failed with; undefined
 * for any other error. Such holds are taken (and those of `settle_at_commit` settled) when the transaction commits, so that the
 * organisation's money is locked for the length of the commit alone. Ask before the audit row is appended: locks are taken in that order.
 */
export function holdRefusal(error: unknown): Exclude<HoldAnswer, { ok: true }> | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'GH402' || !('detail' in error))
    return undefined;
  // Nanos beyond 2^53 would lose digits as JSON numbers, so they are quoted before they are read.
  const quoted = String(error.detail).replaceAll(/"(required|available)": (-?\d+)/g, '"$1": "$2"');
  const detail = refusalDetail.parse(JSON.parse(quoted));
  const answer = answerOf(detail, 'at commit');
  return answer.ok ? undefined : answer;
}

async function endHold(tx: Tx, end: store.HoldEnd): Promise<bigint> {
  const { outcome, charged } = await store.endHold(tx, end);
  if (outcome === 'missing') throw refuse(ledgerErrors.holdMissing, `hold ${end.holdId}`);
  if (outcome === 'ended') throw refuse(ledgerErrors.holdEnded, `hold ${end.holdId}`);
  if (outcome === 'conflict') throw refuse(ledgerErrors.holdConflict, `hold ${end.holdId}`);
  return charged ?? 0n;
}

async function readBalance(tx: Tx, mode: Mode): Promise<Balance> {
  const balances = await store.readBalances(tx, mode);
  const of = (kind: string) => balances.get(kind) ?? 0n;
  return { availableNanos: of('available'), heldNanos: of('held'), spentNanos: of('spent') + of('refunds') };
}

const CURSOR = /^(\d{1,18})-(\d{1,4})$/;

function parseCursor(cursor: string | undefined): store.EntryPlace | undefined {
  if (cursor === undefined) return undefined;
  const [, transferSeq, line] = CURSOR.exec(cursor) ?? [];
  if (transferSeq === undefined || line === undefined) throw refuse(ledgerErrors.cursor, 'malformed');
  return { transferSeq: BigInt(transferSeq), line: Number(line) };
}

async function listEntries(
  tx: Tx,
  page: { readonly mode: Mode; readonly limit: number; readonly cursor?: string | undefined },
) {
  const rows = await store.listEntries(tx, page.mode, page.limit + 1, parseCursor(page.cursor));
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return { data: shown, nextCursor: rows.length > shown.length && last ? `${last.transferSeq}-${last.line}` : null };
}

async function sweepExpired(db: Db): Promise<number> {
  let swept = 0;
  for (let tried = 0; tried < SWEEP_MAX; tried += 1) {
    const took = await db.system(store.sweepOne);
    if (took === null) break;
    if (took) swept += 1;
  }
  return swept;
}

export function createLedger(deps: { readonly db: Db; readonly ids: Ids }): Ledger {
  const { db, ids } = deps;
  return {
    openAccounts: (tx, { orgId }) => store.openAccounts(tx, orgId, TEST_CREDIT_NANOS),
    grant: (tx, transfer) => bookTransfer(tx, 'grant-credit', transfer),
    revoke: (tx, transfer) => bookTransfer(tx, 'revoke-credit', transfer),
    hold: takeHold,
    settle: async (tx, { holdId, costNanos, runId }) => ({
      chargedNanos: await endHold(tx, { holdId, state: 'settled', costNanos, runId }),
    }),
    release: async (tx, { holdId }) => {
      await endHold(tx, { holdId, state: 'released' });
    },
    reverseCharge: async (tx, { holdId, reason, withDescendants = false }) => {
      const reversed = await store.reverseCharge(tx, holdId, reason, withDescendants);
      if (reversed === null) throw refuse(ledgerErrors.holdMissing, `hold ${holdId}`);
      return { reversedNanos: reversed };
    },
    bookOperatorCost: (tx, cost) => bookTransfer(tx, 'operator-loss', cost),
    reverseOperatorCost: (tx, cost) => bookTransfer(tx, 'reverse-operator-loss', cost),
    balance: readBalance,
    entries: listEntries,
    listBudgets: store.listBudgets,
    putBudget: async (tx, budget) => {
      if (budget.scope.type === 'organisation' && budget.scope.id !== budget.orgId)
        throw refuse(ledgerErrors.budgetScope, budget.scope.id);
      return store.putBudget(tx, ids.make('bud'), budget);
    },
    removeBudget: async (tx, { scope, period }) => {
      const removed = await store.deleteBudget(tx, scope, period);
      if (!removed) throw refuse(ledgerErrors.budgetMissing, `${scope.type} ${scope.id} ${period}`);
      return removed;
    },
    followKey: (tx, { orgId, keyId, successorId }) => store.followKey(tx, orgId, keyId, successorId),
    sweepExpired: () => sweepExpired(db),
    verify: (ports) => verifyBooks(db, ports),
    erase: eraser(db, store.eraseStatement),
    chargesByRun: (orgId) => db.system((tx) => store.listCharges(tx, orgId)),
  };
}
