/** A run's events over SSE: from any sequence number on, without gap or repetition, until its end. */
import type { FastifyReply } from 'fastify';
import type { RunsDeps } from './deps.ts';
import { toWireEvent } from './present.ts';
import { nextChange } from './service.ts';
import { readEvents } from './store/steps.ts';
import { type EventRow, isTerminal, type RunRow } from './types.ts';

const PAGE = 500;
const HEARTBEAT_MS = 15_000;
// A lost wake-up delays an event by at most this.
const POLL_MS = 1_000;

export interface StreamInput {
  readonly orgId: string;
  readonly run: Pick<RunRow, 'id' | 'status' | 'event_seq'>;
  /** The last event the client has seen, as it says. */
  readonly after: number;
  readonly reply: FastifyReply;
  readonly signal: AbortSignal;
}

const isEnd = (event: EventRow): boolean => {
  const { status } = event.data as { status?: unknown };
  return event.type === 'status' && typeof status === 'string' && isTerminal(status);
};

const frame = (event: EventRow): string => {
  const wire = toWireEvent(event);
  return `id: ${wire.seq}\nevent: ${wire.type}\ndata: ${JSON.stringify(wire)}\n\n`;
};

/** Resolves when the socket took what it was given, so that a slow reader slows the reading of rows and not our memory. */
function write(reply: FastifyReply, text: string, signal: AbortSignal): Promise<void> {
  if (reply.raw.write(text) || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      reply.raw.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    reply.raw.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Writes events until the terminal status event or until the client leaves. The run must exist and be visible to the caller. */
export async function streamEvents(deps: RunsDeps, input: StreamInput): Promise<void> {
  const { reply } = input;
  const headers = Object.fromEntries(
    Object.entries(reply.getHeaders()).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
  reply.hijack();
  reply.raw.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  reply.raw.write(': open\n\n');
  try {
    await follow(deps, input);
  } finally {
    // Also after a fault: the client comes back with the last event it has seen.
    reply.raw.end();
  }
}

async function follow(deps: RunsDeps, { orgId, run, reply, signal, ...input }: StreamInput): Promise<void> {
  // Nobody has seen an event that does not exist; taken at its word, such a client would never see the end.
  let after = Math.min(input.after, run.event_seq);
  if (isTerminal(run.status) && after === run.event_seq) return;
  let lastWriteMs = deps.clock.monotonicMs();
  while (!signal.aborted) {
    const change = nextChange(deps, { channel: 'run', runId: run.id, ms: POLL_MS, signal });
    const events = await readEvents(deps.db, { orgId, runId: run.id, after, limit: PAGE });
    if (events.length > 0) {
      await write(reply, events.map(frame).join(''), signal);
      after = events.at(-1)?.seq ?? after;
      lastWriteMs = deps.clock.monotonicMs();
    } else if (deps.clock.monotonicMs() - lastWriteMs >= HEARTBEAT_MS) {
      await write(reply, ': still here\n\n', signal);
      lastWriteMs = deps.clock.monotonicMs();
    }
    if (events.some(isEnd)) return change.stop();
    if (events.length === PAGE) change.stop();
    else await change.promise;
  }
}
