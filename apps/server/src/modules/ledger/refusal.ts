/** A refused hold in the words of the public interface, the same on every path that takes holds. */
import { formatNanos, type Money, toMoney } from '@guildhall/contract';
import type { DescribedBudget } from './store.ts';
import type { HoldAnswer, RefusingBudget } from './types.ts';

export type HoldRefusal = Exclude<HoldAnswer, { ok: true }>;

/** What a 402 says beside its text. */
export type RefusalMembers = {
  readonly required: Money;
  readonly available: Money;
  readonly budgetId?: string;
  readonly budgetScope?: RefusingBudget['scope'];
  readonly budgetPeriod?: RefusingBudget['period'];
  readonly resetsAt?: string | null;
};

export const refusingBudget = ({ resetsAt, ...named }: DescribedBudget): RefusingBudget => ({
  ...named,
  resetsAt: resetsAt === null ? null : new Date(resetsAt),
});

const PERIODS = { day: 'daily', month: 'monthly', total: 'total' } as const;
const SOURCES = { balance: 'The balance', parent: 'The run' } as const;

function sourceOf({ reason, budget }: HoldRefusal): string {
  if (reason !== 'budget') return SOURCES[reason];
  return budget
    ? `The ${PERIODS[budget.period]} budget ${budget.id} of ${budget.scope.type} ${budget.scope.id}`
    : 'A budget';
}

/** Says what was missing and where: one sentence, and members for programs. */
export function describeRefusal(refusal: HoldRefusal): { readonly detail: string; readonly members: RefusalMembers } {
  const { requiredNanos, availableNanos, budget } = refusal;
  const resetsAt = budget?.resetsAt?.toISOString() ?? null;
  const until = resetsAt === null ? '' : `; it starts over at ${resetsAt}`;
  return {
    detail: `${sourceOf(refusal)} has ${formatNanos(availableNanos)} left, and up to ${formatNanos(requiredNanos)} is needed${until}.`,
    members: {
      required: toMoney(requiredNanos),
      available: toMoney(availableNanos),
      ...(budget && { budgetId: budget.id, budgetScope: budget.scope, budgetPeriod: budget.period, resetsAt }),
    },
  };
}
