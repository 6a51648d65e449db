import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcp, type Socket, type Server as TcpServer } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock as clock } from '../clock/index.ts';
import { Secret } from '../crypto/index.ts';
import { HOSTILE_URLS, resolveHostile } from './hostile-urls.test-support.ts';
import { askProxy, createEgress, type Egress, type EgressOptions } from './index.ts';

const PUBLIC = '93.184.216.34';
const code = (name: string) => ({ spec: { code: `egress.${name}` } });
const portOf = (server: Server | TcpServer): number => (server.address() as AddressInfo).port;
const listen = async <T extends Server | TcpServer>(server: T): Promise<T> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
};

/** What the proxy was asked for, and with which credentials. */
let asked: { target: string; login: string | undefined }[];
/** What it answers instead of opening a tunnel. */
let refusal: string | undefined;
let proxy: Server;
let inside: Server;
let destination: Server | TcpServer;
const open = new Set<Egress>();
const sockets = new Set<Socket>();

const use = (options: Partial<EgressOptions> = {}, login = ''): Egress => {
  const proxyUrl = new Secret(`http://${login}127.0.0.1:${portOf(proxy)}`);
  const made = createEgress({ allowPrivateCidrs: [], clock, dns: async () => [PUBLIC], proxyUrl, ...options });
  open.add(made);
  return made;
};

beforeEach(async () => {
  asked = [];
  refusal = undefined;
  inside = await listen(createServer((request, response) => response.end(`${request.headers.host} ${request.url}`)));
  destination = inside;
  proxy = createServer();
  proxy.on('connect', (request, socket: Socket) => {
    asked.push({ target: request.url ?? '', login: request.headers['proxy-authorization'] });
    if (refusal !== undefined) return socket.end(refusal);
    const onwards = connect(portOf(destination), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onwards.pipe(socket).pipe(onwards);
    });
    for (const one of [onwards, socket]) {
      sockets.add(one);
      one.on('error', () => {});
    }
  });
  await listen(proxy);
});
afterEach(async () => {
  for (const egress of open) await egress.close();
  open.clear();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  for (const server of [proxy, inside]) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe('a proxy on the way out', () => {
  test('is asked for the address that was judged, never for a name', async () => {
    const answer = await use().request('http://hooks.example.com/in?a=1');
    expect(await answer.text()).toBe('hooks.example.com /in?a=1');
    expect(asked).toEqual([{ target: `${PUBLIC}:80`, login: undefined }]);
  });

  test('gets its credentials, and no destination does', async () => {
    await (await use({}, 'us%40er:pa%3Ass@').request('http://hooks.example.com/')).bytes();
    expect(asked[0]?.login).toBe(`Basic ${Buffer.from('us@er:pa:ss').toString('base64')}`);
  });

  test('gets the credentials that the setting holds when a connection is opened', async () => {
    const proxyUrl = new Secret(`http://me:former@127.0.0.1:${portOf(proxy)}`);
    const egress = use({ proxyUrl });
    await (await egress.request('http://one.example.com/')).bytes();
    proxyUrl.renew(`http://me:latter@127.0.0.1:${portOf(proxy)}`);
    await (await egress.request('http://two.example.com/')).bytes();
    const logins = asked.map(({ login }) => Buffer.from(login?.slice('Basic '.length) ?? '', 'base64').toString());
    expect(logins).toEqual(['me:former', 'me:latter']);
  });

  test('can be asked about a login alone: only a refused one, or silence, is a fault', async () => {
    const ask = (port = portOf(proxy)) => askProxy(new Secret(`http://me:word@127.0.0.1:${port}`));
    refusal = 'HTTP/1.1 403 Forbidden\r\n\r\n';
    await expect(ask()).resolves.toBe('answers');
    refusal = 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n';
    await expect(ask()).rejects.toThrow('refuses the login (407)');
    await expect(ask(1)).rejects.toThrow('ECONNREFUSED');
    expect(asked[0]?.target).toBe('127.0.0.1:443');
  });

  test('is asked for IPv6 in brackets', async () => {
    await (await use({ dns: async () => ['2606:4700::1111'] }).request('http://hooks.example.com/')).bytes();
    expect(asked[0]?.target).toBe('[2606:4700::1111]:80');
  });

  test('is never asked for any of the hostile addresses', async () => {
    const egress = use({ dns: resolveHostile });
    for (const url of new Set(HOSTILE_URLS)) await expect(egress.request(url)).rejects.toMatchObject(code('denied'));
    expect(asked).toEqual([]);
  });

  test('is not asked to check what a name led to before: each tunnel is judged anew', async () => {
    const answers = [[PUBLIC], ['127.0.0.1']];
    const egress = use({ dns: async () => answers.shift() ?? [] });
    refusal = 'HTTP/1.1 502 Bad Gateway\r\n\r\n';
    await expect(egress.request('http://hooks.example.com/')).rejects.toMatchObject(code('unreachable'));
    await expect(egress.request('http://hooks.example.com/')).rejects.toMatchObject(code('denied'));
    expect(asked).toHaveLength(1);
  });

  test('is the only way: when it refuses or is away, nothing goes directly', async () => {
    const direct: string[] = [];
    const dial = async ({ address }: { address: string }): Promise<Socket> => {
      direct.push(address);
      throw new Error('no route');
    };
    refusal = 'HTTP/1.1 403 Forbidden\r\n\r\n';
    await expect(use({ dial }).request('http://hooks.example.com/')).rejects.toMatchObject(code('unreachable'));
    const gone = use({ dial, proxyUrl: new Secret('http://127.0.0.1:1') });
    await expect(gone.request('http://hooks.example.com/')).rejects.toMatchObject(code('unreachable'));
    expect(direct).toEqual([]);
  });

  test("is not on the way to the operator's own networks", async () => {
    const opened = use({ allowPrivateCidrs: ['127.0.0.1/32'] });
    const origin = `http://127.0.0.1:${portOf(inside)}`;
    expect((await opened.request(`${origin}/opened`)).status).toBe(200);
    expect((await use().request(`${origin}/trusted`, { trustedOrigin: origin })).status).toBe(200);
    expect(asked).toEqual([]);
  });

  test('sees nothing of what goes by TLS, which speaks with the name of the host', async () => {
    const names: string[] = [];
    const secure = createTls({
      SNICallback: (name, done) => {
        names.push(name);
        done(new Error('no certificate here'));
      },
    });
    secure.on('tlsClientError', () => {});
    destination = await listen(secure as unknown as TcpServer);
    await expect(use().request('https://hooks.example.com/')).rejects.toMatchObject(code('unreachable'));
    expect([asked[0]?.target, names]).toEqual([`${PUBLIC}:443`, ['hooks.example.com']]);
    await new Promise((resolve) => secure.close(resolve));
  });

  test('that takes a connection and says nothing is given up', async () => {
    const silent = await listen(createTcp(() => {}));
    const egress = use({ proxyUrl: new Secret(`http://127.0.0.1:${portOf(silent)}`) });
    const asking = egress.request('http://hooks.example.com/', { connectMs: 50 });
    await expect(asking).rejects.toMatchObject(code('connect-timeout'));
    await egress.close();
    silent.close();
  });
});
