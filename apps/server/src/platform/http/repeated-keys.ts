/**
 * JSON whose keys stand twice in one object. `JSON.parse` keeps the last value, a reader before us may keep the first, so what was checked
 * would not be what counts. All functions expect text that `JSON.parse` has taken.
 */
import { GuildhallError } from '../errors/index.ts';
import { httpErrors } from './errors.ts';
import { pointer } from './parse.ts';

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const BRACKET_OPEN = 91;
const BACKSLASH = 92;
const BRACKET_CLOSE = 93;
const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;
const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (at - before) % 2 === 0;
}

/** At least the keys of the text: quotes before a colon. A text such as ":x" counts as well, which is why this is only a first look. */
function countKeysAtMost(text: string): number {
  let count = 0;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    let before = at - 1;
    while (isSpace(text.charCodeAt(before))) before -= 1;
    if (text.charCodeAt(before) === QUOTE && !isEscaped(text, before)) count += 1;
  }
  return count;
}

function countKeysOf(value: unknown): number {
  let count = 0;
  const open = [value];
  while (open.length > 0) {
    const item = open.pop();
    if (Array.isArray(item)) {
      // Not by iterator: lists are what large bodies are made of.
      for (let index = 0; index < item.length; index += 1) if (typeof item[index] === 'object') open.push(item[index]);
    } else if (typeof item === 'object' && item !== null) {
      // What JSON.parse makes inherits nothing that could be counted here; three times as fast as a list of members.
      const members = item as Readonly<Record<string, unknown>>;
      for (const name in members) {
        count += 1;
        if (typeof members[name] === 'object') open.push(members[name]);
      }
    }
  }
  return count;
}

function endOfString(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isKey(text: string, end: number): boolean {
  let after = end + 1;
  while (isSpace(text.charCodeAt(after))) after += 1;
  return text.charCodeAt(after) === COLON;
}

/** An object or array that is open here. */
interface Level {
  /** Undefined in an array. */
  readonly keys: Set<string> | undefined;
  name: string | number;
}

/** The JSON Pointer of the first key that its object has already. */
export function findRepeatedKey(text: string): string | undefined {
  const open: Level[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const level = open.at(-1);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (level?.keys && isKey(text, end)) {
        // A string of JSON, escapes and all: two spellings of one key are one key.
        level.name = JSON.parse(text.slice(at, end + 1)) as string;
        if (level.keys.has(level.name)) return pointer(open.map(({ name }) => String(name).toWellFormed()));
        level.keys.add(level.name);
      }
      at = end;
    } else if (code === BRACE_OPEN) open.push({ keys: new Set(), name: '' });
    else if (code === BRACKET_OPEN) open.push({ keys: undefined, name: 0 });
    else if (code === BRACE_CLOSE || code === BRACKET_CLOSE) open.pop();
    else if (code === COMMA && typeof level?.name === 'number') level.name += 1;
  }
  return undefined;
}

/**
 * The keys of text and value are counted first, which costs a fifth of parsing at most (measured: 0.5 µs for 1 KiB, 0.7 ms for 1 MiB of
 * records, 0.03 ms of chat); only where the numbers differ is the text read.
 * @throws 400 `http.duplicate-key` naming the key.
 */
export function assertKeysOnce(text: string, value: unknown): void {
  if (countKeysAtMost(text) === countKeysOf(value)) return;
  const path = findRepeatedKey(text);
  if (path === undefined) return;
  throw new GuildhallError(httpErrors.duplicateKey, {
    detail: `The key ${path} stands twice in its object.`,
    errors: [{ path, message: 'stands twice in its object' }],
  });
}
