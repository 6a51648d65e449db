/** One vector, as 32-bit numbers in the order of bytes that providers use in base64. */
import type { Json } from '../types.ts';

/** Little-endian 32-bit floating-point numbers. */
export type Vector = Buffer;

const BYTES = 4;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

function fromNumbers(numbers: readonly Json[]): Vector | undefined {
  const vector = Buffer.allocUnsafe(numbers.length * BYTES);
  for (const [index, value] of numbers.entries()) {
    if (typeof value !== 'number') return undefined;
    vector.writeFloatLE(value, index * BYTES);
  }
  return vector;
}

/** The vector of an item of an answer, in either encoding; undefined where it is none. */
export function readVector(given: Json | undefined): Vector | undefined {
  if (Array.isArray(given) && given.length > 0) return fromNumbers(given);
  if (typeof given !== 'string' || !BASE64.test(given)) return undefined;
  const vector = Buffer.from(given, 'base64');
  return vector.length > 0 && vector.length % BYTES === 0 ? vector : undefined;
}

/** As the client wants it. Numbers are those that the 32 bits stand for. */
export function writeVector(vector: Vector, isBase64: boolean): Json {
  if (isBase64) return vector.toString('base64');
  return Array.from({ length: vector.length / BYTES }, (_, index) => vector.readFloatLE(index * BYTES));
}
