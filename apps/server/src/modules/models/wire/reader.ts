/** What a provider's stream tells: usage, what was delivered, how it ended. */
import { countAt, objectAt, parseObject, textAt } from './json.ts';
import { readProviderError } from './provider-error.ts';
import { createEventCutter, normalLines, readEvents } from './sse.ts';
import { contentPieces } from './translate/pieces.ts';
import type { Json, JsonObject, ProviderError, StreamReader, StreamReading, Wire } from './types.ts';
import { usageOf } from './usage.ts';

export type Reading = { -readonly [K in keyof StreamReading]: StreamReading[K] };

/** `[DONE]`, or the event as an object. */
export type WireEvent = 'done' | JsonObject;

const emptyReading = (): Reading => ({
  usage: undefined,
  startUsage: undefined,
  text: '',
  hasContent: false,
  finishReason: undefined,
  error: undefined,
  isComplete: false,
  isEnded: false,
});

function deliver(reading: Reading, text: unknown): void {
  if (typeof text !== 'string' || text === '') return;
  reading.text += text;
  reading.hasContent = true;
}

function deliverParts(reading: Reading, content: readonly Json[]): void {
  for (const piece of contentPieces(content)) if ('text' in piece) deliver(reading, piece.text);
}

/** Answers by their index, and whether each has come to its end. */
type Answers = Map<number, boolean>;

function readChat(reading: Reading, answers: Answers, event: JsonObject): void {
  if (event.usage) reading.usage = usageOf('chat', event.usage) ?? reading.usage;
  if (!Array.isArray(event.choices)) return;
  for (const choice of event.choices) {
    const { delta, index, finish_reason: finish } = objectAt(choice);
    const { content, refusal, reasoning_content: thought, reasoning, tool_calls: calls } = objectAt(delta);
    if (Array.isArray(content)) deliverParts(reading, content);
    else deliver(reading, content);
    if (refusal) deliver(reading, refusal);
    if (thought ?? reasoning) deliver(reading, thought ?? reasoning);
    if (Array.isArray(calls)) {
      for (const call of calls) {
        const { name, arguments: given } = objectAt(objectAt(call).function);
        deliver(reading, name);
        deliver(reading, given);
      }
    }
    const place = countAt(index) ?? 0;
    if (typeof finish === 'string') reading.finishReason = finish;
    answers.set(place, typeof finish === 'string' || answers.get(place) === true);
  }
  reading.isComplete = answers.size > 0 && [...answers.values()].every((isFinished) => isFinished);
}

function readMessagesUsage(reading: Reading, before: JsonObject, usage: unknown): JsonObject {
  const known = Object.fromEntries(Object.entries(objectAt(usage)).filter(([, value]) => value !== null));
  const merged: JsonObject = { ...before, ...known };
  reading.usage = usageOf('messages', merged);
  return merged;
}

function createMessagesReader(reading: Reading): (event: JsonObject) => void {
  let usage: JsonObject = {};
  return (event) => {
    switch (event.type) {
      case 'message_start':
        usage = objectAt(objectAt(event.message).usage);
        reading.startUsage = usageOf('messages', usage);
        return;
      case 'content_block_start': {
        const block = objectAt(event.content_block);
        deliver(reading, block.text);
        if (block.type === 'tool_use') deliver(reading, block.name);
        return;
      }
      case 'content_block_delta': {
        const delta = objectAt(event.delta);
        deliver(reading, delta.text);
        deliver(reading, delta.thinking);
        deliver(reading, delta.partial_json);
        return;
      }
      case 'message_delta':
        usage = readMessagesUsage(reading, usage, event.usage);
        reading.finishReason = textAt(objectAt(event.delta).stop_reason) ?? reading.finishReason;
        return;
      case 'message_stop':
        reading.isComplete = true;
        reading.isEnded = true;
    }
  };
}

const RESPONSE_DELTAS = new Set([
  'response.output_text.delta',
  'response.refusal.delta',
  'response.function_call_arguments.delta',
  'response.custom_tool_call_input.delta',
  'response.reasoning_text.delta',
  'response.reasoning_summary_text.delta',
]);
const RESPONSE_ENDS = new Set(['response.completed', 'response.incomplete', 'response.failed']);

function readResponses(reading: Reading, event: JsonObject): void {
  const type = textAt(event.type) ?? '';
  if (RESPONSE_DELTAS.has(type)) deliver(reading, event.delta);
  else if (type === 'response.output_item.added') {
    const item = objectAt(event.item);
    if (item.type === 'function_call') deliver(reading, item.name);
  } else if (RESPONSE_ENDS.has(type)) {
    const response = objectAt(event.response);
    reading.usage = usageOf('responses', response.usage) ?? reading.usage;
    reading.finishReason = textAt(objectAt(response.incomplete_details).reason) ?? textAt(response.status);
    reading.isComplete = type !== 'response.failed';
    reading.isEnded = true;
  }
}

/** The error that an event is, if it is one. */
function errorIn(wire: Wire, event: JsonObject): ProviderError | undefined {
  if (wire === 'chat' || wire === 'embeddings') return event.error ? readProviderError(wire, 0, event) : undefined;
  if (event.type === 'error') return readProviderError(wire, 0, event);
  return event.type === 'response.failed' ? readProviderError(wire, 0, objectAt(event.response)) : undefined;
}

const notJson = (data: string): ProviderError => ({
  ...readProviderError('chat', 502, { error: { message: `An event of the stream is no JSON object: ${data}` } }),
  code: 'unreadable_event',
});

/** Reads events one by one; says what each was, and nothing of one that is an error. */
export interface EventReader {
  readonly reading: Reading;
  read(data: string): WireEvent | undefined;
}

export function createEventReader(wire: Wire): EventReader {
  const reading = emptyReading();
  const readMessages = createMessagesReader(reading);
  const answers: Answers = new Map();
  const read = (event: JsonObject): void => {
    if (wire === 'messages') readMessages(event);
    else if (wire === 'responses') readResponses(reading, event);
    else readChat(reading, answers, event);
  };
  return {
    reading,
    read(data) {
      if (data === '[DONE]') {
        reading.isComplete = reading.error === undefined;
        reading.isEnded = true;
        return 'done';
      }
      const event = parseObject(data);
      const error = event === undefined ? notJson(data) : errorIn(wire, event);
      if (event !== undefined) read(event);
      if (error === undefined) return event;
      reading.error ??= error;
      reading.isComplete = false;
      return undefined;
    },
  };
}

/** Learns from the bytes of a provider's stream, however they are cut. */
export function createStreamReader(wire: Wire): StreamReader {
  const events = createEventReader(wire);
  const cutter = createEventCutter();
  const take = (bytes: Buffer): void => readEvents(normalLines(bytes.toString('utf8')), (data) => events.read(data));
  return {
    reading: events.reading,
    push(bytes) {
      const whole = cutter.push(bytes);
      if (whole) take(whole);
    },
    end() {
      const rest = cutter.rest();
      // What a cut left behind is no event, and says nothing.
      if (parsesAtEnd(rest)) take(rest);
    },
  };
}

/** Whether the bytes behind the last blank line are an event of their own, whose blank line alone is missing. */
export function parsesAtEnd(rest: Buffer): boolean {
  let whole = false;
  readEvents(normalLines(rest.toString('utf8')), (data) => {
    whole = data === '[DONE]' || parseObject(data) !== undefined;
  });
  return whole;
}
