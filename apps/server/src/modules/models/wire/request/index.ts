/** What a request asks for. */
import { GuildhallError } from '../../../../platform/errors/index.ts';
import { wireErrors } from '../errors.ts';
import { isObject, objectAt } from '../json.ts';
import type { RequestFacts, Wire } from '../types.ts';

/** @throws GuildhallError naming what is wrong and where. */
export function readRequest(_wire: Wire, body: unknown): RequestFacts {
  if (!isObject(body) || typeof body.model !== 'string') throw new GuildhallError(wireErrors.invalidRequest);
  return {
    model: body.model,
    stream: body.stream === true,
    outputMax: undefined,
    n: 1,
    texts: [JSON.stringify(body.messages ?? body.input ?? '')],
    messages: 1,
    images: 0,
    fileBytes: 0,
    usesTools: false,
    usesStructuredOutput: false,
    includesUsage: objectAt(body.stream_options).include_usage === true,
    embeddings: undefined,
    sameWireOnly: [],
  };
}
