/** A body of POST /v1/embeddings. */
import { isCount } from '../json.ts';
import type { Json, JsonObject, ReadFacts } from '../types.ts';
import { countIn, modelIn, refuse, refuseWire } from './refuse.ts';

/** OpenAI's own bound. */
const INPUTS_MAX = 2048;

const isTokens = (value: Json | undefined): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every(isCount);

function inputsIn(input: Json | undefined): readonly (string | readonly number[])[] {
  const list: readonly Json[] = Array.isArray(input) && !isTokens(input) ? input : input === undefined ? [] : [input];
  if (list.length === 0) refuse('/input', 'must be text, a list of texts, or tokens');
  if (list.length > INPUTS_MAX) refuse('/input', `must hold at most ${INPUTS_MAX} inputs`);
  return list.map((item, index) => {
    if (typeof item === 'string' && item !== '') return item;
    if (isTokens(item)) return item;
    return refuse(list.length === 1 ? '/input' : `/input/${index}`, 'must be text that is not empty, or tokens');
  });
}

export function readEmbeddings(body: JsonObject): ReadFacts {
  if (body.input === undefined && body.messages !== undefined) {
    refuseWire('chat/completions', 'It has messages and no input');
  }
  const format = body.encoding_format ?? undefined;
  if (format !== undefined && format !== 'float' && format !== 'base64') {
    refuse('/encoding_format', 'must be float or base64');
  }
  countIn(body, 'dimensions');
  if (body.stream === true) refuse('/stream', 'is not for embeddings, which are one answer');
  const embeddings = inputsIn(body.input);
  return {
    model: modelIn(body),
    stream: false,
    outputMax: undefined,
    n: 1,
    texts: embeddings.filter((input) => typeof input === 'string'),
    messages: 0,
    images: 0,
    cutTokens: embeddings.reduce((sum, input) => (typeof input === 'string' ? sum : sum + input.length), 0),
    hasUnseenInput: false,
    usesTools: false,
    usesStructuredOutput: false,
    includesUsage: false,
    embeddings,
    sameWireOnly: [],
  };
}
