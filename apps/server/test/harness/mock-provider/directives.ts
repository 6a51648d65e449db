/** Reads behaviours that other processes send: in a header, in the name of the model, or in the prompt. */
import { z } from 'zod';
import { parseJson } from './json.ts';
import { type Behaviour, FAULTS, type Json, type ScriptedBehaviour, WIRES } from './types.ts';

const count = z.coerce.number().int().min(0);
const json: z.ZodType<{ readonly [key: string]: Json }> = z.record(z.string(), z.json());
const toolCalls = z.array(z.strictObject({ name: z.string().min(1), arguments: z.union([z.string(), json]) }));

const behaviour = {
  delayMs: count,
  firstTokenMs: count,
  tokensPerSecond: z.coerce.number().positive(),
  chunkBytes: z.coerce.number().int().min(1),
  chunkMs: count,
  text: z.string(),
  outputTokens: count,
  toolCalls: z.preprocess((value) => (typeof value === 'string' ? parseJson(value) : value), toolCalls),
  refusal: z.string(),
  reasoningTokens: count,
  inputTokens: count,
  cachedTokens: count,
  cacheWriteTokens: count,
  cacheWriteLongTokens: count,
  usage: z.enum(['true', 'omitted', 'doubled', 'halved', 'unasked']),
  answerModel: z.string().min(1),
  fault: z.enum(FAULTS),
  afterTokens: count,
  retryAfterSeconds: z.coerce.number().min(0),
  retryAfterDate: z.string(),
  hugeBytes: count,
};

const behaviourSchema = z.strictObject(behaviour).partial();
const scriptedSchema = z
  .strictObject({
    ...behaviour,
    times: z.union([z.coerce.number().int().min(1), z.literal('always')]),
    onWire: z.enum(WIRES),
    onModel: z.string(),
    onKey: z.string(),
  })
  .partial();

/** A directive that says something else than what there is; a typo must not pass as a healthy answer. */
export class UnknownDirective extends Error {}

function parsed<T>(schema: z.ZodType<unknown>, value: unknown): T {
  const result = schema.safeParse(value);
  if (!result.success) throw new UnknownDirective(z.prettifyError(result.error));
  // The schema names every field of T with its type; the compiler cannot see this through exact optional properties.
  return result.data as T;
}

/** `outputTokens=20&fault=cut`, or the same as a JSON object. */
export function parseDirective(text: string): Behaviour {
  if (text.startsWith('{')) return parsed(behaviourSchema, parseJson(text));
  return parsed(behaviourSchema, Object.fromEntries(new URLSearchParams(text)));
}

/** The body of `POST /__mock/behave`: one behaviour or a list. */
export function parseScript(text: string): readonly ScriptedBehaviour[] {
  const value = parseJson(text);
  return parsed(z.array(scriptedSchema), Array.isArray(value) ? value : [value]);
}

const MARK = '@mock ';

/** The last `@mock <directive>` in a body, up to the next space or end of its string. */
export function directiveInPrompt(raw: string): string | undefined {
  const at = raw.lastIndexOf(MARK);
  if (at === -1) return undefined;
  return /^[^\s"\\]*/.exec(raw.slice(at + MARK.length))?.[0];
}

/** `gpt-4o-mini?outputTokens=20` is the model `gpt-4o-mini` with a directive. */
export function splitModel(model: string): { readonly model: string; readonly directive: string | undefined } {
  const at = model.indexOf('?');
  return at === -1 ? { model, directive: undefined } : { model: model.slice(0, at), directive: model.slice(at + 1) };
}
