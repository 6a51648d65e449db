/** Balance, usage, ledger entries and budgets. */
import { z } from 'zod';
import { instant, money } from './common.ts';

export const balance = z.object({ available: money, held: money, spent: money }).meta({ id: 'Balance' });
export type BalanceView = z.infer<typeof balance>;

export const usageGroupBy = z.enum(['agent', 'key', 'day', 'tier', 'model', 'member']);
export const usageQuery = z.strictObject({
  groupBy: usageGroupBy.default('day'),
  /** Inclusive. Default: 30 days before `to`. */
  from: z.iso.datetime({ offset: true }).optional(),
  /** Exclusive. Default: now. */
  to: z.iso.datetime({ offset: true }).optional(),
});
export const usageRow = z
  .object({
    key: z.string(),
    runs: z.number().int(),
    /** Calls of models, by API or in runs. */
    calls: z.number().int(),
    inputTokens: z.number().int(),
    outputTokens: z.number().int(),
    cost: money,
  })
  .meta({ id: 'UsageRow' });
export type UsageRowView = z.infer<typeof usageRow>;

export const ledgerEntry = z
  .object({
    id: z.string(),
    transferId: z.string(),
    /** The kind of movement: `take-hold`, `settle-hold`, `grant-credit` … */
    template: z.string(),
    account: z.enum(['available', 'held', 'spent', 'refunds', 'funding']),
    amount: money,
    runId: z.string().nullable(),
    reason: z.string().nullable(),
    createdAt: instant,
  })
  .meta({ id: 'LedgerEntry' });
export type LedgerEntryView = z.infer<typeof ledgerEntry>;

export const budgetPeriod = z.enum(['day', 'month', 'total']);
export const budgetScopeType = z.enum(['organisation', 'member', 'key', 'agent']);

export const budget = z
  .object({
    id: z.string(),
    scope: z.object({ type: budgetScopeType, id: z.string() }),
    period: budgetPeriod,
    /** Null in the answer to a removal. */
    limit: money.nullable(),
    hard: z.boolean(),
    /** Amounts at which `budget.threshold.v1` is sent, beside 50, 80 and 100 % of the limit. */
    alertAt: z.array(money),
    spent: money,
    held: money,
    /** Null for a total, which never starts over. */
    resetsAt: instant.nullable(),
  })
  .meta({ id: 'Budget' });
export type BudgetView = z.infer<typeof budget>;
export const budgetList = z.object({ data: z.array(budget) }).meta({ id: 'BudgetList' });

// Ids of keys, agents and members are short and plain; the bound keeps an index entry small.
const scopeId = z.string().regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters');
// 9.2 billion dollars, the most that fits.
const NANOS_MAX = 9_223_372_036_854_775_807n;
const limitMoney = money.refine(
  (value) => !value.nanos.startsWith('-') && BigInt(value.nanos) <= NANOS_MAX,
  'must be zero or more and fit into 63 bits',
);

// More than anyone reads.
const ALERTS_MAX = 20;

export const putBudget = z
  .strictObject({
    /** `id` may be left out for the organisation itself. */
    scope: z.strictObject({ type: budgetScopeType, id: scopeId.optional() }),
    period: budgetPeriod,
    /** Null removes the budget. */
    limit: limitMoney.nullable(),
    hard: z.boolean(),
    /** Replaced with the budget: what is left out is no longer told of. */
    alertAt: z
      .array(limitMoney.refine((value) => BigInt(value.nanos) > 0n, 'must be more than zero'))
      .max(ALERTS_MAX)
      .refine(
        (all) => new Set(all.map(({ nanos }) => BigInt(nanos))).size === all.length,
        'each amount may be named once',
      )
      .default([]),
  })
  .meta({ id: 'PutBudget' });
