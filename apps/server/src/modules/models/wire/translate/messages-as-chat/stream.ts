/** Chat chunks as Anthropic's stream. */
import { listAt, objectAt, textAt } from '../../json.ts';
import type { WireEvent } from '../../reader.ts';
import type { AnswerContext, JsonObject, TokenUsage } from '../../types.ts';
import { usageOf } from '../../usage.ts';
import { createPieceReader, type Piece } from '../pieces.ts';
import type { StreamSteps } from '../types.ts';
import { usageAsMessages } from '../usage-out.ts';
import { messageOf, stopOf } from './answer.ts';

/** Anthropic's blocks come one after the other: the next one closes the one before it. */
class Blocks {
  readonly #context: AnswerContext;
  /** Index of the block that each call has; the latest of each other kind is the open one. */
  readonly #calls = new Map<number, number>();
  #next = 0;
  #open: string | undefined;
  #isRefused = false;

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  get hasCalls(): boolean {
    return this.#calls.size > 0;
  }

  get isRefused(): boolean {
    return this.#isRefused;
  }

  close(): readonly JsonObject[] {
    if (this.#open === undefined) return [];
    this.#open = undefined;
    return [{ type: 'content_block_stop', index: this.#next - 1 }];
  }

  #begin(kind: string, content_block: JsonObject): readonly JsonObject[] {
    if (this.#open === kind) return [];
    const events = [...this.close(), { type: 'content_block_start', index: this.#next, content_block }];
    this.#open = kind;
    this.#next += 1;
    return events;
  }

  #delta(delta: JsonObject, index = this.#next - 1): JsonObject {
    return { type: 'content_block_delta', index, delta };
  }

  /** Pieces of a call that is closed already still go to its block. */
  #call(piece: Extract<Piece, { kind: 'call' }>): readonly JsonObject[] {
    const begun = this.#calls.has(piece.call)
      ? []
      : this.#begin(`call ${piece.call}`, {
          type: 'tool_use',
          id: piece.id ?? `toolu_${this.#context.id}_${piece.call}`,
          name: piece.name,
          input: {},
        });
    const index = this.#calls.get(piece.call) ?? this.#next - 1;
    this.#calls.set(piece.call, index);
    if (piece.arguments === '') return begun;
    return [...begun, this.#delta({ type: 'input_json_delta', partial_json: piece.arguments }, index)];
  }

  tell(piece: Piece): readonly JsonObject[] {
    switch (piece.kind) {
      case 'seal':
        return [];
      case 'call':
        return this.#call(piece);
      case 'thought': {
        const begun = this.#begin('thinking', { type: 'thinking', thinking: '', signature: '' });
        return [...begun, this.#delta({ type: 'thinking_delta', thinking: piece.text })];
      }
      case 'refusal':
        this.#isRefused = true;
        return this.#text(piece.text);
      case 'text':
        return this.#text(piece.text);
    }
  }

  #text(text: string): readonly JsonObject[] {
    const begun = this.#begin('text', { type: 'text', text: '', citations: null });
    return [...begun, this.#delta({ type: 'text_delta', text })];
  }
}

/** The usage of a chat stream comes after its last word, so the end is told when it is known or when nothing follows. */
export function chatStreamToMessages(context: AnswerContext): StreamSteps {
  const blocks = new Blocks(context);
  const pieces = createPieceReader();
  let state: 'new' | 'begun' | 'finished' | 'ended' = 'new';
  let finish: string | undefined;
  let usage: TokenUsage | undefined;
  const begin = (chunk: JsonObject): readonly JsonObject[] => {
    if (state !== 'new') return [];
    state = 'begun';
    const members = { id: `msg_${context.id}`, model: textAt(chunk.model) ?? '', content: [], stop_reason: null };
    return [{ type: 'message_start', message: messageOf({ ...members, usage: usageAsMessages(undefined) }) }];
  };
  const end = (counted?: TokenUsage): readonly JsonObject[] => {
    if (state !== 'finished') return [];
    state = 'ended';
    const stop_reason = stopOf(finish, blocks.hasCalls, blocks.isRefused);
    const delta = { stop_reason, stop_sequence: null, stop_details: null, container: null };
    return [
      ...blocks.close(),
      { type: 'message_delta', delta, usage: usageAsMessages(usage ?? counted) },
      { type: 'message_stop' },
    ];
  };
  const take = (chunk: JsonObject): readonly JsonObject[] => {
    const choice = objectAt(listAt(chunk.choices)[0]);
    const events = [...begin(chunk), ...pieces.read(objectAt(choice.delta)).flatMap((piece) => blocks.tell(piece))];
    if (typeof choice.finish_reason === 'string') {
      finish = choice.finish_reason;
      if (state !== 'ended') state = 'finished';
    }
    usage = usageOf('chat', chunk.usage) ?? usage;
    return events;
  };
  return { take: (event, counted): readonly WireEvent[] => (event === 'done' ? end(counted) : take(event)) };
}
