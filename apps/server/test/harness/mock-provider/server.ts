/** Reads a request, finds what shall happen to it, and answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Delivery, deliverBody } from './deliver-body.ts';
import { deliverStream } from './deliver-stream.ts';
import { directiveInPrompt, parseDirective, splitModel, UnknownDirective } from './directives.ts';
import { asObject, asString, isObject, parseJson } from './json.ts';
import { type Line, openLine } from './line.ts';
import { planAnswer } from './plan.ts';
import type { Entry, Recorder } from './record.ts';
import type { Script } from './script.ts';
import { type Behaviour, type JsonObject, STATUS_FAULTS, type StatusFault, type Wire } from './types.ts';
import { chat } from './wires/chat.ts';
import { embeddingsJson, readEmbeddings } from './wires/embeddings.ts';
import { BAD_GATEWAY_PAGE, type House, type Refusal, refusalJson, refusalOf } from './wires/errors.ts';
import { messages } from './wires/messages.ts';
import { anthropicModels, openaiModels } from './wires/models.ts';
import { responses } from './wires/responses.ts';

export interface ServerParts {
  readonly script: Script;
  readonly recorder: Recorder;
  readonly keys: readonly string[] | undefined;
  readonly models: readonly string[];
}

interface Call {
  readonly request: IncomingMessage;
  readonly line: Line;
  readonly wire: Wire;
  readonly house: House;
  readonly key: string;
  readonly body: JsonObject;
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
const FORMS = { chat, responses, messages };

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

function headersOf(house: House, requestId: string): readonly string[] {
  return house === 'openai'
    ? ['x-mock-provider', '1', 'x-request-id', requestId, 'openai-version', '2020-10-01', 'openai-processing-ms', '1']
    : ['x-mock-provider', '1', 'request-id', requestId];
}

function refuse(
  { line, house, requestId }: Pick<Call, 'line' | 'house' | 'requestId'>,
  refusal: Refusal,
  more: readonly string[] = [],
) {
  const text = refusalJson(house, refusal, requestId);
  const length = String(Buffer.byteLength(text));
  const headers = ['content-type', 'application/json', 'content-length', length, ...headersOf(house, requestId)];
  line.head(refusal.status, [...headers, ...more]);
  line.end(text, 0);
}

function badRequest(message: string, param: string | null = null): Refusal {
  return { status: 400, type: 'invalid_request_error', code: null, param, message };
}

function isStatusFault(fault: string | undefined): fault is StatusFault {
  // A list of one union is searched for a member of a wider one.
  return (STATUS_FAULTS as readonly (string | undefined)[]).includes(fault);
}

function failWithStatus(call: Call, fault: StatusFault, behaviour: Behaviour): void {
  const after =
    behaviour.retryAfterDate ??
    (behaviour.retryAfterSeconds === undefined ? undefined : String(behaviour.retryAfterSeconds));
  const more = after === undefined ? [] : ['retry-after', after];
  if (fault !== 'bad-gateway') {
    refuse(call, refusalOf(call.house, fault), more);
    return;
  }
  call.line.head(502, ['content-type', 'text/html', 'x-mock-provider', '1', ...more]);
  call.line.end(BAD_GATEWAY_PAGE, 0);
}

const USAGE_FACTOR = { true: 1, omitted: undefined, doubled: 2, halved: 0.5 } as const;

interface Answering {
  readonly call: Call;
  readonly behaviour: Behaviour;
  readonly delivery: Delivery;
  /** Unique in the process. */
  readonly id: string;
}

async function answerModels({ call, delivery }: Answering, models: readonly string[]): Promise<void> {
  const { house, modelId, query } = call;
  const text = house === 'openai' ? openaiModels(models, modelId) : anthropicModels(models, modelId, query);
  if (text === undefined) return refuse(call, refusalOf(house, 'not-found'));
  await deliverBody(delivery, text, 0);
}

async function answerEmbeddings({ call, delivery, behaviour }: Answering): Promise<void> {
  const ask = readEmbeddings(call.body);
  if ('refused' in ask) return refuse(call, badRequest(ask.refused, ask.param));
  const model = behaviour.answerModel ?? call.model;
  await deliverBody(delivery, embeddingsJson(ask, model, USAGE_FACTOR[behaviour.usage ?? 'true']), 0);
}

async function answerPrompt({ call, delivery, behaviour, id }: Answering, wire: keyof typeof FORMS): Promise<void> {
  const form = FORMS[wire];
  const ask = form.read(call.body, call.model);
  if ('refused' in ask) return refuse(call, badRequest(ask.refused, ask.param));
  const plan = planAnswer(ask, behaviour, id, Math.floor(Date.now() / 1000));
  if (ask.isStream) await deliverStream({ ...delivery, form, ask, plan });
  else await deliverBody(delivery, form.json(plan, ask), plan.shownTokens * plan.choices);
}

/** One byte a second, unless told otherwise. */
function completed(behaviour: Behaviour): Behaviour {
  return behaviour.fault === 'drip' ? { chunkBytes: 1, chunkMs: 1000, ...behaviour } : behaviour;
}

/** What the script says, with what the request itself says laid over it. */
function behaviourOf(call: Call, raw: string, directive: string | undefined, script: Script): Behaviour {
  const scripted = script.take(call);
  const header = call.request.headers['x-mock-behave'];
  const own = [directive, directiveInPrompt(raw), typeof header === 'string' ? header : undefined];
  const spoken = own.filter((one) => one !== undefined).map(parseDirective);
  return completed(spoken.length === 0 ? scripted : Object.assign({}, scripted, ...spoken));
}

async function act(answering: Answering, models: readonly string[]): Promise<void> {
  const { call, behaviour } = answering;
  const { line, wire } = call;
  if (behaviour.delayMs !== undefined) await line.sleep(behaviour.delayMs);
  if (!line.isOpen) return;
  if (behaviour.fault === 'hang') return line.gone();
  if (behaviour.fault === 'reset') return line.reset();
  if (isStatusFault(behaviour.fault)) return failWithStatus(call, behaviour.fault, behaviour);
  if (wire === 'models') return answerModels(answering, models);
  if (wire === 'embeddings') return answerEmbeddings(answering);
  return answerPrompt(answering, wire);
}

function unknownPath(line: Line, requestId: string, method: string, path: string): void {
  const refusal = badRequest(`Invalid URL (${method} ${path})`);
  refuse({ line, house: 'openai', requestId }, { ...refusal, status: 404 });
}

/** Why a call is refused before any behaviour is looked at. */
function faultOf(call: Call, raw: string, keys: readonly string[] | undefined): Refusal | undefined {
  const { request, wire, house, key } = call;
  if (request.method !== (wire === 'models' ? 'GET' : 'POST'))
    return { ...badRequest(`Not allowed to ${request.method} on ${request.url}`), status: 405 };
  if (key === '' || (keys && !keys.includes(key))) return refusalOf(house, 'unauthorised');
  if (house === 'anthropic' && request.headers['anthropic-version'] === undefined)
    return badRequest('anthropic-version: header is required');
  if (wire === 'models') return undefined;
  if (!isObject(parseJson(raw))) return badRequest('We could not parse the JSON body of your request.');
  return call.model === '' ? badRequest('you must provide a model parameter', 'model') : undefined;
}

/** Answers one request, given its whole body. */
export function createAnswerer({ script, recorder, keys, models }: ServerParts) {
  let count = 0;
  const call = (request: IncomingMessage, line: Line, raw: string, id: string) => {
    const url = new URL(request.url ?? '/', 'http://mock');
    const found = wireOf(url.pathname);
    if (!found) return undefined;
    const body = asObject(parseJson(raw));
    const { model, directive } = splitModel(asString(body.model) ?? '');
    const { headers } = request;
    const speaksAnthropic = headers['anthropic-version'] !== undefined || headers['x-api-key'] !== undefined;
    const isAnthropic = found.wire === 'messages' || (found.wire === 'models' && speaksAnthropic);
    const house: House = isAnthropic ? 'anthropic' : 'openai';
    const made: Call = {
      ...found,
      request,
      line,
      house,
      key: keyOf(request),
      body,
      model,
      requestId: `req_${id}`,
      query: url.searchParams,
    };
    return { made, directive };
  };
  return async (request: IncomingMessage, response: ServerResponse, entry: Entry): Promise<void> => {
    count += 1;
    const id = `mock${String(count).padStart(20, '0')}`;
    const line = openLine(response, entry, recorder);
    const found = call(request, line, entry.raw, id);
    if (!found) return unknownPath(line, `req_${id}`, entry.method, entry.path);
    const { made, directive } = found;
    const refusal = faultOf(made, entry.raw, keys);
    if (refusal) return refuse(made, refusal);
    try {
      const behaviour = behaviourOf(made, entry.raw, directive, script);
      const headers = headersOf(made.house, made.requestId);
      const { house, requestId } = made;
      await act({ call: made, behaviour, id, delivery: { line, house, behaviour, requestId, headers } }, models);
    } catch (error) {
      if (!(error instanceof UnknownDirective)) throw error;
      refuse(made, badRequest(`mock provider: ${error.message}`));
    }
  };
}
