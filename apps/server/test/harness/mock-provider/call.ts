/** Understands which house is asked what, by whom. */
import type { IncomingMessage } from 'node:http';
import { splitModel } from './directives.ts';
import { asObject, asString, isObject, parseJson } from './json.ts';
import type { Line } from './line.ts';
import type { JsonObject, Wire } from './types.ts';
import { badRequest, type House, type Refusal, refusalOf } from './wires/errors.ts';

/** A request as the mock understands it. */
export interface Call {
  readonly request: IncomingMessage;
  readonly line: Line;
  readonly wire: Wire;
  readonly house: House;
  readonly key: string;
  /** Undefined where the body is no JSON object. */
  readonly sent: JsonObject | undefined;
  readonly body: JsonObject;
  /** What stands behind the name of the model. */
  readonly directive: string | undefined;
  readonly model: string;
  readonly requestId: string;
  /** What follows `/models/`. */
  readonly modelId: string | undefined;
  readonly query: URLSearchParams;
}

const ENDS: readonly (readonly [end: string, wire: Wire])[] = [
  ['/chat/completions', 'chat'],
  ['/responses', 'responses'],
  ['/messages', 'messages'],
  ['/embeddings', 'embeddings'],
  ['/models', 'models'],
];

function wireOf(path: string): { readonly wire: Wire; readonly modelId: string | undefined } | undefined {
  const found = ENDS.find(([end]) => path.endsWith(end));
  if (found) return { wire: found[1], modelId: undefined };
  const at = path.lastIndexOf('/models/');
  return at === -1 ? undefined : { wire: 'models', modelId: decodeURIComponent(path.slice(at + '/models/'.length)) };
}

function keyOf({ headers }: IncomingMessage): string {
  const own = headers['x-api-key'];
  return typeof own === 'string' ? own : (headers.authorization ?? '').replace(/^Bearer /i, '');
}

/** Undefined where no house has such an address. */
export function readCall(request: IncomingMessage, line: Line, raw: string, requestId: string): Call | undefined {
  const url = new URL(request.url ?? '/', 'http://mock');
  const found = wireOf(url.pathname);
  if (!found) return undefined;
  const json = parseJson(raw);
  const body = asObject(json);
  const { headers } = request;
  const speaksAnthropic = headers['anthropic-version'] !== undefined || headers['x-api-key'] !== undefined;
  return {
    ...found,
    ...splitModel(asString(body.model) ?? ''),
    request,
    line,
    house: found.wire === 'messages' || (found.wire === 'models' && speaksAnthropic) ? 'anthropic' : 'openai',
    key: keyOf(request),
    sent: isObject(json) ? json : undefined,
    body,
    requestId,
    query: url.searchParams,
  };
}

/** Why a call is refused before any behaviour is looked at. */
export function refusalFor(call: Call, keys: readonly string[] | undefined): Refusal | undefined {
  const { request, wire, house, key } = call;
  if (request.method !== (wire === 'models' ? 'GET' : 'POST'))
    return { ...badRequest(`Not allowed to ${request.method} on ${request.url}`), status: 405 };
  if (key === '' || (keys && !keys.includes(key))) return refusalOf(house, 'unauthorised');
  if (house === 'anthropic' && request.headers['anthropic-version'] === undefined)
    return badRequest('anthropic-version: header is required');
  if (wire === 'models') return undefined;
  if (!call.sent) return badRequest('We could not parse the JSON body of your request.');
  return call.model === '' ? badRequest('you must provide a model parameter', 'model') : undefined;
}
