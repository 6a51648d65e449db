/** The nouns of the ledger. Amounts are whole nano-USD. */
import type { Mode } from '@guildhall/contract';

export type { Mode };

/**
 * Where money of one organisation stands. Positive: `available` can be spent, `held` is reserved by open holds, `spent` was charged,
 * `provider_cost` is model use that the operator bears. Negative: `funding` is where credit came from, `refunds` what was given
 * back after a charge was final, `provider_payable` what is owed to providers.
 */
export type AccountKind = 'available' | 'held' | 'spent' | 'refunds' | 'funding' | 'provider_cost' | 'provider_payable';

/**
 * `open`: reserves money; ends by exactly one of the others, which are final. `settled`: charged its cost, rest given back.
 * `released`: given back whole, or closed by the end of an ancestor. `expired`: given back by the sweeper.
 */
export type HoldState = 'open' | 'settled' | 'released' | 'expired';

/** Whose budgets a hold counts in. */
export interface HoldScopes {
  readonly keyId: string;
  readonly agentId: string;
  readonly memberId?: string | undefined;
}

export interface NewHold {
  readonly holdId: string;
  readonly orgId: string;
  readonly mode: Mode;
  readonly runId: string;
  readonly amountNanos: bigint;
  /** The hold that this one draws from, instead of from the accounts. Key and member are then the root's. */
  readonly parentHoldId?: string | undefined;
  /** When the sweeper may take the hold back; left out: never. */
  readonly expiresAt?: Date | undefined;
  readonly scopes: HoldScopes;
}

/** A refusal names what was missing: credit, a hard budget, or room in the parent's hold. */
export type HoldAnswer =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: 'balance' | 'budget' | 'parent';
      readonly requiredNanos: bigint;
      readonly availableNanos: bigint;
      /** The hard budget that refused, for the reason `budget`. */
      readonly budget?: RefusingBudget | undefined;
    };

export interface RefusingBudget {
  readonly id: string;
  readonly scope: { readonly type: BudgetScopeType; readonly id: string };
  readonly period: BudgetPeriod;
  /** When its period ends; null: never. */
  readonly resetsAt: Date | null;
}

export interface Balance {
  readonly availableNanos: bigint;
  readonly heldNanos: bigint;
  /** Net of refunds. */
  readonly spentNanos: bigint;
}

/** One line of a transfer, as the customer sees it. */
export interface LedgerEntry {
  readonly id: string;
  readonly transferId: string;
  readonly template: string;
  readonly account: AccountKind;
  readonly amountNanos: bigint;
  readonly runId: string | null;
  readonly reason: string | null;
  readonly createdAt: Date;
}

export type BudgetScopeType = 'organisation' | 'member' | 'key' | 'agent';
export type BudgetPeriod = 'day' | 'month' | 'total';

export interface Budget {
  readonly id: string;
  readonly scope: { readonly type: BudgetScopeType; readonly id: string };
  readonly period: BudgetPeriod;
  readonly limitNanos: bigint;
  /** Hard: holds past the limit are refused. Soft: only counted. */
  readonly hard: boolean;
  /** Amounts at which it tells of itself, beside 50, 80 and 100 % of its limit. */
  readonly alertAtNanos: readonly bigint[];
  readonly spentNanos: bigint;
  readonly heldNanos: bigint;
  /** Null for a total. */
  readonly resetsAt: Date | null;
}

export interface NewBudget {
  readonly orgId: string;
  readonly scope: { readonly type: BudgetScopeType; readonly id: string };
  readonly period: BudgetPeriod;
  readonly limitNanos: bigint;
  readonly hard: boolean;
  /** Default: none. */
  readonly alertAtNanos?: readonly bigint[] | undefined;
}

/** What one run was charged, by the ledger. */
export interface RunCharges {
  readonly runId: string;
  /** By the run itself. */
  readonly ownNanos: bigint;
  /** With everything beneath its hold. */
  readonly totalNanos: bigint;
  readonly holdOpen: boolean;
}

/** One named difference between two things that must agree. */
export interface Finding {
  readonly code: FindingCode;
  readonly orgId: string;
  /** The transfer, account, hold, budget, run or record concerned. */
  readonly object: string;
  readonly expected: string;
  readonly found: string;
}

/** `ledger verify` names every difference by one of these. */
export type FindingCode =
  // Books against themselves.
  | 'transfer.unbalanced'
  | 'transfer.altered'
  | 'account.balance'
  | 'account.held'
  | 'hold.tree'
  | 'hold.charge'
  | 'budget.counters'
  // Usage records against themselves.
  | 'usage.missing'
  | 'usage.duplicate'
  | 'usage.unknown'
  // Books, usage and history against each other.
  | 'usage.ledger'
  | 'run.cost'
  | 'run.hold-open'
  | 'run.unknown'
  // The audit trail.
  | 'audit.edited'
  | 'audit.deleted'
  | 'audit.reordered'
  | 'audit.truncated'
  | 'audit.rewritten';
