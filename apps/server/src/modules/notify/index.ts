/** The door of notify: webhooks out. */
import { type Erase, eraser } from '../../platform/erasure/index.ts';
import type { RouteDefinition } from '../../platform/http/index.ts';
import type { OutboxReader } from '../../platform/outbox/index.ts';
import { Deliveries, type DeliveryLoop } from './delivery.ts';
import { createEventReader } from './events.ts';
import { webhookRoutes } from './routes.ts';
import { createWebhookService } from './service.ts';
import { eraseStatement, pruneEvents } from './store.ts';
import type { NotifyDeps } from './types.ts';

export { createAlertMailReader } from './alert-mail.ts';
export type { DeliveryLoop } from './delivery.ts';
export { webhookErrors } from './errors.ts';
export type { AttemptOutcome, NotifyDeps } from './types.ts';

export interface Notify {
  readonly routes: readonly RouteDefinition[];
  /** Turns events into deliveries, in the event's own transaction. */
  readonly reader: OutboxReader;
  /** Sends them. Built in every process, started in those that work. */
  readonly deliveries: DeliveryLoop;
  /** To be called when the outbox has committed what `reader` wrote: sends it at once. Without it the loop finds it within a second. */
  handedOut(): void;
  /** Forgets what is older than 30 days; resolves with the number of events. */
  prune(): Promise<number>;
  /** Endpoints, events and deliveries of an organisation that is over. */
  readonly erase: Erase;
}

const KEEP = '30 days';
// One statement of about a second; the rest waits for the next turn.
const PRUNE_MAX = 10_000;

export function createNotify(deps: NotifyDeps): Notify {
  const deliveries = new Deliveries(deps);
  let hasWritten = false;
  return {
    routes: webhookRoutes(createWebhookService(deps), () => deps.bus.publish('deliver', 'due')),
    reader: createEventReader(deps, () => {
      hasWritten = true;
    }),
    deliveries,
    handedOut: () => {
      if (!hasWritten) return;
      hasWritten = false;
      deliveries.wake();
    },
    prune: () => deps.db.system((tx) => pruneEvents(tx, KEEP, PRUNE_MAX)),
    erase: eraser(deps.db, eraseStatement),
  };
}
