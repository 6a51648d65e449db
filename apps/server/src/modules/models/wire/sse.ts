/** Server-sent events, from bytes cut anywhere. */
import { GuildhallError } from '../../../platform/errors/index.ts';
import { wireErrors } from './errors.ts';

/** One event of a `responses` stream can carry a whole picture; nothing honest is larger. */
const EVENT_BYTES_MAX = 32 * 1024 * 1024;
const LF = 10;
const CR = 13;
const NOTHING = Buffer.alloc(0);

/** Where the last whole event ends, looking back to `from` and no further; 0 where none does. */
function endOfEvents(bytes: Uint8Array, from: number): number {
  for (let end = bytes.length; end > from; end -= 1) {
    const last = bytes[end - 1];
    if (last !== LF && last !== CR) continue;
    const before = bytes[last === LF && bytes[end - 2] === CR ? end - 3 : end - 2];
    if (before === LF || before === CR) return end;
  }
  return 0;
}

/** Cuts a stream of bytes into pieces that end with an event. */
export interface EventCutter {
  /** Every event that is whole by now, as they came; undefined where none is. The piece is not written to again. */
  push(bytes: Uint8Array): Buffer | undefined;
  /** What is left of the last event. */
  rest(): Buffer;
}

export function createEventCutter(): EventCutter {
  let held: Buffer = NOTHING;
  let heldBytes = 0;
  const hold = (bytes: Uint8Array): void => {
    if (heldBytes + bytes.length > EVENT_BYTES_MAX) {
      throw new GuildhallError(wireErrors.unreadableAnswer, {
        detail: `One event of the provider's stream is longer than ${EVENT_BYTES_MAX} bytes.`,
      });
    }
    if (heldBytes + bytes.length > held.length) {
      const grown = Buffer.allocUnsafe(Math.max(1024, 2 * (heldBytes + bytes.length)));
      held.copy(grown, 0, 0, heldBytes);
      held = grown;
    }
    held.set(bytes, heldBytes);
    heldBytes += bytes.length;
  };
  const release = (end: number): Buffer => {
    const whole = held.subarray(0, end);
    const left = held.subarray(end, heldBytes);
    held = NOTHING;
    heldBytes = 0;
    if (left.length > 0) hold(left);
    return whole;
  };
  return {
    push(bytes) {
      if (heldBytes > 0) {
        const known = heldBytes;
        hold(bytes);
        const end = endOfEvents(held.subarray(0, heldBytes), known);
        return end === 0 ? undefined : release(end);
      }
      const end = endOfEvents(bytes, 0);
      if (end < bytes.length) hold(bytes.subarray(end));
      return end === 0 ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, end);
    },
    rest: () => release(heldBytes),
  };
}

/** Called for every event with data; `start` and `end` say which part of the text it was. */
export type TakeEvent = (data: string, name: string, start: number, end: number) => void;

const NORMAL_LINES = /\r\n?/g;

/** Line ends as `readEvents` wants them; nearly every stream has them so. */
export const normalLines = (text: string): string => (text.includes('\r') ? text.replace(NORMAL_LINES, '\n') : text);

/** Takes the events of a text with normal line ends apart; the last one counts even without its blank line. */
export function readEvents(text: string, take: TakeEvent): void {
  let start = 0;
  let name = '';
  let data: string | undefined;
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < text.length) {
    const found = text.indexOf('\n', at);
    const end = found < 0 ? text.length : found;
    if (end === at) {
      if (data !== undefined) take(data, name, start, end + 1);
      start = end + 1;
      name = '';
      data = undefined;
    } else if (text.startsWith('data:', at)) {
      const value = text.slice(text.charCodeAt(at + 5) === 32 ? at + 6 : at + 5, end);
      data = data === undefined ? value : `${data}\n${value}`;
    } else if (text.startsWith('event:', at)) {
      name = text.slice(at + 6, end).trim();
    }
    at = end + 1;
  }
  if (data !== undefined) take(data, name, start, text.length);
}
