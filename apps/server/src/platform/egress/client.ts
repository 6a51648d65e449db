/** One request to the outside, with every limit on it. */
import { isIP } from 'node:net';
import { Agent } from 'undici';
import { GuildhallError } from '../errors/index.ts';
import { createAddressRules } from './address-rules.ts';
import { ACCEPT_ENCODING, decoded, readAll } from './body.ts';
import { egressErrors } from './errors.ts';
import { Exchange, type Incoming } from './exchange.ts';
import { createDial, createGuard, type Guard } from './guard.ts';
import { createProxyDial } from './proxy.ts';
import { type Hop, isRedirect, nextHop } from './redirect.ts';
import { createResolve } from './resolve.ts';
import { denied, isListed, parseTarget } from './target.ts';
import type { Egress, EgressOptions, EgressRequest, EgressResponse } from './types.ts';

const BYTES_MAX = 10 * 1024 * 1024;
const TOTAL_MS = 60_000;
const REDIRECTS_MAX = 3;
// One slow host must not be able to hold more sockets of a process than this.
const CONNECTIONS_PER_ORIGIN_MAX = 256;
// What belongs to the connection rather than to the request, and what would let a caller lie about the host.
const OWN_HEADERS =
  /^(?:host|connection|content-length|transfer-encoding|accept-encoding|expect|keep-alive|te|trailer|upgrade|proxy-.*|:.*)$/i;
// Networks of the operator's own, for an address that the operator chose. Link-local ones and metadata are not among them.
const OWN_NETWORKS = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
];

function assertSendable(request: EgressRequest): void {
  for (const name in request.headers)
    if (OWN_HEADERS.test(name)) throw denied('A header of the request is set by the client itself.', name);
}

/** A way out: what may be reached, and the connections that were opened under that judgement and serve no other. */
interface Way {
  readonly guard: Guard;
  readonly agent: Agent;
}

function createWay(guard: Guard, connections: number): Way {
  const agent = new Agent({
    connections,
    pipelining: 1,
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
  return { guard, agent };
}

/** Ends a call when its time is up or its caller gives up, whichever hop it has come to. */
class Deadline {
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  #current: Exchange | undefined;
  constructor({ signal, totalMs = TOTAL_MS }: EgressRequest) {
    this.#signal = signal;
    this.#timer = setTimeout(() => this.#current?.fail(new GuildhallError(egressErrors.timeout)), totalMs);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }
  readonly #onAbort = (): void => this.#current?.fail(this.#signal?.reason);
  /** The hop that is to be ended from now on; the last one ends the deadline when it is over. */
  open(request: EgressRequest): Exchange {
    const exchange = new Exchange(request, () => {
      if (this.#current === exchange) this.stop();
    });
    this.#current = exchange;
    if (this.#signal?.aborted) this.#onAbort();
    return exchange;
  }
  leave(): void {
    this.#current = undefined;
  }
  stop(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

interface Arrived extends Incoming {
  readonly exchange: Exchange;
  readonly url: URL;
}

function sendOnce(way: Way, { target, request }: Hop, exchange: Exchange): Promise<Incoming> {
  const headers = {
    'user-agent': 'Guildhall',
    ...request.headers,
    'accept-encoding': request.compressed === false ? 'identity' : ACCEPT_ENCODING,
  };
  return exchange.send(way.agent, target.url, request, headers);
}

interface Routing {
  wayOf(hop: Hop): Way;
  /** @throws egressErrors.denied. */
  assertListed(hop: Hop): Promise<void>;
}

async function follow({ wayOf, assertListed }: Routing, first: Hop, deadline: Deadline): Promise<Arrived> {
  const redirectsMax = Math.min(first.request.redirects ?? 0, REDIRECTS_MAX);
  let hop = first;
  for (let redirects = 0; ; redirects += 1) {
    if (hop.request.orgId !== undefined) await assertListed(hop);
    const way = wayOf(hop);
    // Before anything is opened: what is refused here has nothing to end later.
    way.guard.precheck(hop.target);
    const exchange = deadline.open(hop.request);
    const incoming = await sendOnce(way, hop, exchange);
    if (redirectsMax === 0 || !isRedirect(incoming.status)) return { ...incoming, exchange, url: hop.target.url };
    deadline.leave();
    incoming.body.destroy();
    if (redirects >= redirectsMax) throw new GuildhallError(egressErrors.tooManyRedirects);
    hop = nextHop(hop, incoming.status, incoming.headers.location);
  }
}

function responseOf(arrived: Arrived, request: EgressRequest, headersMs: number): EgressResponse {
  const { status, headers, exchange, isEncoded } = arrived;
  const body = isEncoded
    ? decoded(arrived.body, {
        encoding: (headers['content-encoding'] ?? '').trim().toLowerCase(),
        maxBytes: request.maxBytes ?? BYTES_MAX,
        translate: exchange.translate,
      })
    : arrived.body;
  const bytes = (): Promise<Buffer> => readAll(body);
  const text = async (): Promise<string> => (await bytes()).toString('utf8');
  return { status, headers, url: arrived.url.href, body, bytes, text, headersMs };
}

/**
 * The judgement is made where the connection is opened, on the answer of the one look-up that this connection then uses. So neither a name
 * that changes between check and use nor a redirect can lead elsewhere, and a kept-open connection leads where it led when it was judged.
 */
export function createEgress(options: EgressOptions): Egress {
  const { allowPrivateCidrs, connectionsPerOriginMax = CONNECTIONS_PER_ORIGIN_MAX } = options;
  const dial = options.dial ?? createDial();
  const dialPublic = options.proxyUrl ? createProxyDial(options.proxyUrl) : dial;
  const network = { dns: options.dns ?? createResolve(), dial, dialPublic };
  const anyone = createWay(
    createGuard({ ...options, ...network, verdict: createAddressRules(allowPrivateCidrs), isTrusted: false }),
    connectionsPerOriginMax,
  );
  const verdict = createAddressRules([...OWN_NETWORKS, ...allowPrivateCidrs]);
  const trusted = createWay(createGuard({ ...options, ...network, verdict, isTrusted: true }), connectionsPerOriginMax);
  const assertListed = async ({ target, request }: Hop): Promise<void> => {
    const hosts = await options.hostsFor?.(request.orgId ?? '');
    if (hosts && !isListed(hosts, target.hostname))
      throw denied('Your organisation allows other hosts alone.', target.hostname);
  };
  const wayOf = ({ target, request }: Hop): Way => (request.trustedOrigin === target.url.origin ? trusted : anyone);
  return {
    check: (url) => anyone.guard.precheck(parseTarget(url)),
    async request(url, request = {}): Promise<EgressResponse> {
      const startedMs = options.clock.monotonicMs();
      const target = parseTarget(url);
      assertSendable(request);
      const deadline = new Deadline(request);
      try {
        const arrived = await follow({ wayOf, assertListed }, { target, request }, deadline);
        return responseOf(arrived, request, options.clock.monotonicMs() - startedMs);
      } catch (error) {
        deadline.stop();
        throw error;
      }
    },
    async close() {
      await Promise.all([anyone.agent.destroy(), trusted.agent.destroy()]);
    },
  };
}
