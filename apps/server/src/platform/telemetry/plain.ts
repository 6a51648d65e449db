/** Turns any value into small, harmless JSON: no secret, no control character, no cycle, no surprise from a getter. */
import { isSecretName, REDACTED, redactText } from './redact.ts';

// A log line is read by people and indexed by machines; more than this belongs into a file.
const DEPTH_MAX = 6;
const ITEMS_MAX = 50;
const TEXT_CHARS_MAX = 4_096;
const CAUSES_MAX = 4;
// Patterns look at no more than this of a huge text, so that logging it stays cheap.
const LOOKED_CHARS_MAX = 16_384;
const TAIL_CHARS = 1_024;

// C0 and C1 controls but tab and newline (which JSON escapes), line separators, and characters that reorder what follows them.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const escapeCharacter = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A text that cannot move the cursor, colour the terminal or start a new line in a log, with secrets taken out. */
export function plainText(text: string): string {
  const looked = text.length > LOOKED_CHARS_MAX ? text.slice(0, LOOKED_CHARS_MAX) : text;
  const clean = redactText(looked).replace(UNSAFE, escapeCharacter);
  // A secret that lies across the first cut is known to no pattern, so what stands just before that cut is dropped.
  const sure = looked === text ? clean.length : Math.max(0, clean.length - TAIL_CHARS);
  const shown = Math.min(sure, TEXT_CHARS_MAX);
  return shown === clean.length ? clean : `${clean.slice(0, shown)}… (${text.length} characters)`;
}

function plainError(error: Error, depth: number, causes: number): Record<string, unknown> {
  const shown: Record<string, unknown> = {
    name: plainText(String(error.name)),
    message: plainText(String(error.message)),
  };
  if (typeof error.stack === 'string') shown.stack = plainText(error.stack);
  for (const [key, value] of Object.entries(error)) {
    if (key !== 'cause' && !(key in shown)) shown[plainText(key)] = plainMember(key, value, depth + 1);
  }
  if (error.cause !== undefined && causes > 0) {
    shown.cause =
      error.cause instanceof Error
        ? plainError(error.cause, depth + 1, causes - 1)
        : plainValue(error.cause, depth + 1);
  }
  return shown;
}

/** A member of an object: a secret name hides any value, whatever it holds. */
export const plainMember = (key: string, value: unknown, depth: number): unknown =>
  isSecretName(key) && value !== undefined && value !== null ? REDACTED : plainValue(value, depth);

function plainObject(value: object, depth: number): unknown {
  if (value instanceof Error) return plainError(value, depth, CAUSES_MAX);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return plainValue(value.toJSON(), depth + 1);
  if (depth >= DEPTH_MAX) return '[deeper]';
  if (value instanceof Map) return plainObject(Object.fromEntries(value), depth);
  if (Array.isArray(value) || value instanceof Set) {
    const items = [...value];
    const shown = items.slice(0, ITEMS_MAX).map((item) => plainValue(item, depth + 1));
    return items.length > ITEMS_MAX ? [...shown, `… (${items.length} items)`] : shown;
  }
  const members = Object.entries(value);
  const shown = members
    .slice(0, ITEMS_MAX)
    .map(([key, member]) => [plainText(key), plainMember(key, member, depth + 1)] as const);
  return Object.fromEntries(
    members.length > ITEMS_MAX ? [...shown, ['…', `${members.length} members`] as const] : shown,
  );
}

/** Never throws for plain data; a getter or toJSON that throws does, and the logger catches it. */
export function plainValue(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case 'string':
      return plainText(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'bigint':
      return value.toString();
    case 'object':
      return value === null ? null : depth > DEPTH_MAX ? '[deeper]' : plainObject(value, depth);
    case 'undefined':
      return undefined;
    default:
      return `[${typeof value}]`;
  }
}
