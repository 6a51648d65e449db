/** The operator's proxy as the only way to the public network. */
import { request } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { Secret } from '../crypto/index.ts';
import type { Destination, Dial } from './types.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const HTTP_PORT = 80;
const HTTPS_PORT = 443;

function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` };
}

interface Tunnel {
  readonly status: number;
  /** Plain TCP to the proxy, as the address of a proxy with http says. */
  readonly socket: Socket;
}

function askFor(proxy: URL, target: string): Promise<Tunnel> {
  const { promise, resolve, reject } = Promise.withResolvers<Tunnel>();
  const asking = request({
    method: 'CONNECT',
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port === '' ? HTTP_PORT : Number(proxy.port),
    path: target,
    headers: { host: target, ...credentialsOf(proxy) },
    timeout: CONNECT_TIMEOUT_MS,
    agent: false,
  });
  asking.once('connect', ({ statusCode = 0 }, socket, head) => {
    if (head.length > 0) socket.unshift(head);
    socket.setTimeout(0);
    resolve({ status: statusCode, socket: socket as Socket });
  });
  asking.once('timeout', () => asking.destroy(new Error('the proxy of EGRESS_PROXY_URL does not answer')));
  asking.once('error', reject);
  asking.end();
  return promise;
}

/** Asks for a tunnel to an address that was judged; the proxy gets no name that it could resolve to another one. */
async function openTunnel(proxy: URL, { address, port }: Destination): Promise<Socket> {
  const target = `${isIPv6(address) ? `[${address}]` : address}:${port}`;
  const { status, socket } = await askFor(proxy, target);
  if (status >= 200 && status <= 299) return socket;
  socket.destroy();
  throw new Error(`the proxy of EGRESS_PROXY_URL answered ${status} for ${target}`);
}

const LOGIN_REFUSED = new Set([401, 407]);

/** Asks for a tunnel to the proxy itself, which it may refuse: only its login is of interest. @throws when that is refused, or nothing answers. */
export async function askProxy(proxyUrl: Secret): Promise<string> {
  const proxy = new URL(proxyUrl.reveal());
  const { status, socket } = await askFor(proxy, `${proxy.hostname}:${HTTPS_PORT}`);
  socket.destroy();
  if (LOGIN_REFUSED.has(status)) throw new Error(`the proxy refuses the login (${status})`);
  return 'answers';
}

/** Connects through tunnels of this proxy; TLS runs inside of them, end to end. */
export function createProxyDial(proxyUrl: Secret): Dial {
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false, maxCachedSessions: 100 });
  return async (to) => {
    const tunnel = await openTunnel(new URL(proxyUrl.reveal()), to);
    if (!to.secure) return tunnel;
    const { address, port, servername } = to;
    return new Promise<Socket>((resolve, reject) => {
      connect(
        {
          hostname: address,
          port: String(port),
          protocol: 'https:',
          httpSocket: tunnel,
          ...(servername ? { servername } : {}),
        },
        (error, socket) => (error ? reject(error) : resolve(socket)),
      );
    });
  };
}
