/** The money routes of the ledger. The mode of the key decides which book it reads; budgets guard the live one and do not exist for test keys. */
import {
  type BudgetView,
  balance,
  budget,
  budgetList,
  fromMoney,
  ledgerEntry,
  pageOf,
  pageQuery,
  putBudget,
  toMoney,
} from '@guildhall/contract';
import { GuildhallError } from '../../platform/errors/index.ts';
import { actorOf, type RouteDefinition, route } from '../../platform/http/index.ts';
import type { Audit } from '../audit/index.ts';
import { ledgerErrors } from './errors.ts';
import type { Ledger } from './service.ts';
import type { Budget, LedgerEntry } from './types.ts';

const toBudgetView = (row: Budget): BudgetView => ({
  id: row.id,
  scope: row.scope,
  period: row.period,
  limit: toMoney(row.limitNanos),
  hard: row.hard,
  alertAt: row.alertAtNanos.map(toMoney),
  spent: toMoney(row.spentNanos),
  held: toMoney(row.heldNanos),
  resetsAt: row.resetsAt?.toISOString() ?? null,
});

const toEntryView = (row: LedgerEntry) => ({
  id: row.id,
  transferId: row.transferId,
  template: row.template,
  account: row.account,
  amount: toMoney(row.amountNanos),
  runId: row.runId,
  reason: row.reason,
  createdAt: row.createdAt.toISOString(),
});

const readBalance = (ledger: Ledger) =>
  route({
    method: 'GET',
    path: '/v1/balance',
    summary: 'Read what is available, held and spent',
    tag: 'Money',
    scope: 'billing:read',
    responses: { 200: balance },
    async handler({ principal, read }) {
      const now = await read((tx) => ledger.balance(tx, principal.mode));
      return {
        status: 200,
        body: { available: toMoney(now.availableNanos), held: toMoney(now.heldNanos), spent: toMoney(now.spentNanos) },
      };
    },
  });

const listEntries = (ledger: Ledger) =>
  route({
    method: 'GET',
    path: '/v1/ledger/entries',
    summary: 'List ledger entries, newest first',
    tag: 'Money',
    scope: 'billing:read',
    query: pageQuery,
    responses: { 200: pageOf(ledgerEntry) },
    async handler({ principal, query, read }) {
      const page = await read((tx) => ledger.entries(tx, { mode: principal.mode, ...query }));
      return { status: 200, body: { data: page.data.map(toEntryView), nextCursor: page.nextCursor } };
    },
  });

const listBudgets = (ledger: Ledger) =>
  route({
    method: 'GET',
    path: '/v1/budgets',
    summary: 'List budgets with what they have counted',
    tag: 'Money',
    scope: 'billing:read',
    responses: { 200: budgetList },
    async handler({ principal, read }) {
      const budgets = principal.mode === 'live' ? await read((tx) => ledger.listBudgets(tx)) : [];
      return { status: 200, body: { data: budgets.map(toBudgetView) } };
    },
  });

const changeBudget = (ledger: Ledger, audit: Audit) =>
  route({
    method: 'PUT',
    path: '/v1/budgets',
    summary: 'Create, replace or (with a limit of null) remove a budget',
    tag: 'Money',
    scope: 'billing:write',
    body: putBudget,
    responses: { 200: budget },
    async handler({ principal, body, requestId, mutate }) {
      const { orgId, mode } = principal;
      if (mode !== 'live') throw new GuildhallError(ledgerErrors.budgetLiveOnly);
      const { type, id = type === 'organisation' ? orgId : undefined } = body.scope;
      if (id === undefined) {
        throw new GuildhallError(ledgerErrors.budgetScope, {
          errors: [{ path: '/scope/id', message: `is required for a scope of type ${type}` }],
        });
      }
      const { period, limit, hard } = body;
      const alertAtNanos = body.alertAt.map(fromMoney).toSorted((a, b) => (a < b ? -1 : 1));
      const scope = { type, id };
      return mutate(async (tx) => {
        await audit.append(tx, {
          orgId,
          ...actorOf(principal),
          action: limit === null ? 'budget.remove' : 'budget.put',
          targetType: 'budget',
          targetId: `${type}/${id}/${period}`,
          requestId,
          data: { limitNanos: limit?.nanos ?? null, hard },
        });
        const changed =
          limit === null
            ? { ...toBudgetView(await ledger.removeBudget(tx, { scope, period })), limit: null }
            : toBudgetView(
                await ledger.putBudget(tx, { orgId, scope, period, limitNanos: fromMoney(limit), hard, alertAtNanos }),
              );
        return { status: 200, body: changed };
      });
    },
  });

export function ledgerRoutes(deps: { readonly ledger: Ledger; readonly audit: Audit }): RouteDefinition[] {
  return [
    readBalance(deps.ledger),
    listEntries(deps.ledger),
    listBudgets(deps.ledger),
    changeBudget(deps.ledger, deps.audit),
  ];
}
