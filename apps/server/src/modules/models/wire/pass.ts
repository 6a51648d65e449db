/** A stream whose client speaks the provider's wire: its own bytes, less what is not for the client. */

import { objectAt } from './json.ts';
import { createEventReader, parsesAtEnd, type WireEvent } from './reader.ts';
import { createEventCutter, normalLines, readEvents } from './sse.ts';
import type { AnswerContext, StreamTranslation, Wire } from './types.ts';

const NOTHING = Buffer.alloc(0);

/** The last chunk of a chat stream, which carries the usage and nothing else. */
const isUsageChunk = (event: WireEvent): boolean =>
  event !== 'done' && Array.isArray(event.choices) && event.choices.length === 0 && Boolean(event.usage);

/** Gives the provider's bytes untouched, save for errors and for the usage that only we asked for. */
export function createPassThrough(wire: Wire, context: AnswerContext): StreamTranslation {
  const hidesUsage = wire === 'chat' && objectAt(context.request.stream_options).include_usage !== true;
  const events = createEventReader(wire);
  const cutter = createEventCutter();
  const pass = (bytes: Buffer): Uint8Array => {
    const text = normalLines(bytes.toString('utf8'));
    const left: string[] = [];
    let from = 0;
    readEvents(text, (data, _name, start, end) => {
      const event = events.read(data);
      if (event !== undefined && !(hidesUsage && isUsageChunk(event))) return;
      left.push(text.slice(from, start));
      from = end;
    });
    return from === 0 ? bytes : Buffer.from(left.join('') + text.slice(from));
  };
  return {
    reading: events.reading,
    push(bytes) {
      const whole = cutter.push(bytes);
      return whole === undefined ? NOTHING : pass(whole);
    },
    end() {
      const rest = cutter.rest();
      return parsesAtEnd(rest) ? Buffer.concat([pass(rest), Buffer.from('\n\n')]) : NOTHING;
    },
  };
}
