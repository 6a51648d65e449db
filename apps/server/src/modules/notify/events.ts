/** From an event of the outbox to one delivery for each endpoint that wants it. */
import type { OutboxReader } from '../../platform/outbox/index.ts';
import { modeOf, wants } from './rules.ts';
import { insertEvent, listSubscriptions } from './store.ts';
import type { NotifyDeps } from './types.ts';

/**
 * Writes in the event's own transaction, so no event is lost and none is written down twice: a repetition finds its rows. `onWritten` is
 * called before that transaction commits.
 */
export function createEventReader({ ids }: Pick<NotifyDeps, 'ids'>, onWritten: () => void): OutboxReader {
  return async (tx, events) => {
    const subscriptions = await listSubscriptions(tx);
    for (const event of events) {
      const endpoints = subscriptions.filter(
        (endpoint) => endpoint.mode === modeOf(event.data) && wants(endpoint.events, event.type),
      );
      if (endpoints.length === 0) continue;
      await insertEvent(tx, {
        id: event.id,
        orgId: event.orgId,
        type: event.type,
        body: JSON.stringify({ type: event.type, timestamp: event.createdAt.toISOString(), data: event.data }),
        deliveries: endpoints.map((endpoint) => ({ id: ids.make('whd'), endpointId: endpoint.id })),
      });
      onWritten();
    }
  };
}
