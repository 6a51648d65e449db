import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock as clock } from '../clock/index.ts';
import { createDial } from './guard.ts';
import { createEgress, type Egress, type EgressOptions } from './index.ts';

const code = (name: string) => ({ spec: { code: `egress.${name}` } });
const opened: { close(): unknown }[] = [];
let egress: Egress;
let answer: RequestListener;
let server: Server;
let base: string;
let port: number;

const use = (options: Partial<EgressOptions> = {}): Egress => {
  const made = createEgress({ allowPrivateCidrs: ['127.0.0.1/32'], clock, ...options });
  opened.push(made);
  return made;
};

beforeEach(async () => {
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
  base = `http://127.0.0.1:${port}`;
  egress = use();
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
};

describe('a request', () => {
  test('reaches an opened private host on any port, with method, headers and body', async () => {
    answer = async (request, response) => {
      response.setHeader('x-seen', [
        `${request.method} ${request.url} ${request.headers.host} ${request.headers['x-a']}`,
      ]);
      response.writeHead(418).end(await bodyOf(request));
    };
    const got = await egress.request(`${base}/p?q=1#fragment`, {
      method: 'POST',
      headers: { 'X-A': 'b' },
      body: 'سلام',
    });
    expect(got.status).toBe(418);
    expect(got.headers['x-seen']).toBe(`POST /p?q=1 127.0.0.1:${port} b`);
    expect(await got.text()).toBe('سلام');
    expect(got.url).toBe(`${base}/p?q=1`);
    expect(got.headersMs).toBeGreaterThan(0);
  });

  test('to a name goes to the address that was checked, and keeps the name for the host', async () => {
    answer = (request, response) => response.end(request.headers.host);
    const dialled: unknown[] = [];
    const dial = createDial();
    const named = use({
      allowPrivateCidrs: [],
      ports: [port],
      dns: async () => ['93.184.216.34', '2606:4700::1111'],
      // The test's own server stands for the public host.
      dial: (to) => {
        dialled.push(to);
        return dial({ ...to, address: '127.0.0.1' });
      },
    });
    expect(await (await named.request(`http://hooks.example.com:${port}/`)).text()).toBe(`hooks.example.com:${port}`);
    expect(dialled).toEqual([{ address: '93.184.216.34', port, secure: false, servername: undefined }]);
  });

  test('over TLS asks for the certificate of the name, not of the address', async () => {
    const dialled: unknown[] = [];
    const named = use({
      allowPrivateCidrs: [],
      dns: async () => ['93.184.216.34'],
      dial: async (to) => Promise.reject(dialled.push(to)),
    });
    await expect(named.request('https://hooks.example.com./')).rejects.toMatchObject(code('unreachable'));
    await expect(named.request('https://8.8.8.8/')).rejects.toMatchObject(code('unreachable'));
    expect(dialled).toEqual([
      { address: '93.184.216.34', port: 443, secure: true, servername: 'hooks.example.com' },
      { address: '8.8.8.8', port: 443, secure: true, servername: undefined },
    ]);
  });

  test('tries the next address when the first does not answer, and no more than three', async () => {
    const dialled: string[] = [];
    const dns = async () => ['2606:4700::1', '1.1.1.1', '2.2.2.2', '3.3.3.3'];
    const named = use({
      allowPrivateCidrs: [],
      dns,
      dial: async (to) => Promise.reject(new Error(String(dialled.push(to.address)))),
    });
    await expect(named.request('http://example.com/')).rejects.toMatchObject(code('unreachable'));
    expect(dialled).toEqual(['1.1.1.1', '2.2.2.2', '3.3.3.3']);
  });

  test('to a local name is allowed only where it leads into an opened network', async () => {
    answer = (_, response) => response.end('ollama');
    const named = use({ dns: async (name) => (name === 'ollama' ? ['127.0.0.1'] : ['93.184.216.34']) });
    expect(await (await named.request(`http://ollama:${port}/`)).text()).toBe('ollama');
    await expect(named.request(`http://other:${port}/`)).rejects.toMatchObject(code('denied'));
    await expect(named.request(`http://example.com:${port}/`)).rejects.toMatchObject(code('denied'));
  });

  test('to an unknown name is unreachable, and tells nothing of the resolver', async () => {
    const named = use({ dns: async () => Promise.reject(new Error('queryA ENOTFOUND 10.0.0.2')) });
    const error = await named.request('http://nowhere.example.com/').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ ...code('unreachable'), details: { detail: 'The name of the host is not known.' } });
    await expect(use({ dns: async () => [] }).request('http://nowhere.example.com/')).rejects.toMatchObject(
      code('unreachable'),
    );
  });

  test.each([
    'host',
    'Host',
    'content-length',
    'Transfer-Encoding',
    'connection',
    'proxy-authorization',
    'upgrade',
    ':authority',
  ])('cannot set the header %s', async (name) => {
    await expect(egress.request(base, { headers: { [name]: 'x' } })).rejects.toMatchObject(code('denied'));
  });

  test.each([
    ['x-a', 'b\r\nx-c: d'],
    ['x a', 'b'],
    ['x-a\r\nx-c', 'd'],
  ])('cannot smuggle a header through %j', async (name, value) => {
    await expect(egress.request(base, { headers: { [name]: value } })).rejects.toMatchObject(code('denied'));
  });
});

describe('a redirect', () => {
  test('is given back as it is unless the caller asks to follow', async () => {
    answer = (_, response) => response.writeHead(302, { location: '/next' }).end();
    expect(await egress.request(base)).toMatchObject({ status: 302, headers: { location: '/next' } });
  });

  test('is followed three times at most', async () => {
    answer = (request, response) => {
      const n = Number(request.url?.slice(1));
      if (n === 0) response.end('there');
      else response.writeHead(302, { location: `/${n - 1}` }).end();
    };
    const got = await egress.request(`${base}/3`, { redirects: 3 });
    expect([await got.text(), got.url]).toEqual(['there', `${base}/0`]);
    await expect(egress.request(`${base}/4`, { redirects: 3 })).rejects.toMatchObject(code('too-many-redirects'));
    await expect(egress.request(`${base}/4`, { redirects: 99 })).rejects.toMatchObject(code('too-many-redirects'));
  });

  test.each([
    'http://127.0.0.2/',
    'http://169.254.169.254/latest/',
    'http://[::1]/',
    'file:///etc/passwd',
    '//10.0.0.1/',
    'http://user@127.0.0.1/',
    'http:\\\\127.0.0.1/',
    '\\\\10.0.0.1\\',
    'gopher://127.0.0.1/',
  ])('to %s is denied', async (location) => {
    answer = (_, response) => response.writeHead(302, { location }).end();
    await expect(egress.request(base, { redirects: 3 })).rejects.toMatchObject(code('denied'));
  });

  test('without a place to go is a bad answer', async () => {
    answer = (_, response) => response.writeHead(302).end();
    await expect(egress.request(base, { redirects: 1 })).rejects.toMatchObject(code('bad-response'));
  });

  test('to another host loses every header that may be a credential, and to the same host keeps them', async () => {
    const seen: IncomingMessage['headers'][] = [];
    answer = (request, response) => {
      seen.push(request.headers);
      if (request.url === '/same') response.writeHead(307, { location: '/other' }).end();
      else if (request.url === '/other')
        response.writeHead(307, { location: `http://other.example.com:${port}/end` }).end();
      else response.end();
    };
    const dial = createDial();
    const named = use({ ports: [port], dns: async () => ['127.0.0.1'], dial });
    const headers = {
      Authorization: 'Bearer x',
      cookie: 'a=b',
      'X-Api-Key': 'k',
      'webhook-signature': 's',
      'my-own': 't',
      accept: 'text/plain',
    };
    await (await named.request(`http://one.example.com:${port}/same`, { headers, redirects: 3 })).bytes();
    expect(seen[1]).toMatchObject({ authorization: 'Bearer x', cookie: 'a=b', 'x-api-key': 'k' });
    expect(seen[2]).toMatchObject({ accept: 'text/plain', host: `other.example.com:${port}` });
    for (const name of ['authorization', 'cookie', 'x-api-key', 'webhook-signature', 'my-own'])
      expect(seen[2]).not.toHaveProperty(name);
  });

  test('turns a POST into a GET on 303, repeats it on 307, and never takes a body to another host', async () => {
    const seen: string[] = [];
    answer = async (request, response) => {
      seen.push(
        `${request.method} ${request.url} ${await bodyOf(request)} ${request.headers['content-type'] ?? ''}`.trim(),
      );
      if (request.url === '/303') response.writeHead(303, { location: '/a' }).end();
      else if (request.url === '/307') response.writeHead(307, { location: '/b' }).end();
      else if (request.url === '/away') response.writeHead(308, { location: 'http://127.0.0.1:1/' }).end();
      else response.end();
    };
    const post = { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' }, redirects: 1 } as const;
    await (await egress.request(`${base}/303`, post)).bytes();
    await (await egress.request(`${base}/307`, post)).bytes();
    await expect(egress.request(`${base}/away`, post)).rejects.toMatchObject(code('denied'));
    expect(seen).toEqual([
      'POST /303 x text/plain',
      'GET /a',
      'POST /307 x text/plain',
      'POST /b x text/plain',
      'POST /away x text/plain',
    ]);
  });
});

describe('the limit of size', () => {
  test('cuts a stream that would go on for 10 GB, and the connection with it', async () => {
    let written = 0;
    const piece = Buffer.alloc(64 * 1024);
    const closed = new Promise<void>((resolve) => {
      answer = (_, response) => {
        const more = (): void => {
          while (written < 10e9 && !response.destroyed) {
            written += piece.length;
            if (!response.write(piece)) return void response.once('drain', more);
          }
        };
        response.once('close', resolve);
        more();
      };
    });
    await expect((await egress.request(base, { maxBytes: 1_000_000 })).bytes()).rejects.toMatchObject(
      code('too-large'),
    );
    await closed;
    expect(written).toBeLessThan(20_000_000);
  });

  test('lets exactly the limit through and not one byte more', async () => {
    answer = (_, response) => response.write(Buffer.alloc(1_000), () => response.end());
    expect(await (await egress.request(base, { maxBytes: 1_000 })).bytes()).toHaveLength(1_000);
    await expect((await egress.request(base, { maxBytes: 999 })).bytes()).rejects.toMatchObject(code('too-large'));
  });

  test('refuses an announced length at once', async () => {
    answer = (_, response) => response.writeHead(200, { 'content-length': 10_000_000_000 }).write('x');
    await expect(egress.request(base, { maxBytes: 1_000 })).rejects.toMatchObject(code('too-large'));
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('counts the unfolded bytes of %s, so that a bomb goes off nowhere', async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(50_000_000));
    expect(bomb.length).toBeLessThan(100_000);
    answer = (_, response) => response.writeHead(200, { 'content-encoding': encoding }).end(bomb);
    const before = process.memoryUsage().arrayBuffers;
    await expect((await egress.request(base, { maxBytes: 1_000_000 })).bytes()).rejects.toMatchObject(
      code('too-large'),
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
    answer = (_, response) =>
      response.writeHead(200, { 'content-encoding': encoding.toUpperCase() }).end(compress(Buffer.from('hello')));
    expect(await (await egress.request(base)).text()).toBe('hello');
  });

  test.each([
    ['two layers', 'gzip, gzip', gzipSync(gzipSync(Buffer.alloc(1_000)))],
    ['an unknown encoding', 'zstd', Buffer.from('x')],
  ])('does not unfold %s', async (_, encoding, bytes) => {
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end(bytes);
    await expect(egress.request(base)).rejects.toMatchObject(code('bad-response'));
  });

  test.each([
    ['damaged', Buffer.from('not gzip at all')],
    ['cut', gzipSync(Buffer.alloc(100_000, 'abc')).subarray(0, 60)],
  ])('a %s encoded answer is a bad answer', async (_, bytes) => {
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes);
    await expect((await egress.request(base)).bytes()).rejects.toMatchObject(code('bad-response'));
  });

  test('holds for headers', async () => {
    answer = (_, response) => response.writeHead(200, { 'x-big': 'x'.repeat(100_000) }).end();
    await expect(egress.request(base)).rejects.toMatchObject(code('too-large'));
  });

  test('does not count what a HEAD answer only announces', async () => {
    answer = (_, response) =>
      response.writeHead(200, { 'content-length': 10_000_000_000, 'content-encoding': 'gzip' }).end();
    const got = await egress.request(base, { method: 'HEAD', maxBytes: 10 });
    expect(await got.bytes()).toHaveLength(0);
  });
});

describe('the limit of time', () => {
  test('holds until the first byte', async () => {
    answer = () => {};
    await expect(egress.request(base, { firstByteMs: 30 })).rejects.toMatchObject(code('timeout'));
  });

  test('holds between two bytes', async () => {
    answer = (_, response) => response.write('x');
    await expect((await egress.request(base, { idleMs: 30 })).bytes()).rejects.toMatchObject(code('timeout'));
  });

  test('holds for the whole, however busily the other side dribbles', async () => {
    answer = (_, response) => {
      const timer = setInterval(() => response.write('x'), 5);
      response.once('close', () => clearInterval(timer));
    };
    await expect((await egress.request(base, { totalMs: 60 })).bytes()).rejects.toMatchObject(code('timeout'));
  });

  test('holds over redirects together', async () => {
    answer = (_, response) => void setTimeout(() => response.writeHead(302, { location: '/again' }).end(), 25);
    await expect(egress.request(base, { totalMs: 60, redirects: 3 })).rejects.toMatchObject(code('timeout'));
  });

  test.each(['dns', 'dial'] as const)(
    'holds while %s hangs',
    async (part) => {
      const hang = () => new Promise<never>(() => {});
      const named = use({ dns: async () => ['93.184.216.34'], [part]: hang });
      await expect(named.request('http://example.com/', { totalMs: 30 })).rejects.toMatchObject(code('timeout'));
      // Sooner than the limit of a connection ends it.
    },
    5_000,
  );

  test('is given up with the reason of the caller', async () => {
    answer = (_, response) => response.write('x');
    const controller = new AbortController();
    const got = await egress.request(base, { signal: controller.signal });
    const reading = got.bytes();
    controller.abort(new Error('run cancelled'));
    await expect(reading).rejects.toThrow('run cancelled');
    await expect(egress.request(base, { signal: controller.signal })).rejects.toThrow('run cancelled');
  });
});

describe('the other side', () => {
  test('that refuses or cuts the connection is unreachable, before and in the middle of the body', async () => {
    answer = (request) => request.socket.destroy();
    await expect(egress.request(base)).rejects.toMatchObject(code('unreachable'));
    answer = (_, response) => response.writeHead(200, { 'content-length': 10 }).write('x', () => response.destroy());
    await expect((await egress.request(base)).bytes()).rejects.toMatchObject(code('unreachable'));
    await expect(egress.request('http://127.0.0.1:1/')).rejects.toMatchObject(code('unreachable'));
  });

  test('that does not speak HTTP is a bad answer', async () => {
    server.on('connection', (socket: Socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    answer = () => {};
    await expect(egress.request(base)).rejects.toMatchObject(code('bad-response'));
  });

  test('whose answer nobody reads does no harm, and its connection is freed', async () => {
    const closed = new Promise<void>((resolve) => {
      answer = (request, response) => {
        request.socket.once('close', () => resolve());
        response.write('x'.repeat(100_000));
      };
    });
    const got = await egress.request(base);
    got.body.destroy();
    await closed;
  });

  test('keeps its connection for the next request', async () => {
    let connections = 0;
    server.on('connection', () => {
      connections += 1;
    });
    answer = (_, response) => response.end('x');
    for (let i = 0; i < 5; i += 1) await (await egress.request(base)).bytes();
    // The pool may open a second one while the first is being put back.
    expect(connections).toBeLessThanOrEqual(2);
  });
});
