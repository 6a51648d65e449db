/** Who sent a request, and whether it was private on its way, where proxies stand before this server. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import ipaddr from 'ipaddr.js';

/**
 * How many proxies stand before this server, or the networks that they are in. A number is right only where nobody reaches the port but
 * through all of them; networks hold in any case.
 */
export type TrustedProxies = number | readonly string[];

type Address = ReturnType<typeof ipaddr.process>;

// What a proxy may write for one address: bare, with a port, in brackets, in quotes.
const WITH_PORT = /^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/;
const IN_BRACKETS = /^\[([0-9a-f:.]{2,45})\](?::\d{1,5})?$/i;
const HOST_BITS_V6 = 64;

function parseAddress(text: string | undefined): Address | undefined {
  const bare = text?.trim().replace(/^"(.*)"$/, '$1') ?? '';
  const address = WITH_PORT.exec(bare)?.[1] ?? IN_BRACKETS.exec(bare)?.[1] ?? bare;
  const isUsual = ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address);
  // Else it would be nobody, or an address in a spelling that two readers understand in two ways.
  return isUsual && !address.includes('%') ? ipaddr.process(address) : undefined;
}

/** The entries of a header that each proxy adds to, the nearest first. */
function fromNearest(header: string | string[] | undefined): string[] {
  return header === undefined ? [] : String(header).split(',').reverse();
}

interface Walk {
  /** The outermost address that a trusted proxy vouches for. */
  readonly client: string;
  /** How many proxies were passed on the way to it. */
  readonly passed: number;
}

function walk(trusted: TrustedProxies, isProxy: (address: Address) => boolean, raw: IncomingMessage): Walk {
  const peer = parseAddress(raw.socket.remoteAddress);
  const entries = fromNearest(raw.headers['x-forwarded-for']);
  const peerName = peer?.toString() ?? '';
  if (typeof trusted === 'number') {
    // Who did not come by all of the proxies is not believed at all.
    const named = trusted === 0 ? undefined : parseAddress(entries[trusted - 1]);
    return named ? { client: named.toString(), passed: trusted } : { client: peerName, passed: 0 };
  }
  let client = peer;
  let passed = 0;
  while (client && isProxy(client)) {
    const next = parseAddress(entries[passed]);
    if (!next) break;
    client = next;
    passed += 1;
  }
  return { client: client?.toString() ?? '', passed };
}

export interface Arrivals {
  /** The address that the request counts under; what a client itself claims never matters. */
  addressOf(raw: IncomingMessage): string;
  /** Whether the outermost proxy took it by TLS; this server itself speaks none. */
  isSecure(raw: IncomingMessage): boolean;
}

/** Reads what trusted proxies say about a request. */
export function createArrivals(trusted: TrustedProxies): Arrivals {
  const networks = typeof trusted === 'number' ? [] : trusted.map((cidr) => ipaddr.parseCIDR(cidr));
  const isProxy = (address: Address): boolean =>
    networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
  return {
    addressOf: (raw) => walk(trusted, isProxy, raw).client,
    isSecure: (raw) => {
      const { passed } = walk(trusted, isProxy, raw);
      const schemes = fromNearest(raw.headers['x-forwarded-proto']);
      // Some proxies add to it and some replace it; where none was passed there is no entry.
      const scheme = schemes[Math.min(passed, schemes.length) - 1];
      return scheme?.trim().toLowerCase() === 'https';
    },
  };
}

/** Lets `request.ip` be the address that the request counts under. */
export function setAddresses(app: FastifyInstance, arrivals: Arrivals): void {
  app.addHook('onRequest', async (request) => {
    Object.defineProperty(request, 'ip', { value: arrivals.addressOf(request.raw) });
  });
}

/** What an address counts as in a limit: an IPv6 customer has a /64 at least and may take any address of it. */
export function sourceOf(address: string): string {
  const parsed = parseAddress(address);
  if (parsed?.kind() !== 'ipv6') return parsed?.toString() ?? address;
  const { parts } = parsed as ReturnType<typeof ipaddr.IPv6.parse>;
  return `${new ipaddr.IPv6([...parts.slice(0, 4), 0, 0, 0, 0]).toString()}/${HOST_BITS_V6}`;
}
