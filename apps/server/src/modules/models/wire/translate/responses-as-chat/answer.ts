/** A chat completion as a Response. */
import { compact, entryOf, listAt, objectAt, textAt } from '../../json.ts';
import type { AnswerContext, JsonObject, TokenUsage } from '../../types.ts';
import { readUsage } from '../../usage.ts';
import { createPieceReader, type Piece } from '../pieces.ts';
import { unreadable } from '../unreadable.ts';
import { usageAsResponses } from '../usage-out.ts';
import { sealed } from './seal.ts';

export const textPart = (text: string): JsonObject => ({ type: 'output_text', text, annotations: [], logprobs: [] });
export const refusalPart = (refusal: string): JsonObject => ({ type: 'refusal', refusal });

export const messageItem = (id: string, status: string, content: readonly JsonObject[]): JsonObject => ({
  type: 'message',
  id,
  role: 'assistant',
  status,
  content,
});

export interface Called {
  readonly callId: string;
  readonly name: string;
  readonly arguments: string;
}

export const callItem = (id: string, status: string, { callId, name, arguments: given }: Called): JsonObject => ({
  type: 'function_call',
  id,
  call_id: callId,
  name,
  arguments: given,
  status,
});

export const reasoningItem = (id: string, text: string, details: readonly JsonObject[]): JsonObject =>
  compact({
    type: 'reasoning',
    id,
    summary: text === '' ? [] : [{ type: 'summary_text', text }],
    encrypted_content: sealed(details),
  });

const INCOMPLETE: Readonly<Record<string, string>> = { length: 'max_output_tokens', content_filter: 'content_filter' };

export interface Ending {
  readonly status: 'in_progress' | 'completed' | 'incomplete';
  readonly reason?: string | undefined;
}

/** A refusal is a whole answer: the client finds it among the parts of the message. */
export function endingOf(finish: unknown, isRefused: boolean): Ending {
  const reason = isRefused ? undefined : entryOf(INCOMPLETE, finish);
  return reason === undefined ? { status: 'completed' } : { status: 'incomplete', reason };
}

export interface Told {
  readonly model: string;
  readonly output: readonly JsonObject[];
  readonly ending: Ending;
  readonly usage?: TokenUsage | undefined;
}

/** What the client asked for is repeated, as OpenAI does. */
export function responseOf({ model, output, ending, usage }: Told, context: AnswerContext): JsonObject {
  const { request } = context;
  return {
    id: `resp_${context.id}`,
    object: 'response',
    created_at: context.createdAtSeconds,
    status: ending.status,
    background: false,
    error: null,
    incomplete_details: ending.reason === undefined ? null : { reason: ending.reason },
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    metadata: request.metadata ?? {},
    model,
    output,
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: request.reasoning ?? { effort: null, summary: null },
    store: false,
    temperature: request.temperature ?? null,
    text: request.text ?? { format: { type: 'text' } },
    tool_choice: request.tool_choice ?? 'auto',
    tools: request.tools ?? [],
    top_p: request.top_p ?? null,
    truncation: 'disabled',
    usage: usage ? usageAsResponses(usage) : null,
  };
}

function itemsOf(pieces: readonly Piece[], context: AnswerContext, status: string): readonly JsonObject[] {
  const thought = pieces.flatMap((piece) => (piece.kind === 'thought' ? [piece.text] : [])).join('');
  const details = pieces.flatMap((piece) => (piece.kind === 'seal' ? [piece.detail] : []));
  const content = pieces.flatMap((piece) => {
    if (piece.kind === 'refusal') return [refusalPart(piece.text)];
    return piece.kind === 'text' ? [textPart(piece.text)] : [];
  });
  const calls = pieces.filter((piece) => piece.kind === 'call');
  return [
    ...(thought !== '' || details.length > 0 ? [reasoningItem(`rs_${context.id}`, thought, details)] : []),
    ...(content.length > 0 ? [messageItem(`msg_${context.id}`, status, content)] : []),
    ...calls.map(({ call, id, name, arguments: given }) =>
      callItem(`fc_${context.id}_${call}`, status, {
        callId: id ?? `call_${context.id}_${call}`,
        name,
        arguments: given,
      }),
    ),
  ];
}

/** @throws GuildhallError `models.unreadable-answer` */
export function chatToResponse(answer: JsonObject, context: AnswerContext): JsonObject {
  const choice = objectAt(listAt(answer.choices)[0]);
  if (choice.message === undefined) unreadable('The provider sent a completion without a message.');
  const pieces = createPieceReader().read(objectAt(choice.message));
  const isRefused = pieces.some((piece) => piece.kind === 'refusal');
  const ending = endingOf(choice.finish_reason, isRefused);
  const usage = readUsage('chat', answer) ?? context.usage;
  const output = itemsOf(pieces, context, ending.status);
  return responseOf({ model: textAt(answer.model) ?? '', output, ending, usage }, context);
}
