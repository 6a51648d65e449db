/** One request to the outside, with every limit on it. */
import { isIP } from 'node:net';
import { Agent, errors, request as send } from 'undici';
import { GuildhallError } from '../errors/index.ts';
import { createAddressRules } from './address-rules.ts';
import { ACCEPT_ENCODING, boundedBody, readAll } from './body.ts';
import { egressErrors } from './errors.ts';
import { createDial, createGuard, type Guard } from './guard.ts';
import { type Hop, isRedirect, nextHop } from './redirect.ts';
import { createResolve } from './resolve.ts';
import { denied, parseTarget } from './target.ts';
import type { Egress, EgressOptions, EgressRequest, EgressResponse } from './types.ts';

const BYTES_MAX = 10 * 1024 * 1024;
const FIRST_BYTE_MS = 30_000;
const IDLE_MS = 30_000;
const TOTAL_MS = 60_000;
const REDIRECTS_MAX = 3;
// One slow host must not be able to hold more sockets of a process than this.
const CONNECTIONS_PER_ORIGIN_MAX = 256;
// What belongs to the connection rather than to the request, and what would let a caller lie about the host.
const OWN_HEADERS =
  /^(?:host|connection|content-length|transfer-encoding|accept-encoding|expect|keep-alive|te|trailer|upgrade|proxy-.*|:.*)$/i;

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

function errorFor(error: unknown): unknown {
  if (error instanceof GuildhallError) return error;
  const code = codeOf(error);
  if (/TIMEOUT|ETIMEDOUT/.test(code)) return new GuildhallError(egressErrors.timeout, { cause: error });
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return new GuildhallError(egressErrors.tooLarge, { cause: error });
  if (code === 'UND_ERR_INVALID_ARG') return denied('A header of the request cannot be sent.');
  if (
    error instanceof errors.HTTPParserError ||
    /^(?:Z_|HPE_|ERR__ERROR_FORMAT|ERR_BROTLI|ERR_ZLIB|UND_ERR_RES)/.test(code)
  )
    return new GuildhallError(egressErrors.badResponse, { cause: error });
  return new GuildhallError(egressErrors.unreachable, { cause: error });
}

function assertSendable(request: EgressRequest): void {
  const own = Object.keys(request.headers ?? {}).find((name) => OWN_HEADERS.test(name));
  if (own !== undefined) throw denied('A header of the request is set by the client itself.', own);
}

/** Ends the request when its time is up or its caller gives up, and tells which of the two it was. */
function createDeadline(request: EgressRequest) {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(request.signal?.reason);
  const timer = setTimeout(
    () => controller.abort(new GuildhallError(egressErrors.timeout)),
    request.totalMs ?? TOTAL_MS,
  );
  if (request.signal?.aborted) onAbort();
  request.signal?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    translate: (error: unknown): unknown => (controller.signal.aborted ? controller.signal.reason : errorFor(error)),
    stop(): void {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', onAbort);
    },
  };
}

type Deadline = ReturnType<typeof createDeadline>;
type Sent = Awaited<ReturnType<typeof send>>;

const flatHeaders = (headers: Sent['headers']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );

async function sendOnce(agent: Agent, guard: Guard, hop: Hop, deadline: Deadline): Promise<Sent> {
  guard.precheck(hop.target);
  const { request, target } = hop;
  const sent = send(target.url, {
    dispatcher: agent,
    method: request.method ?? 'GET',
    headers: { 'user-agent': 'Guildhall', ...request.headers, 'accept-encoding': ACCEPT_ENCODING },
    body: request.body ?? null,
    headersTimeout: request.firstByteMs ?? FIRST_BYTE_MS,
    bodyTimeout: request.idleMs ?? IDLE_MS,
    signal: deadline.signal,
  });
  return abandonable(sent, deadline.signal);
}

/** The HTTP client hears of an abort only once it is connected; its caller is not kept waiting for that. */
async function abandonable(sent: Promise<Sent>, signal: AbortSignal): Promise<Sent> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => {
    reject(signal.reason);
    sent.then(
      ({ body }) => body.on('error', () => {}).destroy(),
      () => {},
    );
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([sent, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function follow(agent: Agent, guard: Guard, first: Hop, deadline: Deadline): Promise<{ hop: Hop; sent: Sent }> {
  const redirectsMax = Math.min(first.request.redirects ?? 0, REDIRECTS_MAX);
  let hop = first;
  for (let redirects = 0; ; redirects += 1) {
    const sent = await sendOnce(agent, guard, hop, deadline);
    if (redirectsMax === 0 || !isRedirect(sent.statusCode)) return { hop, sent };
    sent.body.on('error', () => {}).destroy();
    if (redirects >= redirectsMax) throw new GuildhallError(egressErrors.tooManyRedirects);
    hop = nextHop(hop, sent.statusCode, flatHeaders(sent.headers).location);
  }
}

/**
 * The judgement is made where the connection is opened, on the answer of the one look-up that this connection then uses. So neither a name
 * that changes between check and use nor a redirect can lead elsewhere, and a kept-open connection leads where it led when it was judged.
 */
export function createEgress(options: EgressOptions): Egress {
  const verdict = createAddressRules(options.allowPrivateCidrs);
  const guard = createGuard({
    ...options,
    verdict,
    dns: options.dns ?? createResolve(),
    dial: options.dial ?? createDial(),
  });
  const agent = new Agent({
    connections: CONNECTIONS_PER_ORIGIN_MAX,
    allowH2: false,
    connect: ({ protocol, hostname, port }, done) => {
      const secure = protocol === 'https:';
      // Comes from a URL that was parsed as a target before; a bare IPv6 address has lost its brackets here.
      const name = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
      guard
        .connect({
          hostname: name,
          port: port === '' ? (secure ? 443 : 80) : Number(port),
          secure,
          isAddress: isIP(name) !== 0,
        })
        .then(
          (socket) => done(null, socket),
          (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), null),
        );
    },
  });
  return {
    check: (url) => guard.precheck(parseTarget(url)),
    async request(url, request = {}): Promise<EgressResponse> {
      const startedMs = options.clock.monotonicMs();
      const target = parseTarget(url);
      assertSendable(request);
      const deadline = createDeadline(request);
      try {
        const { hop, sent } = await follow(agent, guard, { target, request }, deadline);
        const headers = flatHeaders(sent.headers);
        const isEmpty = request.method === 'HEAD' || sent.statusCode === 204 || sent.statusCode === 304;
        const body = boundedBody(sent.body, {
          encoding: isEmpty ? '' : (headers['content-encoding'] ?? '').trim().toLowerCase(),
          length: isEmpty ? undefined : headers['content-length'],
          maxBytes: request.maxBytes ?? BYTES_MAX,
          translate: deadline.translate,
          onClose: deadline.stop,
        });
        const bytes = (): Promise<Buffer> => readAll(body);
        const headersMs = options.clock.monotonicMs() - startedMs;
        return {
          status: sent.statusCode,
          headers,
          url: hop.target.url.href,
          body,
          bytes,
          text: async () => (await bytes()).toString('utf8'),
          headersMs,
        };
      } catch (error) {
        deadline.stop();
        throw deadline.translate(error);
      }
    },
    close: () => agent.destroy(),
  };
}
