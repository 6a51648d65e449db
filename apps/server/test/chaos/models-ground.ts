/** Organisations with small budgets, and the money that is handed to them bit by bit so that it is always about to run out. */
import type { Stage } from './stage.ts';

export interface Customer {
  readonly orgId: string;
  readonly key: string;
  /** Nano-USD that it is given at each turn. */
  readonly allowance: bigint;
}

const POOR = 6;
// One to two holds of the cheap models that are asked.
const ALLOWANCE = 60_000n;
// Calls with a key of one's own cost two million nanos.
const RICH_ALLOWANCE = 6_000_000n;

/** The first is rich; of the others, half have budgets below what they are given. */
export async function customersOf(stage: Stage): Promise<readonly [Customer, ...Customer[]]> {
  const { identity, ledger } = stage.server.platform;
  const { db } = stage.server.foundation;
  const open = async (name: string, allowance: bigint): Promise<Customer> => {
    const actor = { type: 'system', id: 'test' } as const;
    const made = await identity.createOrganisation({ name, actor, scopes: ['models:use', 'billing:read'] });
    return { orgId: made.organisation.id, key: made.secret, allowance };
  };
  const rich = await open('Rich', RICH_ALLOWANCE);
  const poor = await Promise.all(Array.from({ length: POOR }, (_, index) => open(`Poor ${index}`, ALLOWANCE)));
  for (const [index, { orgId }] of poor.entries()) {
    if (index % 2 === 0) continue;
    const scope = { type: 'organisation', id: orgId } as const;
    const budgets = [
      { period: 'total', limitNanos: 3_000_000n, hard: true },
      { period: 'day', limitNanos: 2_000_000n, hard: index === 1 },
    ] as const;
    await db.tenant(orgId, async (tx) => {
      for (const budget of budgets) await ledger.putBudget(tx, { orgId, scope, ...budget });
    });
  }
  return [rich, ...poor];
}

/** One turn of allowances, by its number once. Whoever cannot be reached now gets nothing this turn. */
export async function hand(stage: Stage, customers: readonly Customer[], turn: number): Promise<void> {
  const { ledger } = stage.server.platform;
  for (const { orgId, allowance } of customers) {
    const grant = { transferId: `${orgId}:turn-${turn}`, orgId, amountNanos: allowance, reason: 'test' };
    await stage.server.foundation.db.tenant(orgId, (tx) => ledger.grant(tx, grant)).catch(() => undefined);
  }
}
