/** The program of a sandboxed child: reads its order from descriptor 3, does the work, answers there. */
import { readFileSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { inspect } from 'node:util';
import type { Json } from '../types.ts';
import type { SandboxIo } from './entry.ts';
import { encodeFrame, type FrameKind } from './frames.ts';

const CHANNEL = 3;
/** Ten a second are more than a reader can follow. */
const PROGRESS_GAP_MS = 100;
const NOTE_MAX_CHARS = 200;
const TEXT_MAX_CHARS = 8_000;

interface Order {
  readonly entry: string;
  readonly input: Json;
  readonly writeDir: string;
}

type Work = (input: Json, io: SandboxIo) => Promise<Json>;

function send(kind: FrameKind, value: unknown): void {
  const bytes = encodeFrame(kind, JSON.stringify(value) ?? 'null');
  let sent = 0;
  while (sent < bytes.length) sent += writeSync(CHANNEL, bytes, sent);
}

function progressSender(): SandboxIo['progress'] {
  let last = Number.NEGATIVE_INFINITY;
  return (done, total, note) => {
    const now = performance.now();
    const finished = total !== undefined && done >= total;
    if (!finished && now - last < PROGRESS_GAP_MS) return;
    last = now;
    send('progress', { done, total, note: note?.slice(0, NOTE_MAX_CHARS) });
  };
}

/** Recognised by shape: the work may carry its own copy of the class. */
function failureOf(error: unknown): unknown {
  if (!(error instanceof Error)) return { crash: String(error).slice(0, TEXT_MAX_CHARS) };
  if (error.name === 'AgentError' && 'reason' in error) {
    // The class of that name has exactly these members.
    const { reason, message, advice, errors, retryable } = error as Error & Record<string, unknown>;
    return { agentError: { reason, message: message.slice(0, TEXT_MAX_CHARS), advice, errors, retryable } };
  }
  return { crash: inspect(error).slice(0, TEXT_MAX_CHARS) };
}

async function main(): Promise<void> {
  // Written by the parent in exactly this shape.
  const order = JSON.parse(readFileSync(CHANNEL, 'utf8')) as Order;
  // A module made with sandboxEntry; anything else fails in the call below and is reported as a crash.
  const { default: work } = (await import(order.entry)) as { default: Work };
  const result = await work(order.input, { writeDir: order.writeDir, progress: progressSender() });
  // The parent ends this process as soon as it has the answer; what was compiled would be lost.
  flushCompileCache();
  send('result', result);
}

try {
  await main();
} catch (error) {
  send('failure', failureOf(error));
}
// Native libraries may keep threads that would hold the process open.
process.exit(0);
