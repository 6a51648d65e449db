/** Arguments of tools: text among OpenAI's wires, an object in Anthropic's. */
import { parseObject } from '../json.ts';
import type { Json, JsonObject } from '../types.ts';

/** No arguments are an empty object. Undefined where the text is no JSON object. */
export const argumentsOf = (text: string): JsonObject | undefined => (text.trim() === '' ? {} : parseObject(text));

export const argumentsAsText = (input: Json | undefined): string =>
  typeof input === 'string' ? input : JSON.stringify(input ?? {});
