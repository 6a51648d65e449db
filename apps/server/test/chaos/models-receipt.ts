/** What of an answer a client can hold us to. */
import type { Received } from './models-client.ts';
import type { Receipt } from './models-invariants.ts';

const single = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

// The last event of each wire, without which a stream was broken off.
const ENDS = ['data: [DONE]', 'event: response.completed', 'event: response.incomplete', 'event: message_stop'];

/** An answer of a model, got to its last byte. */
export function isReceipt({ status, headers, body, end }: Received): boolean {
  if (status !== 200 || end !== 'whole' || single(headers['x-guildhall-call']) === undefined) return false;
  const isStream = single(headers['content-type'])?.startsWith('text/event-stream') ?? false;
  return !isStream || ENDS.some((line) => body.includes(line));
}

/** Of the counts that a stream repeats, the last is the total. Wires that must name a count name 0 where the provider says nothing. */
function outputTokens(body: string): number | undefined {
  const found = Number([...body.matchAll(/"(?:completion_tokens|output_tokens)": ?(\d+)/g)].at(-1)?.[1] ?? 0);
  return found === 0 ? undefined : found;
}

export const receiptOf = ({ headers, body }: Received): Receipt => ({
  callId: single(headers['x-guildhall-call']) ?? '',
  costNanos: single(headers['x-guildhall-cost-nanos']),
  outputTokens: outputTokens(body),
});
