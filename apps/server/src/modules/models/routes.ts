/** The routes of the gateway: three languages of completions, embeddings, and the list of models. */
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { GuildhallError } from '../../platform/errors/index.ts';
import { type Call, type RouteDefinition, route } from '../../platform/http/index.ts';
import type { CallAnswer, CallFacts, Gateway, StreamedAnswer } from './call/index.ts';
import { REQUEST_KEY_HEADERS, type RequestKey } from './channels/index.ts';
import { callErrors } from './errors.ts';
import { CallLimitError, type CallLimits } from './limits/index.ts';
import { type ListDeps, listModels, modelList, modelShown } from './list.ts';
import type { Wire } from './types.ts';
import { UpstreamError } from './upstream/index.ts';
import { errorBody } from './wire/index.ts';

/** What a call by API is booked under where runs have the id of their agent. */
const AGENT_ID = 'gateway';
// Images and documents travel inside the body.
const BODY_MAX_BYTES = 16 * 1024 * 1024;

interface WireRoute {
  readonly path: string;
  readonly wire: Wire;
  readonly summary: string;
}

const WIRES: readonly WireRoute[] = [
  { path: '/v1/chat/completions', wire: 'chat', summary: 'Complete a chat, in the language of OpenAI' },
  { path: '/v1/responses', wire: 'responses', summary: "Make a response, in OpenAI's newer language" },
  { path: '/v1/messages', wire: 'messages', summary: 'Make a message, in the language of Anthropic' },
  { path: '/v1/embeddings', wire: 'embeddings', summary: 'Turn texts into vectors' },
];

const single = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

function requestKeyOf(headers: IncomingHttpHeaders): RequestKey | undefined {
  const key = single(headers[REQUEST_KEY_HEADERS.key]);
  return key === undefined ? undefined : { key, baseUrl: single(headers[REQUEST_KEY_HEADERS.baseUrl]) };
}

interface CallDeps {
  readonly gateway: Gateway;
  readonly limits: Pick<CallLimits, 'tokenHeaders'>;
}

const toldOf = (answer: CallFacts): Record<string, string> => ({
  'x-guildhall-call': answer.callId,
  'x-guildhall-model': answer.model,
  'x-guildhall-attempts': String(answer.attempts.length),
  'x-guildhall-cache': answer.cache,
  'x-guildhall-hold-nanos': answer.holdNanos.toString(),
});

type AnyCall = Call<unknown, unknown, unknown>;

/** Resolves when the socket took what it was given, so that a slow reader slows the provider and not our memory. */
function drained(call: AnyCall): Promise<void> {
  return new Promise((resolve) => {
    const { raw } = call.reply;
    const done = (): void => {
      raw.off('drain', done);
      call.signal.removeEventListener('abort', done);
      resolve();
    };
    raw.once('drain', done);
    call.signal.addEventListener('abort', done, { once: true });
  });
}

async function sendStream(call: AnyCall, answer: StreamedAnswer): Promise<void> {
  const { reply } = call;
  const own = Object.entries(reply.getHeaders()).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  reply.hijack();
  reply.raw.writeHead(200, {
    ...Object.fromEntries(own),
    ...toldOf(answer),
    'content-type': 'text/event-stream; charset=utf-8',
    'x-accel-buffering': 'no',
  });
  for await (const bytes of answer.events) {
    if (!call.signal.aborted && !reply.raw.write(bytes)) await drained(call);
  }
  reply.raw.end();
}

async function send(call: AnyCall, answer: CallAnswer): Promise<void> {
  if (answer.kind === 'stream') return sendStream(call, answer);
  call.reply
    .code(200)
    .headers({ ...toldOf(answer), 'x-guildhall-cost-nanos': answer.costNanos.toString() })
    .type('application/json')
    .send(answer.body);
}

/**
 * Under an Idempotency-Key a call is made at most once. Answers are not kept, so a repeat is refused instead of answered, and costs nothing.
 * @throws `models.call-repeated`, and what is said of a key that came with another body
 */
async function assertFirst(call: AnyCall): Promise<void> {
  if (call.raw.headers['idempotency-key'] === undefined) return;
  let isFirst = false;
  const { body } = await call.mutate(async () => {
    isFirst = true;
    return { status: 200, body: { requestId: call.requestId } };
  });
  if (isFirst) return;
  // The official clients would try again on a conflict.
  call.reply.header('x-should-retry', 'false');
  throw new GuildhallError(callErrors.repeated, { detail: `It was made by request ${body.requestId}.` });
}

function wireRoute({ gateway, limits }: CallDeps, { path, wire, summary }: WireRoute): RouteDefinition {
  return route({
    method: 'POST',
    path,
    summary,
    tag: 'Models',
    scope: 'models:use',
    bodyMaxBytes: BODY_MAX_BYTES,
    body: z.looseObject({}),
    responses: { 200: z.looseObject({}) },
    problemBody: (problem) => errorBody(wire, problem),
    async handler(call) {
      const { principal, raw, requestId, signal, body, reply } = call;
      const { orgId, mode, keyId, memberId } = principal;
      const payer = { orgId, mode, keyId, memberId, agentId: AGENT_ID };
      try {
        await assertFirst(call as AnyCall);
        const requestKey = requestKeyOf(raw.headers);
        const answer = await gateway.call({ payer, requestId, wire, body, headers: raw.headers, requestKey, signal });
        reply.headers(await limits.tokenHeaders(payer));
        await send(call as AnyCall, answer);
      } catch (error) {
        if (error instanceof CallLimitError) reply.headers(error.headers);
        // Official clients would ask again within seconds for what is a matter of hours.
        if (error instanceof GuildhallError && error.spec === callErrors.tokensPerDay)
          reply.header('x-should-retry', 'false');
        if (error instanceof UpstreamError) reply.header('x-should-retry', String(error.isWorthRepeating));
        throw error;
      }
      return undefined;
    },
  });
}

export function modelRoutes(deps: ListDeps & CallDeps): RouteDefinition[] {
  return [
    ...WIRES.map((one) => wireRoute(deps, one)),
    route({
      method: 'GET',
      path: '/v1/models',
      summary: 'List the models on offer with their prices',
      tag: 'Models',
      scope: 'models:use',
      query: z.looseObject({}),
      responses: { 200: modelList },
      async handler({ principal }) {
        const data = await listModels(deps, principal.orgId);
        const first = data.at(0)?.id ?? null;
        const last = data.at(-1)?.id ?? null;
        return {
          status: 200,
          body: { object: 'list', data, nextCursor: null, has_more: false, first_id: first, last_id: last },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/models/{model}',
      summary: 'Read one model with its price',
      tag: 'Models',
      scope: 'models:use',
      params: z.strictObject({ model: z.string().max(200) }),
      responses: { 200: modelShown },
      async handler({ principal, params }) {
        const all = await listModels(deps, principal.orgId);
        const found = all.find(({ id, name }) => id === params.model || name === params.model);
        if (!found) throw new GuildhallError(callErrors.unknownModel);
        return { status: 200, body: found };
      },
    }),
  ];
}
