/** Decides where a connection may go, and opens it to exactly the address that was judged. */
import { isIPv4, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import { GuildhallError } from '../errors/index.ts';
import type { Verdict } from './address-rules.ts';
import { egressErrors } from './errors.ts';
import { denied, type Endpoint, isLocalName } from './target.ts';
import type { Dial, EgressOptions, Resolve } from './types.ts';

const CONNECT_TIMEOUT_MS = 5_000;
// Look-up and all tries together; a caller's own limit usually comes first.
const CONNECT_TOTAL_MS = 15_000;
// A host with many addresses is not tried for longer than a caller would wait.
const ADDRESSES_TRIED_MAX = 3;
const DEFAULT_PORTS = [80, 443];

/** Plain TCP or TLS with the certificate checked; HTTP/1.1 only. */
export function createDial(): Dial {
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false, maxCachedSessions: 100 });
  return ({ address, port, secure, servername }) =>
    new Promise<Socket>((resolve, reject) => {
      const protocol = secure ? 'https:' : 'http:';
      connect(
        { hostname: address, port: String(port), protocol, ...(servername ? { servername } : {}) },
        (error, socket) => (error ? reject(error) : resolve(socket)),
      );
    });
}

export interface Guard {
  /** What can be refused without asking a name server. @throws egressErrors.denied */
  precheck(target: Endpoint): void;
  /** Resolves once, judges every address, then connects to one of those very addresses. */
  connect(target: Endpoint): Promise<Socket>;
}

interface Rules {
  readonly verdict: (address: string) => Verdict;
  readonly hasOpened: boolean;
  /** The operator chose the address: any port, and names that only a local resolver knows. */
  readonly isTrusted: boolean;
  readonly ports: ReadonlySet<number>;
}

/** @throws egressErrors.denied unless every address may be called on that port under that name. */
function assertAllowed(rules: Rules, target: Endpoint, addresses: readonly string[]): void {
  const verdicts = addresses.map(rules.verdict);
  const bad = verdicts.indexOf('denied');
  if (bad >= 0) throw denied('The host is not public.', `${target.hostname} leads to ${addresses[bad]}`);
  if (rules.isTrusted || verdicts.every((verdict) => verdict === 'opened')) return;
  if (isLocalName(target.hostname)) throw denied('The host is not public.', `${target.hostname} is a local name`);
  if (!rules.ports.has(target.port)) throw denied(`Port ${target.port} is not allowed.`);
}

async function addressesOf(target: Endpoint, resolve: Resolve): Promise<readonly string[]> {
  if (target.isAddress) return [target.hostname];
  const found = await resolve(target.hostname).catch((cause: unknown) => {
    throw new GuildhallError(egressErrors.unreachable, { detail: 'The name of the host is not known.', cause });
  });
  if (found.length === 0)
    throw new GuildhallError(egressErrors.unreachable, { detail: 'The name of the host is not known.' });
  // IPv4 first: machines without IPv6 are still common, and a route that is missing costs a try.
  return found.toSorted((a, b) => Number(isIPv4(b)) - Number(isIPv4(a)));
}

async function connectOnce(
  rules: Rules,
  { dns, dial, dialPublic }: { readonly dns: Resolve; readonly dial: Dial; readonly dialPublic: Dial },
  target: Endpoint,
): Promise<Socket> {
  const addresses = await addressesOf(target, dns);
  assertAllowed(rules, target, addresses);
  const servername = target.secure && !target.isAddress ? target.hostname : undefined;
  let failure: unknown;
  for (const address of addresses.slice(0, ADDRESSES_TRIED_MAX)) {
    try {
      const reach = rules.verdict(address) === 'public' ? dialPublic : dial;
      return await reach({ address, port: target.port, secure: target.secure, servername });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** A connection that comes too late is closed, for nobody waits for it any more. */
async function limited(connecting: Promise<Socket>): Promise<Socket> {
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  connecting.then(
    (socket) => isLate && socket.destroy(),
    () => {},
  );
  try {
    return await Promise.race([
      connecting,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          isLate = true;
          reject(new GuildhallError(egressErrors.connectTimeout));
        }, CONNECT_TOTAL_MS);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

export function createGuard(
  options: EgressOptions &
    Pick<Rules, 'verdict' | 'isTrusted'> & { readonly dns: Resolve; readonly dial: Dial; readonly dialPublic: Dial },
): Guard {
  const rules: Rules = {
    verdict: options.verdict,
    isTrusted: options.isTrusted,
    hasOpened: options.isTrusted || options.allowPrivateCidrs.length > 0,
    ports: new Set(options.ports ?? DEFAULT_PORTS),
  };
  return {
    precheck(target) {
      if (target.isAddress) assertAllowed(rules, target, [target.hostname]);
      else if (!rules.hasOpened && isLocalName(target.hostname))
        throw denied('The host is not public.', `${target.hostname} is a local name`);
      else if (!rules.hasOpened && !rules.ports.has(target.port)) throw denied(`Port ${target.port} is not allowed.`);
    },
    connect: (target) => limited(connectOnce(rules, options, target)),
  };
}
