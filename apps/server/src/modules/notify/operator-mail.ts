/** Tells the operator by mail what needs a person: an endpoint that was disabled after days of failures. */
import type { MailQueue } from '../../platform/mail/index.ts';
import type { OutboxEvent, OutboxReader } from '../../platform/outbox/index.ts';

/** Written by the transaction that disables an endpoint. Not for the outside: no pattern of an endpoint fits it. */
export const ENDPOINT_DISABLED = 'webhook-endpoint.disabled.v1';

export interface EndpointDisabled {
  readonly endpointId: string;
  /** `failing`: five days without a success. `gone`: the receiver answered 410, which is its own wish. */
  readonly reason: 'failing' | 'gone';
}

export interface OperatorMailDeps {
  readonly queue: MailQueue;
  /** `OPERATOR_EMAIL`; undefined writes to nobody. */
  readonly to: string | undefined;
}

function textOf(orgId: string, endpointId: string): string {
  return [
    `The webhook endpoint ${endpointId} of organisation ${orgId} has failed for five days and is disabled.`,
    'Its later events are kept as failed deliveries for 30 days.',
    '',
    'What to do: have the receiver repaired, enable the endpoint, then replay what failed:',
    `  PATCH /v1/webhook-endpoints/${endpointId}  {"enabled": true}`,
    `  POST  /v1/webhook-endpoints/${endpointId}/replay  {"failed": true}`,
    '',
  ].join('\n');
}

/** Queues the mail in the event's own transaction, under the event's id: one mail for one event. */
export function createOperatorMailReader({ queue, to }: OperatorMailDeps): OutboxReader {
  return async (tx, events: readonly OutboxEvent[]) => {
    if (to === undefined) return;
    for (const event of events) {
      if (event.type !== ENDPOINT_DISABLED) continue;
      // Written by this module alone, with this shape.
      const { endpointId, reason } = event.data as EndpointDisabled;
      if (reason !== 'failing') continue;
      const subject = 'A webhook endpoint was disabled after five days of failures';
      const text = textOf(event.orgId, endpointId);
      await queue.enqueue(tx, event.orgId, { to, subject, text, idempotencyKey: event.id });
    }
  };
}
