/** Anthropic's answer as a chat completion. */
import { compact, entryOf, listAt, objectAt, textAt } from '../../json.ts';
import type { AnswerContext, JsonObject } from '../../types.ts';
import { readUsage } from '../../usage.ts';
import { argumentsAsText } from '../arguments.ts';
import { unreadable } from '../unreadable.ts';
import { usageAsChat } from '../usage-out.ts';

const FINISH: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

export const finishOf = (stopReason: unknown): string => entryOf(FINISH, stopReason) ?? 'stop';

const REFUSED = 'The model refused to answer.';

/** Anthropic says why in `stop_details`, where it says it. */
export const refusalIn = (message: JsonObject): string | undefined =>
  message.stop_reason === 'refusal' ? (textAt(objectAt(message.stop_details).explanation) ?? REFUSED) : undefined;

/** Thought with its signature, in the form in which OpenRouter and its clients hand it to and fro. */
export function reasoningDetail(block: JsonObject, index: number): JsonObject {
  if (block.type === 'redacted_thinking') return { type: 'reasoning.encrypted', data: block.data ?? '', index };
  return { type: 'reasoning.text', text: block.thinking ?? '', signature: block.signature ?? '', index };
}

/** @throws GuildhallError `models.unreadable-answer` */
export function messagesToChat(answer: JsonObject, context: AnswerContext): JsonObject {
  if (!Array.isArray(answer.content)) unreadable('The provider sent a message without content.');
  const blocks = listAt(answer.content).map(objectAt);
  const texts = blocks.filter((block) => block.type === 'text').map((block) => textAt(block.text) ?? '');
  const thoughts = blocks.filter((block) => block.type === 'thinking' || block.type === 'redacted_thinking');
  const shown = thoughts.map((block) => textAt(block.thinking) ?? '').join('');
  const calls = blocks
    .filter((block) => block.type === 'tool_use')
    .map(({ id, name, input }) => ({ id, type: 'function', function: { name, arguments: argumentsAsText(input) } }));
  const message = compact({
    role: 'assistant',
    content: texts.length > 0 ? texts.join('') : null,
    refusal: refusalIn(answer) ?? null,
    reasoning_content: shown === '' ? undefined : shown,
    reasoning_details: thoughts.length > 0 ? thoughts.map(reasoningDetail) : undefined,
    tool_calls: calls.length > 0 ? calls : undefined,
  });
  const usage = readUsage('messages', answer) ?? context.usage;
  return compact({
    id: textAt(answer.id) ?? context.id,
    object: 'chat.completion',
    created: context.createdAtSeconds,
    model: textAt(answer.model) ?? '',
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishOf(answer.stop_reason) }],
    usage: usage && usageAsChat(usage),
  });
}
