/** All SQL on the schema `ledger`. The functions called here, and the order of their locks, stand in the migrations of the ledger. */
import { sql, type Tx } from '../../platform/db/index.ts';
import type { Erased } from '../../platform/erasure/index.ts';
import type {
  AccountKind,
  Budget,
  BudgetPeriod,
  BudgetScopeType,
  Finding,
  FindingCode,
  LedgerEntry,
  Mode,
  NewBudget,
  NewHold,
  RunCharges,
} from './types.ts';

export type BookOutcome = 'posted' | 'same' | 'conflict' | 'insufficient' | 'no-accounts';
export type EndOutcome = 'ok' | 'missing' | 'ended' | 'conflict';

export interface TakeRow {
  outcome: 'ok' | 'balance' | 'budget' | 'parent' | 'conflict' | 'no-accounts' | 'no-parent';
  required: bigint;
  available: bigint | null;
  budget: DescribedBudget | null;
}

/** As the functions of the ledger write the budget that refused. */
export interface DescribedBudget {
  readonly id: string;
  readonly scope: { readonly type: BudgetScopeType; readonly id: string };
  readonly period: BudgetPeriod;
  readonly resetsAt: string | null;
}

/** A statement that returns exactly one row by its very form. */
function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error('assertion failed: the statement returned no row');
  return row;
}

export async function openAccounts(tx: Tx, orgId: string, testCreditNanos: bigint): Promise<void> {
  await sql`select ledger.open_accounts(${orgId}, ${testCreditNanos})`.execute(tx);
}

export interface Booking {
  readonly orgId: string;
  readonly mode: Mode;
  readonly transferId: string;
  readonly template: string;
  readonly runId: string | undefined;
  readonly reason: string;
  readonly accounts: readonly AccountKind[];
  readonly amounts: readonly bigint[];
}

export async function book(tx: Tx, booking: Booking): Promise<BookOutcome> {
  const { orgId, mode, transferId, template, runId, reason, accounts, amounts } = booking;
  const answer = await sql<{
    outcome: BookOutcome;
  }>`select ledger.book(${orgId}, ${mode}, ${transferId}, ${template}, ${runId ?? null},
    ${reason}, ${accounts}::text[], ${amounts}::bigint[]) as outcome`.execute(tx);
  return only(answer.rows).outcome;
}

export async function takeHold(tx: Tx, hold: NewHold): Promise<TakeRow> {
  const { holdId, orgId, mode, runId, amountNanos, parentHoldId, expiresAt, scopes } = hold;
  const answer =
    await sql<TakeRow>`select * from ledger.take_hold(${orgId}, ${holdId}, ${mode}, ${runId}, ${amountNanos}, ${parentHoldId ?? null},
    ${expiresAt ?? null}, ${scopes.keyId}, ${scopes.agentId}, ${scopes.memberId ?? null})`.execute(tx);
  return only(answer.rows);
}

export interface HoldEnd {
  readonly holdId: string;
  readonly state: 'settled' | 'released';
  readonly costNanos?: bigint | undefined;
  readonly runId?: string | undefined;
}

export async function endHold(tx: Tx, end: HoldEnd): Promise<{ outcome: EndOutcome; charged: bigint | null }> {
  const answer = await sql<{
    outcome: EndOutcome;
    charged: bigint | null;
  }>`select * from ledger.end_hold(platform.current_org(), ${end.holdId},
    ${end.state}, ${end.costNanos ?? null}, ${end.runId ?? null})`.execute(tx);
  return only(answer.rows);
}

/** Null: no such hold. */
export async function reverseCharge(
  tx: Tx,
  holdId: string,
  reason: string,
  withDescendants: boolean,
): Promise<bigint | null> {
  const answer = await sql<{
    amount: bigint | null;
  }>`select ledger.reverse_charge(platform.current_org(), ${holdId}, ${withDescendants}, ${reason}) as amount`.execute(
    tx,
  );
  return only(answer.rows).amount;
}

export async function readBalances(tx: Tx, mode: Mode): Promise<ReadonlyMap<string, bigint>> {
  const found = await sql<{ kind: string; balance: bigint }>`select kind, balance from ledger.account
    where org_id = platform.current_org() and mode = ${mode}`.execute(tx);
  return new Map(found.rows.map((row) => [row.kind, row.balance]));
}

interface EntryRow {
  transfer_seq: bigint;
  line: number;
  transfer_id: string;
  template: string;
  account: AccountKind;
  amount: bigint;
  run_id: string | null;
  reason: string | null;
  created_at: Date;
}

export interface EntryPlace {
  readonly transferSeq: bigint;
  readonly line: number;
}

/** Newest first. The operator's own accounts are not the customer's to see. */
export async function listEntries(
  tx: Tx,
  mode: Mode,
  limit: number,
  after: EntryPlace | undefined,
): Promise<(LedgerEntry & EntryPlace)[]> {
  const found =
    await sql<EntryRow>`select e.transfer_seq, e.line, t.id as transfer_id, t.template, e.account, e.amount, t.run_id, t.reason, t.created_at
    from ledger.entry e join ledger.transfer t on t.org_id = e.org_id and t.seq = e.transfer_seq
    where e.org_id = platform.current_org() and e.mode = ${mode} and e.account not in ('provider_cost', 'provider_payable')
      and (${after?.transferSeq ?? null}::bigint is null or (e.transfer_seq, e.line) < (${after?.transferSeq ?? null}, ${after?.line ?? null}::smallint))
    order by e.transfer_seq desc, e.line desc limit ${limit}`.execute(tx);
  return found.rows.map((row) => ({
    id: `${row.transfer_id}.${row.line}`,
    transferSeq: row.transfer_seq,
    line: row.line,
    transferId: row.transfer_id,
    template: row.template,
    account: row.account,
    amountNanos: row.amount,
    runId: row.run_id,
    reason: row.reason,
    createdAt: row.created_at,
  }));
}

interface BudgetRow {
  id: string;
  scope: Budget['scope'];
  period: BudgetPeriod;
  limit_nanos: bigint;
  hard: boolean;
  alert_at: string[];
  spent: bigint;
  held: bigint;
  resets_at: Date | null;
}

const fromBudgetRow = (row: BudgetRow): Budget => ({
  id: row.id,
  scope: row.scope,
  period: row.period,
  limitNanos: row.limit_nanos,
  hard: row.hard,
  alertAtNanos: row.alert_at.map(BigInt),
  spentNanos: row.spent,
  heldNanos: row.held,
  resetsAt: row.resets_at,
});

// Counters of a period that is over are shown as the zeros they will be set to.
const budgetColumns = sql`b.id, ledger.budget_scope(b) as scope, b.period, b.limit_nanos, b.hard, b.alert_at::text[] as alert_at,
  ledger.period_end(b.period, greatest(platform.now(), b.period_start)) as resets_at,
  case when b.period_start < ledger.period_start(b.period, platform.now()) then 0 else b.spent end as spent,
  case when b.period_start < ledger.period_start(b.period, platform.now()) then 0 else b.held end as held`;

export async function listBudgets(tx: Tx): Promise<Budget[]> {
  const found =
    await sql<BudgetRow>`select ${budgetColumns} from ledger.budget b where b.org_id = platform.current_org() order by b.id`.execute(
      tx,
    );
  return found.rows.map(fromBudgetRow);
}

export async function putBudget(tx: Tx, id: string, budget: NewBudget): Promise<Budget> {
  const { orgId, scope, period, limitNanos, hard, alertAtNanos = [] } = budget;
  const kept = await sql<{
    id: string;
  }>`select ledger.put_budget(${orgId}, ${id}, ${scope.type}, ${scope.id}, ${period}, ${limitNanos}, ${hard}, ${[...alertAtNanos]}::bigint[]) as id`.execute(
    tx,
  );
  const found =
    await sql<BudgetRow>`select ${budgetColumns} from ledger.budget b where b.org_id = ${orgId} and b.id = ${only(kept.rows).id}`.execute(
      tx,
    );
  return fromBudgetRow(only(found.rows));
}

export async function deleteBudget(tx: Tx, scope: Budget['scope'], period: BudgetPeriod): Promise<Budget | undefined> {
  // The money lock comes before budgets; without it a running settlement and this would wait for each other.
  await sql`select ledger.lock_money(platform.current_org(), 'live')`.execute(tx);
  const found =
    await sql<BudgetRow>`delete from ledger.budget b where b.org_id = platform.current_org() and b.scope_type = ${scope.type}
    and b.scope_id = case when b.scope_type = 'key' then ledger.line_of_key(b.org_id, ${scope.id}) else ${scope.id} end and b.period = ${period} returning ${budgetColumns}`.execute(
      tx,
    );
  return found.rows.map(fromBudgetRow)[0];
}

export async function followKey(tx: Tx, orgId: string, keyId: string, successorId: string): Promise<void> {
  await sql`select ledger.follow_key(${orgId}, ${keyId}, ${successorId})`.execute(tx);
}

/** True: took one back; false: it ended otherwise in that moment; null: none has expired. */
export async function sweepOne(tx: Tx): Promise<boolean | null> {
  const answer = await sql<{ swept: boolean }>`select swept from ledger.sweep_one()`.execute(tx);
  return answer.rows[0]?.swept ?? null;
}

export async function listOrganisations(tx: Tx): Promise<{ orgId: string; closed: boolean }[]> {
  const found = await sql<{ org_id: string; closed: boolean }>`
    select org_id, closed from ledger.organisations()`.execute(tx);
  return found.rows.map((row) => ({ orgId: row.org_id, closed: row.closed }));
}

export async function listDifferences(tx: Tx, orgId: string): Promise<Finding[]> {
  const found = await sql<{
    code: FindingCode;
    object: string;
    expected: string;
    found: string;
  }>`select * from ledger.differences(${orgId})`.execute(tx);
  return found.rows.map((row) => ({
    orgId,
    code: row.code,
    object: row.object,
    expected: row.expected,
    found: row.found,
  }));
}

export async function listCharges(tx: Tx, orgId: string): Promise<RunCharges[]> {
  const found = await sql<{
    run_id: string;
    own: bigint;
    total: bigint;
    open: boolean;
  }>`select * from ledger.charges_by_run(${orgId})`.execute(tx);
  return found.rows.map((row) => ({ runId: row.run_id, ownNanos: row.own, totalNanos: row.total, holdOpen: row.open }));
}

/** For `eraser`. */
export const eraseStatement = (orgId: string, limit: number) =>
  sql<Erased>`select ledger.erase(${orgId}, ${limit}::int) as more`;
