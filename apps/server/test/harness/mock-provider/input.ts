/** Counts the tokens of an input, whatever wire it came by. */
import { asArray, asObject, asString, isObject } from './json.ts';
import { countTokens } from './tokens.ts';
import type { Json } from './types.ts';

/** What OpenAI documents for its chat models: every message (its role is one of the four), and the answer it opens. */
const PER_MESSAGE = 4;
const PER_ANSWER = 3;
/** An image by OpenAI's tiles at the size most requests have, and in low detail. */
const PER_IMAGE = 765;
const PER_SMALL_IMAGE = 85;

const IMAGES = new Set(['image_url', 'input_image', 'image']);
/** Fields that hold something said; the others are names, ids and options. */
const SAID = ['text', 'content', 'refusal', 'thinking', 'name', 'arguments', 'output', 'function', 'tool_calls'];

function imageTokens(part: Json): number {
  const { detail, image_url: url } = asObject(part);
  return detail === 'low' || asObject(url).detail === 'low' ? PER_SMALL_IMAGE : PER_IMAGE;
}

function saidTokens(said: Json | undefined): number {
  if (typeof said === 'string') return countTokens(said);
  if (Array.isArray(said)) return said.reduce<number>((sum, part) => sum + saidTokens(part), 0);
  if (!isObject(said)) return 0;
  if (IMAGES.has(asString(said.type) ?? '')) return imageTokens(said);
  const use = said.type === 'tool_use' ? countTokens(JSON.stringify(said.input ?? {})) : 0;
  return SAID.reduce((sum, field) => sum + saidTokens(said[field]), use);
}

/** Tokens of messages with what stands before them: instructions and the declarations of tools. */
export function inputTokensOf(messages: Json | undefined, instructions: Json | undefined, tools: Json | undefined) {
  const list = typeof messages === 'string' ? [messages] : asArray(messages);
  const before = instructions === undefined ? 0 : PER_MESSAGE + saidTokens(instructions);
  const declared = asArray(tools).reduce<number>((sum, tool) => sum + countTokens(JSON.stringify(tool)), 0);
  return list.reduce<number>((sum, message) => sum + PER_MESSAGE + saidTokens(message), before + declared + PER_ANSWER);
}
