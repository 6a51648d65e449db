/** Chat chunks as the events of a Response. */
import { listAt, objectAt, textAt } from '../../json.ts';
import type { WireEvent } from '../../reader.ts';
import type { AnswerContext, JsonObject, TokenUsage } from '../../types.ts';
import { usageOf } from '../../usage.ts';
import { createPieceReader } from '../pieces.ts';
import type { StreamSteps } from '../types.ts';
import { endingOf, responseOf } from './answer.ts';
import { Items } from './items.ts';

/** The usage of a chat stream comes after its last word, so the end is told when nothing follows. */
export function chatStreamToResponses(context: AnswerContext): StreamSteps {
  const items = new Items(context);
  const pieces = createPieceReader();
  let state: 'new' | 'begun' | 'finished' | 'ended' = 'new';
  let finish: string | undefined;
  let model = '';
  let usage: TokenUsage | undefined;
  let sequence = 0;
  const numbered = (events: readonly JsonObject[]): readonly JsonObject[] =>
    events.map((event) => ({ ...event, sequence_number: sequence++ }));
  const begin = (chunk: JsonObject): readonly JsonObject[] => {
    if (state !== 'new') return [];
    state = 'begun';
    model = textAt(chunk.model) ?? '';
    const response = responseOf({ model, output: [], ending: { status: 'in_progress' } }, context);
    return [
      { type: 'response.created', response },
      { type: 'response.in_progress', response },
    ];
  };
  const end = (counted?: TokenUsage): readonly JsonObject[] => {
    if (state !== 'finished') return [];
    state = 'ended';
    const ending = endingOf(finish, items.isRefused);
    const closed = items.close(ending.status);
    const told = { model, output: items.output(ending.status), ending, usage: usage ?? counted };
    return [...closed, { type: `response.${ending.status}`, response: responseOf(told, context) }];
  };
  const take = (chunk: JsonObject): readonly JsonObject[] => {
    const choice = objectAt(listAt(chunk.choices)[0]);
    const events = [...begin(chunk), ...pieces.read(objectAt(choice.delta)).flatMap((piece) => items.tell(piece))];
    if (typeof choice.finish_reason === 'string') {
      finish = choice.finish_reason;
      if (state !== 'ended') state = 'finished';
    }
    usage = usageOf('chat', chunk.usage) ?? usage;
    return events;
  };
  return { take: (event, counted): readonly WireEvent[] => numbered(event === 'done' ? end(counted) : take(event)) };
}
