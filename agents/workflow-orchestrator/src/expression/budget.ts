/** How much work and memory one evaluation may take. */
import { AgentError, type Json } from '@guildhall/agent-sdk';

/** Elements, characters and nodes touched; 200,000 take a few milliseconds, well under a noticeable stall. */
const COST_MAX = 200_000;
/** Values nested deeper than this are refused before any recursion walks them. */
export const VALUE_DEPTH_MAX = 64;
/** A step's recorded result may have 1 MiB; this leaves room for what surrounds the value. */
export const VALUE_BYTES_MAX = 768 * 1024;

/** Counts the work of one evaluation, and stops it cleanly when it is too much. */
export class Budget {
  #left = COST_MAX;

  /** @throws AgentError `expression-too-costly` */
  spend(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) {
      throw new AgentError('expression-too-costly', `The expression needs more than ${COST_MAX} operations.`, {
        advice: 'Move the work to an agent such as data-processor, or split it over several steps.',
      });
    }
  }
}

/** A failed evaluation; the sentence is public. */
export function expressionFailed(message: string, at?: number): AgentError {
  return new AgentError('expression-failed', at === undefined ? message : `${message} (column ${at})`, {
    advice: 'Correct the expression, or guard it with coalesce() or a condition.',
  });
}

/**
 * Refuses a value that is nested too deep or would fill more than `bytesMax` of JSON. Stops counting at the bound, so a small value
 * that names the same part over and over cannot cost more than the bound.
 * @throws AgentError `value-too-large`
 */
export function assertBounded(value: Json, bytesMax = VALUE_BYTES_MAX): void {
  const left = bytesLeft(value, bytesMax, 0);
  if (left < 0) {
    throw new AgentError(
      'value-too-large',
      `The value is larger than ${bytesMax} bytes of JSON or nested deeper than ${VALUE_DEPTH_MAX}.`,
      {
        advice: 'Keep large data in files, and pass only what the next step needs.',
      },
    );
  }
}

/** True when the value fits the bound of `assertBounded`. */
export function isBounded(value: Json, bytesMax = VALUE_BYTES_MAX): boolean {
  return bytesLeft(value, bytesMax, 0) >= 0;
}

/** Upper estimate of the JSON size in UTF-8: three bytes per character outside ASCII, six per control character. */
function bytesLeft(value: Json | undefined, limit: number, depth: number): number {
  if (depth > VALUE_DEPTH_MAX) return -1;
  if (typeof value === 'string') return limit - stringBytes(value, limit);
  if (value === null || typeof value !== 'object') return limit - 24;
  let left = limit - 2;
  if (Array.isArray(value)) {
    for (const item of value) {
      left = bytesLeft(item, left - 1, depth + 1);
      if (left < 0) return left;
    }
    return left;
  }
  for (const [key, item] of Object.entries(value)) {
    left = bytesLeft(item, left - stringBytes(key, left) - 2, depth + 1);
    if (left < 0) return left;
  }
  return left;
}

function stringBytes(text: string, limit: number): number {
  if (text.length > limit) return text.length;
  return Buffer.byteLength(JSON.stringify(text));
}
