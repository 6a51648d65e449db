/** A stream whose client speaks another wire than the provider: event by event. */
import { wordOf } from './json.ts';
import { createEventReader, parsesAtEnd, type WireEvent } from './reader.ts';
import { createEventCutter, normalLines, readEvents } from './sse.ts';
import type { StreamSteps } from './translate/types.ts';
import type { StreamTranslation, TokenUsage, Wire } from './types.ts';

/** Chat names no events and ends with `[DONE]`; the others name them after their type and end without. */
function encode(client: Wire, event: WireEvent): string {
  if (client === 'chat') return `data: ${event === 'done' ? '[DONE]' : JSON.stringify(event)}\n\n`;
  return event === 'done' ? '' : `event: ${wordOf(event.type)}\ndata: ${JSON.stringify(event)}\n\n`;
}

export function createTranslated(client: Wire, provider: Wire, steps: StreamSteps): StreamTranslation {
  const events = createEventReader(provider);
  const cutter = createEventCutter();
  /** Where the provider says that this was all: held back until it is known what it used. */
  let last: WireEvent | undefined;
  const step = (event: WireEvent, counted?: TokenUsage): string =>
    steps
      .take(event, counted)
      .map((each) => encode(client, each))
      .join('');
  const translate = (bytes: Buffer): string => {
    let out = '';
    readEvents(normalLines(bytes.toString('utf8')), (data) => {
      if (last !== undefined) return;
      const event = events.read(data);
      // After an error of the provider nothing more is told: an error event of ours follows.
      if (event === undefined || events.reading.error !== undefined) return;
      if (events.reading.isEnded) last = event;
      else out += step(event);
    });
    return out;
  };
  return {
    reading: events.reading,
    push(bytes) {
      const whole = cutter.push(bytes);
      return Buffer.from(whole === undefined ? '' : translate(whole));
    },
    end(counted) {
      const rest = cutter.rest();
      const out = parsesAtEnd(rest) ? translate(rest) : '';
      // Some providers of chat leave `[DONE]` out.
      return Buffer.from(events.reading.isComplete ? out + step(last ?? 'done', counted) : out);
    },
  };
}
