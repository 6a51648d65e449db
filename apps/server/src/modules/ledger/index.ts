/** The ledger: accounts, holds, transfers and budgets of every organisation. See README.md. */
export { ledgerErrors } from './errors.ts';
export { describeRefusal, type HoldRefusal, type RefusalMembers, refusingBudget } from './refusal.ts';
export { ledgerRoutes } from './routes.ts';
export { compareRuns, type RunHistory, type RunUsage, TEST_CREDIT_NANOS } from './rules.ts';
export { createLedger, holdRefusal, type Ledger, type NewTransfer, type OperatorCost } from './service.ts';
export type { DescribedBudget } from './store.ts';
export { TEMPLATES, type Template, type TemplateName } from './templates.ts';
export type {
  AccountKind,
  Balance,
  Budget,
  BudgetPeriod,
  BudgetScopeType,
  Finding,
  FindingCode,
  HoldAnswer,
  HoldScopes,
  HoldState,
  LedgerEntry,
  NewBudget,
  NewHold,
  RefusingBudget,
  RunCharges,
} from './types.ts';
export type { VerifyPorts } from './verify.ts';
