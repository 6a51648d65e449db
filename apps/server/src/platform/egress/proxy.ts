/** The operator's proxy as the only way to the public network. */
import { request } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { Secret } from '../crypto/index.ts';
import type { Destination, Dial } from './types.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const HTTP_PORT = 80;

function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` };
}

/** Asks for a tunnel to an address that was judged; the proxy gets no name that it could resolve to another one. */
function openTunnel(proxy: URL, { address, port }: Destination): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const target = `${isIPv6(address) ? `[${address}]` : address}:${port}`;
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
    if (statusCode < 200 || statusCode > 299) {
      socket.destroy();
      reject(new Error(`the proxy of EGRESS_PROXY_URL answered ${statusCode} for ${target}`));
      return;
    }
    if (head.length > 0) socket.unshift(head);
    socket.setTimeout(0);
    // Plain TCP to the proxy, as the address of a proxy with http says.
    resolve(socket as Socket);
  });
  asking.once('timeout', () => asking.destroy(new Error('the proxy of EGRESS_PROXY_URL does not answer')));
  asking.once('error', reject);
  asking.end();
  return promise;
}

/** Connects through tunnels of this proxy; TLS runs inside of them, end to end. */
export function createProxyDial(proxyUrl: Secret): Dial {
  const proxy = new URL(proxyUrl.reveal());
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false, maxCachedSessions: 100 });
  return async (to) => {
    const tunnel = await openTunnel(proxy, to);
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
