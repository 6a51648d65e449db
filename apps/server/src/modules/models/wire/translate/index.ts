/** Every way from one wire to another; chat stands in the middle. */
import type { AnswerContext, JsonObject, Wire } from '../types.ts';
import { chatAsMessages } from './chat-as-messages/index.ts';
import { messagesAsChat } from './messages-as-chat/index.ts';
import { responsesAsChat } from './responses-as-chat/index.ts';
import type { StreamSteps, Translator } from './types.ts';

/** What the outer translator needs of the inner one: a chat stream with its usage. */
const innerContext = (context: AnswerContext): AnswerContext => ({
  ...context,
  request: { stream_options: { include_usage: true } },
});

function composed(outer: Translator, inner: Translator): Translator {
  return {
    toProvider: (body, target) => inner.toProvider(outer.toProvider(body, target), target),
    fromProvider: (answer: JsonObject, context) =>
      outer.fromProvider(inner.fromProvider(answer, innerContext(context)), context),
    createStream(context): StreamSteps {
      const [first, second] = [inner.createStream(innerContext(context)), outer.createStream(context)];
      return { take: (event, counted) => first.take(event, counted).flatMap((each) => second.take(each, counted)) };
    },
  };
}

const TRANSLATORS: Readonly<Record<string, Translator>> = {
  'chat messages': chatAsMessages,
  'messages chat': messagesAsChat,
  'responses chat': responsesAsChat,
  'responses messages': composed(responsesAsChat, chatAsMessages),
};

/** Undefined where there is no way, or none is needed. */
export const translatorOf = (client: Wire, provider: Wire): Translator | undefined =>
  TRANSLATORS[`${client} ${provider}`];
