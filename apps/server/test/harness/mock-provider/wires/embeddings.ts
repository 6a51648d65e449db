/** OpenAI's `/v1/embeddings`: vectors that depend on nothing but the text. */
import { LRUCache } from 'lru-cache';
import { asArray, asNumber, asString } from '../json.ts';
import { countTokens } from '../tokens.ts';
import type { Json, JsonObject } from '../types.ts';

const DEFAULT_DIMENSIONS = 1536;
/** As OpenAI limits a batch. */
const INPUTS_MAX = 2048;

// A cache of a pure function; measurements ask for the same texts again.
const vectors = new LRUCache<string, Float32Array>({ max: 2_000 });

/** FNV-1a. */
function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0 || 1;
}

/** The unit vector of a text: the same in every process and release. */
export function vectorOf(text: string, dimensions = DEFAULT_DIMENSIONS): Float32Array {
  const key = `${dimensions} ${text}`;
  const known = vectors.get(key);
  if (known) return known;
  let state = seedOf(text);
  const vector = new Float32Array(dimensions);
  let square = 0;
  for (let at = 0; at < dimensions; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const value = (state >>> 0) / 0x80000000 - 1;
    vector[at] = value;
    square += value * value;
  }
  const length = Math.sqrt(square);
  const unit = vector.map((value) => value / length);
  vectors.set(key, unit);
  return unit;
}

interface Input {
  readonly text: string;
  readonly tokens: number;
}

/** A text or a list of token ids, as one input each. */
function inputOf(json: Json): Input {
  if (Array.isArray(json)) return { text: `tokens ${json.join(' ')}`, tokens: json.length };
  const text = asString(json) ?? '';
  return { text, tokens: countTokens(text) };
}

function inputsOf(input: Json | undefined): readonly Input[] {
  if (typeof input === 'string') return [inputOf(input)];
  const list = asArray(input);
  return typeof list[0] === 'number' ? [inputOf(list)] : list.map(inputOf);
}

export interface EmbeddingsAsk {
  readonly inputs: readonly Input[];
  readonly dimensions: number;
  readonly isBase64: boolean;
}

/** Why the request is refused, or what it asks for. */
export function readEmbeddings(body: JsonObject): EmbeddingsAsk | { readonly refused: string; readonly param: string } {
  const inputs = inputsOf(body.input);
  if (inputs.length === 0 || inputs.some((input) => input.text === ''))
    return { refused: "'$.input' is invalid. Please check the API reference.", param: 'input' };
  if (inputs.length > INPUTS_MAX)
    return { refused: `'$.input' is invalid: at most ${INPUTS_MAX} inputs are allowed.`, param: 'input' };
  return {
    inputs,
    dimensions: asNumber(body.dimensions) ?? DEFAULT_DIMENSIONS,
    isBase64: body.encoding_format === 'base64',
  };
}

/** The whole answer; usage is left out where it is kept back, and multiplied where it is lied about. */
export function embeddingsJson(ask: EmbeddingsAsk, model: string, usageFactor: number | undefined): string {
  const tokens = ask.inputs.reduce((sum, input) => sum + input.tokens, 0);
  const reported = Math.floor(tokens * (usageFactor ?? 0));
  const answer = {
    object: 'list',
    data: ask.inputs.map((input, index) => {
      const vector = vectorOf(input.text, ask.dimensions);
      const bytes = (): string => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
      return { object: 'embedding', index, embedding: ask.isBase64 ? bytes() : [...vector] };
    }),
    model,
    ...(usageFactor === undefined ? {} : { usage: { prompt_tokens: reported, total_tokens: reported } }),
  };
  return `${JSON.stringify(answer, undefined, 2)}\n`;
}
