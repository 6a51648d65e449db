/** Finds what shall happen to a request, and answers it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Call, readCall, refusalFor } from './call.ts';
import { type Delivery, deliverBody } from './deliver-body.ts';
import { deliverStream } from './deliver-stream.ts';
import { directiveInPrompt, parseDirective, UnknownDirective } from './directives.ts';
import { type Line, openLine } from './line.ts';
import { planAnswer } from './plan.ts';
import type { Entry, Recorder } from './record.ts';
import type { Script } from './script.ts';
import { type Behaviour, STATUS_FAULTS, type StatusFault } from './types.ts';
import { chat } from './wires/chat.ts';
import { embeddingsJson, readEmbeddings } from './wires/embeddings.ts';
import { BAD_GATEWAY_PAGE, badRequest, type House, type Refusal, refusalJson, refusalOf } from './wires/errors.ts';
import { messages } from './wires/messages.ts';
import { anthropicModels, openaiModels } from './wires/models.ts';
import { responses } from './wires/responses.ts';

export interface ServerParts {
  readonly script: Script;
  readonly recorder: Recorder;
  readonly keys: readonly string[] | undefined;
  readonly models: readonly string[];
}

const FORMS = { chat, responses, messages };

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

const USAGE_FACTOR = { true: 1, unasked: 1, omitted: undefined, doubled: 2, halved: 0.5 } as const;

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
function behaviourOf(call: Call, raw: string, script: Script): Behaviour {
  const scripted = script.take(call);
  const header = call.request.headers['x-mock-behave'];
  const own = [call.directive, directiveInPrompt(raw), typeof header === 'string' ? header : undefined];
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

/** Answers one request, given its whole body. */
export function createAnswerer({ script, recorder, keys, models }: ServerParts) {
  let count = 0;
  return async (request: IncomingMessage, response: ServerResponse, entry: Entry): Promise<void> => {
    count += 1;
    const id = `mock${String(count).padStart(20, '0')}`;
    const requestId = `req_${id}`;
    const line = openLine(response, entry, recorder);
    const call = readCall(request, line, entry.raw, requestId);
    if (!call) return unknownPath(line, requestId, entry.method, entry.path);
    const refusal = refusalFor(call, keys);
    if (refusal) return refuse(call, refusal);
    try {
      const behaviour = behaviourOf(call, entry.raw, script);
      const { house } = call;
      const delivery = { line, house, behaviour, requestId, headers: headersOf(house, requestId) };
      await act({ call, behaviour, id, delivery }, models);
    } catch (error) {
      if (!(error instanceof UnknownDirective)) throw error;
      refuse(call, badRequest(`mock provider: ${error.message}`));
    }
  };
}
