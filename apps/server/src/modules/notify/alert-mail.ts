/** Tells the operator, and the people of an organisation, by mail what needs a person: an endpoint that was disabled after days of failures, a budget that is running out. */
import { formatNanos, fromMoney, type Money } from '@guildhall/contract';
import type { Tx } from '../../platform/db/index.ts';
import type { MailQueue } from '../../platform/mail/index.ts';
import type { OutboxEvent, OutboxReader } from '../../platform/outbox/index.ts';
import { type Identity, type MailFacts, mailText, type Role } from '../identity/index.ts';

/** Written by the transaction that disables an endpoint. Not for the outside: no pattern of an endpoint fits it. */
export const ENDPOINT_DISABLED = 'webhook-endpoint.disabled.v1';
/** Written by the ledger in the transaction that reaches a threshold. */
const BUDGET_THRESHOLD = 'budget.threshold.v1';

export interface EndpointDisabled {
  readonly endpointId: string;
  /** `failing`: five days without a success. `gone`: the receiver answered 410, which is its own wish. */
  readonly reason: 'failing' | 'gone';
}

interface BudgetThreshold {
  readonly budgetId: string;
  readonly scope: { readonly type: string; readonly id: string };
  readonly period: string;
  readonly hard: boolean;
  readonly limit: Money;
  readonly spent: Money;
  readonly threshold: { readonly percent: number | null; readonly amount: Money };
  readonly resetsAt: string | null;
}

export interface AlertMailDeps {
  readonly queue: MailQueue;
  /** `OPERATOR_EMAIL`; undefined writes to no operator. */
  readonly operator: string | undefined;
  /** The people of the organisation who answer for its money or its endpoints. */
  readonly contacts: Identity['contactsOf'];
  /** Where they go on. */
  readonly publicUrl: () => string;
}

interface Letter {
  readonly subject: string;
  readonly lines: readonly string[];
}

function ofEndpoint(orgId: string, { endpointId, reason }: EndpointDisabled): Letter | undefined {
  if (reason !== 'failing') return undefined;
  return {
    subject: 'A webhook endpoint was disabled after five days of failures',
    lines: [
      `The webhook endpoint ${endpointId} of organisation ${orgId} has failed for five days and is disabled.`,
      'Its later events are kept as failed deliveries for 30 days.',
      '',
      'What to do: have the receiver repaired, enable the endpoint, then replay what failed:',
      `  PATCH /v1/webhook-endpoints/${endpointId}  {"enabled": true}`,
      `  POST  /v1/webhook-endpoints/${endpointId}/replay  {"failed": true}`,
    ],
  };
}

const dollars = (money: Money): string => formatNanos(fromMoney(money));

function ofBudget(orgId: string, told: BudgetThreshold): Letter {
  const { scope, period, limit, spent, threshold, hard, resetsAt } = told;
  const reached = threshold.percent === null ? dollars(threshold.amount) : `${threshold.percent} %`;
  const beyond = hard ? 'What would pass the limit is refused with 402.' : 'It is a soft budget: nothing is refused.';
  return {
    subject: `A budget of organisation ${orgId} has reached ${reached}`,
    lines: [
      `The budget ${told.budgetId} (${scope.type} ${scope.id}, period: ${period}) of organisation ${orgId} has reached ${reached}.`,
      `Spent: ${dollars(spent)} of ${dollars(limit)}. ${beyond}`,
      resetsAt === null ? 'It never starts over.' : `It starts over at ${resetsAt}.`,
      '',
      'What to do: nothing, if this was expected; else see who spent it (GET /v1/usage?groupBy=key) or change the budget (PUT /v1/budgets).',
    ],
  };
}

interface Alert {
  readonly operator: Letter;
  readonly readers: readonly Role[];
  readonly kind: 'budget-reached' | 'endpoint-disabled';
  readonly facts: Pick<MailFacts, 'budget' | 'endpoint'>;
}

function alertOfBudget(orgId: string, told: BudgetThreshold): Alert {
  const { scope, threshold, spent, limit, hard } = told;
  const name = scope.type === 'organisation' ? scope.type : `${scope.type} ${scope.id}`;
  const reached = threshold.percent === null ? dollars(threshold.amount) : `${threshold.percent} %`;
  return {
    operator: ofBudget(orgId, told),
    readers: ['owner', 'billing'],
    kind: 'budget-reached',
    facts: { budget: { name, reached, spent: dollars(spent), limit: dollars(limit), isHard: hard } },
  };
}

function alertOf({ type, orgId, data }: OutboxEvent): Alert | undefined {
  // Each type has one writer, which gives its data this shape.
  if (type === BUDGET_THRESHOLD) return alertOfBudget(orgId, data as BudgetThreshold);
  if (type !== ENDPOINT_DISABLED) return undefined;
  const { endpointId } = data as EndpointDisabled;
  const operator = ofEndpoint(orgId, data as EndpointDisabled);
  const readers: readonly Role[] = ['owner', 'admin', 'developer'];
  return operator && { operator, readers, kind: 'endpoint-disabled', facts: { endpoint: endpointId } };
}

/** Queues the mails in the event's own transaction, under the event's id: one mail for one event and reader. */
export function createAlertMailReader({ queue, operator, contacts, publicUrl }: AlertMailDeps): OutboxReader {
  const tellPeople = async (tx: Tx, event: OutboxEvent, alert: Alert): Promise<void> => {
    const people = await contacts(event.orgId, alert.readers);
    for (const [index, { email: to, locale, name, organisation }] of people.entries()) {
      const text = mailText(alert.kind, locale, { ...alert.facts, name, organisation, url: publicUrl() });
      await queue.enqueue(tx, event.orgId, { to, ...text, idempotencyKey: `${event.id}:${index}` });
    }
  };
  return async (tx, events: readonly OutboxEvent[]) => {
    for (const event of events) {
      const alert = alertOf(event);
      if (!alert) continue;
      const { subject, lines } = alert.operator;
      if (operator !== undefined)
        await queue.enqueue(tx, event.orgId, {
          to: operator,
          subject,
          text: `${lines.join('\n')}\n`,
          idempotencyKey: event.id,
        });
      await tellPeople(tx, event, alert);
    }
  };
}
