import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock as clock } from '../clock/index.ts';
import { createDial } from './guard.ts';
import { createEgress, type Egress, type EgressOptions } from './index.ts';

const code = (name: string) => ({ spec: { code: `egress.${name}` } });
const opened: Egress[] = [];
const sockets = new Set<Socket>();
let answer: RequestListener;
let server: Server;
let port: number;
let base: string;

const use = (options: Partial<EgressOptions> = {}): Egress => {
  const made = createEgress({ allowPrivateCidrs: [], clock, ...options });
  opened.push(made);
  return made;
};

beforeEach(async () => {
  answer = (_, response) => response.end('inside');
  server = createServer((request, response) => answer(request, response));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
  base = `http://127.0.0.1:${port}`;
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  sockets.clear();
});

describe('an origin that the operator trusts', () => {
  test('may be private, on any port, by address or by a local name', async () => {
    const egress = use({ dns: async () => ['127.0.0.1'] });
    expect(await (await egress.request(`${base}/v1`, { trustedOrigin: base })).text()).toBe('inside');
    const named = `http://ollama:${port}`;
    expect(await (await egress.request(named, { trustedOrigin: named })).text()).toBe('inside');
  });

  test.each([
    ['another port', (at: number) => `http://127.0.0.1:${at + 1}`],
    ['another name for the same place', (at: number) => `http://127.0.0.2:${at}`],
    ['another scheme', (at: number) => `https://127.0.0.1:${at}`],
    ['a longer name', (at: number) => `http://127.0.0.1.example.com:${at}`],
    ['nothing', () => ''],
  ])('is exactly that origin: %s opens nothing', async (_, trusted) => {
    await expect(use().request(base, { trustedOrigin: trusted(port) })).rejects.toMatchObject(code('denied'));
    expect(sockets.size).toBe(0);
  });

  test.each([
    '169.254.169.254',
    '169.254.1.1',
    '100.100.100.200',
    '0.0.0.0',
    '224.0.0.1',
    '[fd00:ec2::254]',
    '[fe80::1]',
  ])('never is %s', async (host) => {
    const origin = `http://${host}`;
    await expect(use().request(origin, { trustedOrigin: origin })).rejects.toMatchObject(code('denied'));
  });

  test('that a name server leads to metadata is denied', async () => {
    const egress = use({ dns: async () => ['10.0.0.7', '169.254.169.254'] });
    const origin = 'http://models.example.com';
    await expect(egress.request(origin, { trustedOrigin: origin })).rejects.toMatchObject(code('denied'));
  });

  test('leaves its open connections to nobody whom it does not trust', async () => {
    const name = `http://gpu.example.com:${port}`;
    const egress = use({ ports: [port], dns: async () => ['127.0.0.1'] });
    await (await egress.request(name, { trustedOrigin: name })).bytes();
    expect(sockets.size).toBe(1);
    await expect(egress.request(name)).rejects.toMatchObject(code('denied'));
    await expect(egress.request(base)).rejects.toMatchObject(code('denied'));
  });

  test('trusts no place that it redirects to, nor itself when it is redirected back to', async () => {
    const dial = createDial();
    const egress = use({
      ports: [port],
      dns: async (name) => (name === 'gpu.example.com' ? ['127.0.0.1'] : ['93.184.216.34']),
      dial: (to) => dial({ ...to, address: '127.0.0.1' }),
    });
    const name = `http://gpu.example.com:${port}`;
    const asked: string[] = [];
    answer = (request, response) => {
      asked.push(`${request.headers.host}${request.url}`);
      const to: Record<string, string> = {
        '/private': `http://10.0.0.1:${port}/`,
        '/away': `http://public.example.com:${port}/back`,
        '/back': `${name}/secret`,
      };
      response.writeHead(302, { location: to[request.url ?? ''] ?? '/' }).end();
    };
    const request = { trustedOrigin: name, redirects: 3 };
    await expect(egress.request(`${name}/private`, request)).rejects.toMatchObject(code('denied'));
    await expect(egress.request(`${name}/away`, request)).rejects.toMatchObject(code('denied'));
    expect(asked).toEqual([
      `gpu.example.com:${port}/private`,
      `gpu.example.com:${port}/away`,
      `public.example.com:${port}/back`,
    ]);
  });
});

describe('a connection', () => {
  test('that does not come about has a limit of its own', async () => {
    const egress = use({ dns: async () => ['93.184.216.34'], dial: () => new Promise(() => {}) });
    await expect(egress.request('http://example.com/', { connectMs: 20 })).rejects.toMatchObject(
      code('connect-timeout'),
    );
    // Sooner than the guard's own limit ends it.
  }, 5_000);

  test('that stands leaves the whole time for the first byte', async () => {
    answer = (_, response) => void setTimeout(() => response.end('late'), 60);
    expect(await (await use().request(base, { trustedOrigin: base, connectMs: 30 })).text()).toBe('late');
  });

  test('is waited for, where a host has as many as it may', async () => {
    let most = 0;
    answer = (_, response) => {
      most = Math.max(most, sockets.size);
      setImmediate(() => response.end('x'));
    };
    const egress = use({ connectionsPerOriginMax: 3 });
    const all = Array.from({ length: 20 }, async () => (await egress.request(base, { trustedOrigin: base })).bytes());
    await Promise.all(all);
    expect(most).toBe(3);
  });

  test.each(['before the first byte', 'in the middle of the answer'])(
    'is closed at once when its caller gives up %s',
    async (when) => {
      const caller = new AbortController();
      const arrived = Promise.withResolvers<void>();
      const closed = Promise.withResolvers<void>();
      answer = (request, response) => {
        request.socket.once('close', () => closed.resolve());
        if (when !== 'before the first byte') response.write('x');
        arrived.resolve();
      };
      const asking = use().request(base, { trustedOrigin: base, signal: caller.signal });
      const reading = asking.then(({ bytes }) => bytes());
      await arrived.promise;
      if (when !== 'before the first byte') await asking;
      caller.abort(new Error('gone'));
      await expect(reading).rejects.toThrow('gone');
      await closed.promise;
    },
  );

  test('serves the next request after an answer that was read, and asks for it plainly when told to', async () => {
    const seen = new Set<Socket>();
    const encodings: unknown[] = [];
    answer = (request, response) => {
      seen.add(request.socket);
      encodings.push(request.headers['accept-encoding']);
      response.end('x');
    };
    const egress = use();
    for (const compressed of [true, false, undefined])
      await (
        await egress.request(base, { trustedOrigin: base, ...(compressed === undefined ? {} : { compressed }) })
      ).bytes();
    expect(seen.size).toBeLessThanOrEqual(2);
    expect(encodings).toEqual(['gzip, deflate, br', 'identity', 'gzip, deflate, br']);
  });
});

test('an answer is read once, and a second reading fails instead of waiting', async () => {
  const got = await use().request(base, { trustedOrigin: base });
  expect((await got.bytes()).toString()).toBe('inside');
  await expect(got.bytes()).rejects.toThrow();
});
