/** What a whole answer tells: usage, what was delivered, why it ended. */
import { listAt, objectAt, textAt } from './json.ts';
import { createPieceReader } from './translate/pieces.ts';
import type { AnswerReading, JsonObject, Wire } from './types.ts';
import { readUsage } from './usage.ts';

interface Told {
  readonly texts: readonly unknown[];
  readonly finishReason: unknown;
}

function fromChat(answer: JsonObject): Told {
  const choices = listAt(answer.choices).map(objectAt);
  const texts = choices.flatMap((choice) =>
    createPieceReader()
      .read(objectAt(choice.message))
      .flatMap((piece) => {
        if (piece.kind === 'call') return [piece.name, piece.arguments];
        return piece.kind === 'seal' ? [] : [piece.text];
      }),
  );
  return { texts, finishReason: choices[0]?.finish_reason };
}

function fromMessages(answer: JsonObject): Told {
  const texts = listAt(answer.content)
    .map(objectAt)
    .flatMap(({ type, text, thinking, name, input }) =>
      type === 'tool_use' ? [name, JSON.stringify(input ?? {})] : [text, thinking],
    );
  return { texts, finishReason: answer.stop_reason };
}

function fromResponses(answer: JsonObject): Told {
  const texts = listAt(answer.output)
    .map(objectAt)
    .flatMap((item) => {
      const parts = [...listAt(item.content), ...listAt(item.summary)].map(objectAt);
      return [item.name, item.arguments, item.input, ...parts.flatMap(({ text, refusal }) => [text, refusal])];
    });
  return { texts, finishReason: textAt(objectAt(answer.incomplete_details).reason) ?? answer.status };
}

const READERS: Readonly<Record<Wire, (answer: JsonObject) => Told>> = {
  chat: fromChat,
  messages: fromMessages,
  responses: fromResponses,
  embeddings: () => ({ texts: [], finishReason: undefined }),
};

/** Reads an answer of the provider's wire, of a depth that `fromProvider` accepts. */
export function readAnswer(wire: Wire, answer: JsonObject): AnswerReading {
  const { texts, finishReason } = READERS[wire](answer);
  return {
    usage: readUsage(wire, answer),
    text: texts.filter((text) => typeof text === 'string').join(''),
    finishReason: textAt(finishReason),
  };
}
