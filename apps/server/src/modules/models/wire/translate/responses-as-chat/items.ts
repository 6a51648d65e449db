/** The items of a streamed Response, one open at a time, with the events that tell of them. */
import type { AnswerContext, JsonObject } from '../../types.ts';
import type { Piece } from '../pieces.ts';
import { callItem, messageItem, reasoningItem, refusalPart, textPart } from './answer.ts';

type Spoken = 'text' | 'refusal';

interface Part {
  readonly kind: Spoken;
  text: string;
}

type Item =
  | { readonly kind: 'message'; readonly id: string; readonly at: number; readonly parts: Part[] }
  | {
      readonly kind: 'reasoning';
      readonly id: string;
      readonly at: number;
      text: string;
      readonly details: JsonObject[];
    }
  | {
      readonly kind: 'call';
      readonly id: string;
      readonly at: number;
      readonly call: number;
      readonly callId: string;
      readonly name: string;
      arguments: string;
    };
type ItemOf<K extends Item['kind']> = Extract<Item, { kind: K }>;

const partOf = ({ kind, text }: Part): JsonObject => (kind === 'text' ? textPart(text) : refusalPart(text));
const DELTAS = { text: 'response.output_text', refusal: 'response.refusal' };

function itemOf(item: Item, status: string): JsonObject {
  switch (item.kind) {
    case 'message':
      return messageItem(item.id, status, item.parts.map(partOf));
    case 'reasoning':
      return reasoningItem(item.id, item.text, item.details);
    case 'call':
      return callItem(item.id, status, item);
  }
}

function closePart(item: ItemOf<'message'>, index: number): readonly JsonObject[] {
  const part = item.parts[index];
  if (part === undefined) return [];
  const at = { item_id: item.id, output_index: item.at, content_index: index };
  const told = part.kind === 'text' ? { text: part.text, logprobs: [] } : { refusal: part.text };
  return [
    { type: `${DELTAS[part.kind]}.done`, ...at, ...told },
    { type: 'response.content_part.done', ...at, part: partOf(part) },
  ];
}

function closeEvents(item: Item): readonly JsonObject[] {
  const at = { item_id: item.id, output_index: item.at };
  switch (item.kind) {
    case 'message':
      return closePart(item, item.parts.length - 1);
    case 'call':
      return [{ type: 'response.function_call_arguments.done', ...at, name: item.name, arguments: item.arguments }];
    case 'reasoning': {
      if (item.text === '') return [];
      const part = { type: 'summary_text', text: item.text };
      return [
        { type: 'response.reasoning_summary_text.done', ...at, summary_index: 0, text: item.text },
        { type: 'response.reasoning_summary_part.done', ...at, summary_index: 0, part },
      ];
    }
  }
}

export class Items {
  readonly #context: AnswerContext;
  readonly #items: Item[] = [];
  #open: Item | undefined;
  isRefused = false;

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  /** As they stand in the answer. */
  output(status: string): readonly JsonObject[] {
    return this.#items.map((item) => itemOf(item, item === this.#open ? status : 'completed'));
  }

  close(status: string): readonly JsonObject[] {
    const item = this.#open;
    if (item === undefined) return [];
    return [
      ...closeEvents(item),
      { type: 'response.output_item.done', output_index: item.at, item: itemOf(item, status) },
    ];
  }

  #begin(item: Item): readonly JsonObject[] {
    const closed = this.close('completed');
    this.#open = item;
    this.#items.push(item);
    return [
      ...closed,
      { type: 'response.output_item.added', output_index: item.at, item: itemOf(item, 'in_progress') },
    ];
  }

  #place(prefix: string): { readonly id: string; readonly at: number } {
    return { id: `${prefix}_${this.#context.id}_${this.#items.length}`, at: this.#items.length };
  }

  #speak(kind: Spoken, text: string): readonly JsonObject[] {
    const open = this.#open?.kind === 'message' ? this.#open : undefined;
    const item: ItemOf<'message'> = open ?? { kind: 'message', ...this.#place('msg'), parts: [] };
    const events = open ? [] : [...this.#begin(item)];
    const index = item.parts.at(-1)?.kind === kind ? item.parts.length - 1 : item.parts.length;
    const at = { item_id: item.id, output_index: item.at, content_index: index };
    if (index === item.parts.length) {
      events.push(...closePart(item, index - 1));
      const part: Part = { kind, text: '' };
      item.parts.push(part);
      events.push({ type: 'response.content_part.added', ...at, part: partOf(part) });
    }
    const part = item.parts[index];
    if (part) part.text += text;
    const logprobs = kind === 'text' ? { logprobs: [] } : {};
    return [...events, { type: `${DELTAS[kind]}.delta`, ...at, delta: text, ...logprobs }];
  }

  #thought(text: string): readonly JsonObject[] {
    const open = this.#open?.kind === 'reasoning' ? this.#open : undefined;
    const item: ItemOf<'reasoning'> = open ?? { kind: 'reasoning', ...this.#place('rs'), text: '', details: [] };
    const events = open ? [] : [...this.#begin(item)];
    const at = { item_id: item.id, output_index: item.at, summary_index: 0 };
    if (item.text === '') {
      events.push({ type: 'response.reasoning_summary_part.added', ...at, part: { type: 'summary_text', text: '' } });
    }
    item.text += text;
    return [...events, { type: 'response.reasoning_summary_text.delta', ...at, delta: text }];
  }

  #seal(detail: JsonObject): readonly JsonObject[] {
    if (this.#open?.kind === 'reasoning') {
      this.#open.details.push(detail);
      return [];
    }
    return this.#begin({ kind: 'reasoning', ...this.#place('rs'), text: '', details: [detail] });
  }

  /** Pieces of a call that is closed already still go to its item; its end was told too early then. */
  #call(piece: Extract<Piece, { kind: 'call' }>): readonly JsonObject[] {
    const known = this.#items.find((item) => item.kind === 'call' && item.call === piece.call);
    const place = this.#place('fc');
    const callId = piece.id ?? `call_${this.#context.id}_${piece.call}`;
    const fresh: ItemOf<'call'> = { kind: 'call', ...place, call: piece.call, callId, name: piece.name, arguments: '' };
    const item = known?.kind === 'call' ? known : fresh;
    const events = known ? [] : [...this.#begin(item)];
    if (piece.arguments === '') return events;
    item.arguments += piece.arguments;
    const at = { item_id: item.id, output_index: item.at };
    return [...events, { type: 'response.function_call_arguments.delta', ...at, delta: piece.arguments }];
  }

  tell(piece: Piece): readonly JsonObject[] {
    switch (piece.kind) {
      case 'call':
        return this.#call(piece);
      case 'thought':
        return this.#thought(piece.text);
      case 'seal':
        return this.#seal(piece.detail);
      case 'refusal':
        this.isRefused = true;
        return this.#speak('refusal', piece.text);
      case 'text':
        return this.#speak('text', piece.text);
    }
  }
}
