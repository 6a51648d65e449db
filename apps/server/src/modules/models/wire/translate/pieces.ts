/** A chat answer taken apart: what other wires say in blocks and items of their own. */
import { isObject, listAt, objectAt, textAt } from '../json.ts';
import type { Json, JsonObject } from '../types.ts';

export type Piece =
  | { readonly kind: 'thought' | 'text' | 'refusal'; readonly text: string }
  /** Thought that only its provider can read or vouch for, to be sent back as it is. */
  | { readonly kind: 'seal'; readonly detail: JsonObject }
  | {
      readonly kind: 'call';
      /** Number of the call within its answer. */
      readonly call: number;
      readonly id: string | undefined;
      readonly name: string;
      readonly arguments: string;
    };

/** Text that some providers cut into parts, thought among them. */
export function contentPieces(content: Json | undefined): readonly Piece[] {
  if (typeof content === 'string') return content === '' ? [] : [{ kind: 'text', text: content }];
  return listAt(content).flatMap((item): readonly Piece[] => {
    const part = objectAt(item);
    if (part.type === 'thinking') {
      const text =
        textAt(part.thinking) ??
        listAt(part.thinking)
          .map((each) => textAt(objectAt(each).text) ?? '')
          .join('');
      return text === '' ? [] : [{ kind: 'thought', text }];
    }
    return contentPieces(textAt(part.text));
  });
}

const sealPieces = (details: Json | undefined): readonly Piece[] =>
  listAt(details)
    .map(objectAt)
    .filter(({ signature, data }) => Boolean(signature) || Boolean(data))
    .map((detail) => ({ kind: 'seal', detail }));

const piece = (kind: 'thought' | 'refusal', text: Json | undefined): readonly Piece[] =>
  typeof text === 'string' && text !== '' ? [{ kind, text }] : [];

/** Keeps count of the calls, which some providers do not number. */
export interface PieceReader {
  /** The pieces of a whole message or of a delta, in the order in which they are to be told. */
  read(message: JsonObject): readonly Piece[];
}

export function createPieceReader(): PieceReader {
  const numberOf = new Map<string, number>();
  let last = -1;
  const callNumber = ({ index, id }: JsonObject): number => {
    if (Number.isInteger(index)) return Number(index);
    if (typeof id !== 'string' || id === '') return Math.max(0, last);
    const known = numberOf.get(id) ?? numberOf.size;
    numberOf.set(id, known);
    return known;
  };
  return {
    read(message) {
      const calls = listAt(message.tool_calls).map((item): Piece => {
        const call = objectAt(item);
        last = callNumber(call);
        const { name, arguments: given } = objectAt(call.function);
        const text = isObject(given) ? JSON.stringify(given) : (textAt(given) ?? '');
        return {
          kind: 'call',
          call: last,
          id: textAt(call.id) || undefined,
          name: textAt(name) ?? '',
          arguments: text,
        };
      });
      return [
        ...piece('thought', message.reasoning_content ?? message.reasoning),
        ...sealPieces(message.reasoning_details),
        ...contentPieces(message.content),
        ...piece('refusal', message.refusal),
        ...calls,
      ];
    },
  };
}
