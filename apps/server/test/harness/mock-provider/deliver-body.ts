/** Puts an answer in one body on the line, with its faults. */
import { setImmediate } from 'node:timers/promises';
import type { Line } from './line.ts';
import type { Behaviour, Fault } from './types.ts';
import { type House, refusalJson, refusalOf } from './wires/errors.ts';
import { wordTokens } from './words.ts';

/** How an answer leaves, whatever it says. */
export interface Delivery {
  readonly line: Line;
  readonly house: House;
  readonly behaviour: Behaviour;
  readonly requestId: string;
  /** Names and values of the provider's own headers, without the content's. */
  readonly headers: readonly string[];
}

/** Of an endless body; about 4 kB. */
const WORDS_PER_WRITE = 940;

export const WRONG_SHAPE = '{"ok":true,"result":{"mock":"of the wrong shape"}}';

/** What breaks an answer off on its way. */
export const BREAKS: ReadonlySet<Fault | undefined> = new Set<Fault | undefined>([
  'stall',
  'cut',
  'cut-in-character',
  'cut-in-line',
  'truncated',
]);

/** The bytes up to the middle of the first character of more than one; half of them where there is none. */
export function insideCharacter(text: string): Buffer {
  const bytes = Buffer.from(text);
  const at = bytes.findIndex((byte) => byte >= 0xc0);
  return at === -1 ? bytes.subarray(0, bytes.length >> 1) : bytes.subarray(0, at + 1);
}

/** Writes as many bytes at a time as told, at the pace told. */
export async function writeInPieces(line: Line, text: string, tokens: number, behaviour: Behaviour): Promise<void> {
  const { chunkBytes = 1, chunkMs = 0 } = behaviour;
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length && line.isOpen; at += chunkBytes) {
    const isLast = at + chunkBytes >= bytes.length;
    await line.write(bytes.subarray(at, at + chunkBytes), isLast ? tokens : 0);
    await (chunkMs > 0 ? line.sleep(chunkMs) : setImmediate());
  }
}

/** Half of a body, then what the fault says. */
async function breakBody({ line, behaviour }: Delivery, headers: readonly string[], body: string): Promise<void> {
  const whole = Buffer.from(body);
  const half = behaviour.fault === 'cut-in-character' ? insideCharacter(body) : whole.subarray(0, whole.length >> 1);
  if (behaviour.fault === 'truncated') {
    line.head(200, headers);
    return line.end(half, 0);
  }
  line.head(200, [...headers, 'content-length', String(whole.length)]);
  await line.write(half, 0);
  await (behaviour.fault === 'stall' ? line.gone() : line.cut());
}

async function endlessBody(line: Line, headers: readonly string[], body: string): Promise<void> {
  line.head(200, headers);
  await line.write(`${body.trimEnd().slice(0, -1)},"more":"`, 0);
  const words = wordTokens(WORDS_PER_WRITE);
  while (line.isOpen) await line.write(` ${words.join('')}`, words.length);
}

/** What is sent whole; some providers say `200` and mean an error. */
function wholeBody({ behaviour, house, requestId }: Delivery, body: string): string | undefined {
  switch (behaviour.fault) {
    case 'empty':
      return '';
    case 'bad-json':
      return body.slice(0, body.length >> 1);
    case 'wrong-shape':
      return WRONG_SHAPE;
    case 'error-event':
      return refusalJson(house, refusalOf(house, 'server-error'), requestId);
    default:
      return undefined;
  }
}

/** Answers with a JSON body that shows so many output tokens. */
export async function deliverBody(delivery: Delivery, body: string, tokens: number): Promise<void> {
  const { line, behaviour } = delivery;
  const headers = ['content-type', 'application/json', ...delivery.headers];
  if (behaviour.fault === 'endless') return endlessBody(line, headers, body);
  if (BREAKS.has(behaviour.fault)) return breakBody(delivery, headers, body);
  const other = wholeBody(delivery, body);
  const text = other ?? body;
  const shown = other === undefined ? tokens : 0;
  line.head(200, [...headers, 'content-length', String(Buffer.byteLength(text))]);
  if (behaviour.chunkBytes === undefined) return line.end(text, shown);
  await writeInPieces(line, text, shown, behaviour);
  line.end('', 0);
}
