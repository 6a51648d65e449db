/** A chat completion as Anthropic's message. */
import { entryOf, listAt, objectAt, textAt } from '../../json.ts';
import type { AnswerContext, JsonObject } from '../../types.ts';
import { readUsage } from '../../usage.ts';
import { argumentsOf } from '../arguments.ts';
import { createPieceReader, type Piece } from '../pieces.ts';
import { unreadable } from '../unreadable.ts';
import { usageAsMessages } from '../usage-out.ts';

const STOP: Readonly<Record<string, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  function_call: 'tool_use',
  content_filter: 'refusal',
};

/** Some providers say `stop` although they called tools, and a client of Anthropic's wire would not run them. */
export const stopOf = (finish: unknown, hasCalls: boolean, isRefused: boolean): string => {
  const stop = entryOf(STOP, finish) ?? 'end_turn';
  if (stop !== 'end_turn') return stop;
  return isRefused ? 'refusal' : hasCalls ? 'tool_use' : stop;
};

/** The members of a message that say nothing here. */
export const messageOf = (members: JsonObject): JsonObject => ({
  type: 'message',
  role: 'assistant',
  container: null,
  diagnostics: null,
  stop_sequence: null,
  stop_details: null,
  ...members,
});

/** Seals are left out: nobody but their provider reads them, and it is not asked with Anthropic's blocks again. */
function blocksOf(piece: Piece, context: AnswerContext): readonly JsonObject[] {
  switch (piece.kind) {
    case 'seal':
      return [];
    case 'thought':
      return [{ type: 'thinking', thinking: piece.text, signature: '' }];
    case 'text':
    case 'refusal':
      return [{ type: 'text', text: piece.text, citations: null }];
    case 'call': {
      // Arguments that are no object are handed on as they are: the client sees the model's mistake.
      const input = argumentsOf(piece.arguments) ?? piece.arguments;
      return [{ type: 'tool_use', id: piece.id ?? `toolu_${context.id}_${piece.call}`, name: piece.name, input }];
    }
  }
}

/** @throws GuildhallError `models.unreadable-answer` */
export function chatToMessagesAnswer(answer: JsonObject, context: AnswerContext): JsonObject {
  const choice = objectAt(listAt(answer.choices)[0]);
  if (choice.message === undefined) unreadable('The provider sent a completion without a message.');
  const pieces = createPieceReader().read(objectAt(choice.message));
  const hasCalls = pieces.some((piece) => piece.kind === 'call');
  const isRefused = pieces.some((piece) => piece.kind === 'refusal');
  return messageOf({
    id: `msg_${context.id}`,
    model: textAt(answer.model) ?? '',
    content: pieces.flatMap((piece) => blocksOf(piece, context)),
    stop_reason: stopOf(choice.finish_reason, hasCalls, isRefused),
    usage: usageAsMessages(readUsage('chat', answer) ?? context.usage),
  });
}
