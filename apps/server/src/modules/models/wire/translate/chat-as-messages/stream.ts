/** Anthropic's stream as chat chunks. */
import { isObject, objectAt, textAt } from '../../json.ts';
import type { WireEvent } from '../../reader.ts';
import type { AnswerContext, JsonObject, TokenUsage } from '../../types.ts';
import { usageOf } from '../../usage.ts';
import type { StreamSteps } from '../types.ts';
import { usageAsChat } from '../usage-out.ts';
import { finishOf, reasoningDetail, refusalIn } from './answer.ts';

interface Block {
  readonly type: string;
  /** Number among the calls of tools, or among the thoughts. */
  readonly index: number;
  /** What was given at the start, for providers that send no deltas. */
  readonly start: JsonObject;
  text: string;
  signature: string;
}

type Delta = JsonObject;

class Blocks {
  readonly #open = new Map<unknown, Block>();
  #calls = 0;
  #thoughts = 0;

  start(event: JsonObject): Delta | undefined {
    const start = objectAt(event.content_block);
    const type = textAt(start.type) ?? '';
    const index = type === 'tool_use' ? this.#calls++ : type.endsWith('thinking') ? this.#thoughts++ : 0;
    this.#open.set(event.index, { type, index, start, text: '', signature: textAt(start.signature) ?? '' });
    if (type === 'text') return start.text ? { content: start.text } : undefined;
    if (type === 'redacted_thinking') return { reasoning_details: [reasoningDetail(start, index)] };
    if (type !== 'tool_use') return undefined;
    const called = { name: start.name ?? '', arguments: '' };
    return { tool_calls: [{ index, id: start.id ?? '', type: 'function', function: called }] };
  }

  delta(event: JsonObject): Delta | undefined {
    const block = this.#open.get(event.index);
    const delta = objectAt(event.delta);
    if (delta.type === 'text_delta') return { content: delta.text ?? '' };
    if (block === undefined) return undefined;
    switch (delta.type) {
      case 'thinking_delta':
        block.text += textAt(delta.thinking) ?? '';
        return { reasoning_content: delta.thinking ?? '' };
      case 'signature_delta':
        block.signature += textAt(delta.signature) ?? '';
        return undefined;
      case 'input_json_delta': {
        const piece = textAt(delta.partial_json) ?? '';
        block.text += piece;
        return piece === '' ? undefined : argumentsDelta(block.index, piece);
      }
      default:
        return undefined;
    }
  }

  stop(event: JsonObject): Delta | undefined {
    const block = this.#open.get(event.index);
    this.#open.delete(event.index);
    if (block?.type === 'thinking') {
      const thought = { type: 'thinking', thinking: block.text, signature: block.signature };
      return { reasoning_details: [reasoningDetail(thought, block.index)] };
    }
    // A call without arguments has no deltas, and clients of chat parse what they were given.
    if (block?.type !== 'tool_use' || block.text !== '') return undefined;
    return argumentsDelta(block.index, JSON.stringify(isObject(block.start.input) ? block.start.input : {}));
  }
}

const argumentsDelta = (index: number, piece: string): Delta => ({
  tool_calls: [{ index, function: { arguments: piece } }],
});

/** The last usage of an Anthropic stream tells the output; its input may stand in the first one alone. */
const withUsage = (known: JsonObject, usage: unknown): JsonObject => ({
  ...known,
  ...Object.fromEntries(Object.entries(objectAt(usage)).filter(([, value]) => value !== null)),
});

export function messagesStreamToChat(context: AnswerContext): StreamSteps {
  const includesUsage = objectAt(context.request.stream_options).include_usage === true;
  const blocks = new Blocks();
  let [id, model] = [context.id, ''];
  let usage: JsonObject = {};
  const chunk = (choices: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
    id,
    object: 'chat.completion.chunk',
    created: context.createdAtSeconds,
    model,
    choices,
    ...more,
  });
  const say = (delta: Delta | undefined, finish: string | null = null): readonly WireEvent[] =>
    delta === undefined ? [] : [chunk([{ index: 0, delta, logprobs: null, finish_reason: finish }])];
  const close = (counted?: TokenUsage): readonly WireEvent[] => {
    const told = usageOf('messages', usage) ?? counted;
    return includesUsage && told ? [chunk([], { usage: usageAsChat(told) }), 'done'] : ['done'];
  };
  const take = (event: JsonObject, counted?: TokenUsage): readonly WireEvent[] => {
    switch (event.type) {
      case 'message_start': {
        const message = objectAt(event.message);
        id = textAt(message.id) ?? id;
        model = textAt(message.model) ?? model;
        usage = withUsage(usage, message.usage);
        return say({ role: 'assistant', content: '', refusal: null });
      }
      case 'content_block_start':
        return say(blocks.start(event));
      case 'content_block_delta':
        return say(blocks.delta(event));
      case 'content_block_stop':
        return say(blocks.stop(event));
      case 'message_delta': {
        usage = withUsage(usage, event.usage);
        const delta = objectAt(event.delta);
        const refusal = refusalIn(delta);
        return say(refusal === undefined ? {} : { refusal }, finishOf(delta.stop_reason));
      }
      case 'message_stop':
        return close(counted);
      default:
        return [];
    }
  };
  return { take: (event, counted) => (event === 'done' ? [] : take(event, counted)) };
}
