/** Which pages of other origins may ask here: those that the operator named, letter by letter. */
import type { FastifyInstance, FastifyReply } from 'fastify';

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const REQUEST_HEADERS = [
  'accept authorization content-type idempotency-key last-event-id x-api-key traceparent',
  'guildhall-request guildhall-organisation anthropic-version anthropic-beta',
]
  .join(' ')
  .split(' ');
// The clients of OpenAI and Anthropic describe themselves in a dozen headers of this kind.
const CLIENT_HEADER = /^x-stainless-[a-z-]{1,40}$/;
const ANSWER_HEADERS = [
  'x-request-id, location, link, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset, ratelimit-policy',
  'x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests',
].join(', ');
// A change of the list is felt within ten minutes; browsers keep no answer for longer than two hours anyway.
const MAX_AGE_SECONDS = '600';
const ANY = '*';

function answerPreflight(reply: FastifyReply, asked: string | undefined): FastifyReply {
  const wanted = (asked ?? '').toLowerCase().split(',');
  const own = wanted.map((name) => name.trim()).filter((name) => CLIENT_HEADER.test(name));
  return reply
    .headers({
      'access-control-allow-methods': METHODS,
      'access-control-allow-headers': [...REQUEST_HEADERS, ...own].join(', '),
      'access-control-max-age': MAX_AGE_SECONDS,
    })
    .code(204)
    .send();
}

/**
 * Lets pages of these origins read answers and, since they are named, send cookies. `*` lets in all of them without cookies. No other origin
 * hears that there is such a list: it gets the answer that it would get without one, which its browser then keeps from it.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const allowed = new Set(origins);
  app.addHook('onRequest', async (request, reply) => {
    // Also where no origin was sent: what stands in a cache must not be given to one.
    reply.header('vary', 'origin');
    const { origin } = request.headers;
    if (origin === undefined || (!allowed.has(origin) && !allowed.has(ANY))) return;
    const isNamed = allowed.has(origin) && origin !== ANY;
    reply.headers({
      'access-control-allow-origin': isNamed ? origin : ANY,
      'access-control-expose-headers': ANSWER_HEADERS,
      'cross-origin-resource-policy': 'cross-origin',
      ...(isNamed ? { 'access-control-allow-credentials': 'true' } : {}),
    });
    const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
    if (isPreflight) return answerPreflight(reply, String(request.headers['access-control-request-headers'] ?? ''));
  });
}
