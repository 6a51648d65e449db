/** Child: looks at every source and says what it is. */
import { type Json, sandboxEntry } from '@guildhall/agent-sdk';
import { inspectSource } from '../read/inspect.ts';
import type { InspectOrder } from './order.ts';

export default sandboxEntry(async (input) => {
  // Written by the parent as an InspectOrder.
  const order = input as unknown as InspectOrder;
  return order.sources.map((source): Json => ({ ...inspectSource(source) }));
});
