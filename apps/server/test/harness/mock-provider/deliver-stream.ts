/** Puts a planned answer on the line event by event: at its speed, and with its faults. */
import { BREAKS, type Delivery, insideCharacter, WRONG_SHAPE, writeInPieces } from './deliver-body.ts';
import type { Ask, Plan } from './plan.ts';
import type { Frame, WireForm } from './wires/form.ts';

export interface StreamDelivery extends Delivery {
  readonly form: WireForm;
  readonly ask: Ask;
  readonly plan: Plan;
}

const DEFAULT_AFTER_TOKENS = 3;

/** Ends a stream in the way of its fault; `next` is what would have come. */
async function breakStream(delivery: StreamDelivery, next: Frame, frames: number): Promise<void> {
  const { line, form, plan, ask, behaviour } = delivery;
  switch (behaviour.fault) {
    case 'stall':
      return line.gone();
    case 'truncated':
      return line.end('', 0);
    case 'error-event':
      return line.end(form.breakOff(plan, ask, delivery.requestId, frames), 0);
    case 'cut-in-character':
      await line.write(insideCharacter(next.text), 0);
      return line.cut();
    case 'cut-in-line':
      await line.write(next.text.slice(0, next.text.length >> 1), 0);
      return line.cut();
    default:
      return line.cut();
  }
}

/** Event by event: waits as told, breaks off as told. */
async function deliverFrames(delivery: StreamDelivery): Promise<void> {
  const { line, plan, behaviour } = delivery;
  const intervalMs = behaviour.tokensPerSecond === undefined ? 0 : 1000 / behaviour.tokensPerSecond;
  const total = plan.shownTokens * plan.choices;
  const isBreaking = BREAKS.has(behaviour.fault) || behaviour.fault === 'error-event';
  const breakAt = Math.min(behaviour.afterTokens ?? DEFAULT_AFTER_TOKENS, total);
  let tokens = 0;
  let frames = 0;
  let firstAt = 0;
  for (const frame of delivery.form.stream(plan, delivery.ask)) {
    if (!line.isOpen) return;
    if (isBreaking && tokens >= breakAt && (frame.tokens > 0 || tokens >= total))
      return breakStream(delivery, frame, frames);
    if (frame.tokens > 0 && tokens === 0) {
      await line.sleep(behaviour.firstTokenMs ?? 0);
      firstAt = performance.now();
    } else if (frame.tokens > 0 && intervalMs > 0) {
      // By the schedule and not by pauses, so that slow timers do not add up.
      await line.sleep(firstAt + tokens * intervalMs - performance.now());
    }
    if (behaviour.chunkBytes === undefined) await line.write(frame.text, frame.tokens);
    else await writeInPieces(line, frame.text, frame.tokens, behaviour);
    tokens += frame.tokens;
    frames += 1;
  }
  line.end('', 0);
}

/** Answers with events. Settles when they have been handed over or the client has left. */
export async function deliverStream(delivery: StreamDelivery): Promise<void> {
  const { line, form, plan, ask, behaviour } = delivery;
  line.countAsStream();
  line.head(200, [
    'content-type',
    'text/event-stream; charset=utf-8',
    'cache-control',
    'no-cache',
    'transfer-encoding',
    'chunked',
    ...delivery.headers,
  ]);
  if (behaviour.fault === 'empty') return line.end('', 0);
  if (behaviour.fault === 'wrong-shape') return line.end(`data: ${WRONG_SHAPE}\n\ndata: [DONE]\n\n`, 0);
  if (behaviour.fault === 'bad-json') return line.end('data: {"id":"mock-bad-json","choices":[{"del\n\n', 0);
  const isPaced =
    behaviour.firstTokenMs !== undefined ||
    behaviour.tokensPerSecond !== undefined ||
    behaviour.chunkBytes !== undefined ||
    (behaviour.fault !== undefined && behaviour.fault !== 'huge');
  if (isPaced) {
    line.flush();
    return deliverFrames(delivery);
  }
  let text = '';
  let tokens = 0;
  for (const frame of form.stream(plan, ask)) {
    text += frame.text;
    tokens += frame.tokens;
  }
  line.end(text, tokens);
}
