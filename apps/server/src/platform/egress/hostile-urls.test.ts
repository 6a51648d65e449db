import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock as clock } from '../clock/index.ts';
import { createAddressRules } from './address-rules.ts';
import { AMBIGUOUS_URLS, FORBIDDEN_ADDRESSES, HOSTILE_URLS, resolveHostile } from './hostile-urls.test-support.ts';
import { createEgress, type Egress, parseCidr } from './index.ts';

// Every TCP connection that this process begins, by whatever code.
let sockets = 0;
const count = (): void => {
  sockets += 1;
};
let egress: Egress;
beforeEach(() => {
  sockets = 0;
  subscribe('net.client.socket', count);
});
afterEach(async () => {
  unsubscribe('net.client.socket', count);
  await egress.close();
});

describe('hostile addresses', () => {
  test('more than 300 different ones open no socket and are all denied', async () => {
    egress = createEgress({ allowPrivateCidrs: [], clock, dns: resolveHostile });
    const urls = [...new Set(HOSTILE_URLS)];
    expect(urls.length).toBeGreaterThan(300);
    const passed: string[] = [];
    for (const url of urls) {
      for (const redirects of [0, 3]) {
        const error = await egress.request(url, { redirects }).then(
          () => 'answered',
          (thrown: { spec?: { code: string } }) => thrown.spec?.code ?? String(thrown),
        );
        if (error !== 'egress.denied') passed.push(`${url} → ${error}`);
      }
    }
    expect(passed).toEqual([]);
    expect(sockets).toBe(0);
  });

  test('stay closed when a network they do not belong to is opened', async () => {
    egress = createEgress({ allowPrivateCidrs: ['10.99.0.0/16'], clock, dns: resolveHostile });
    for (const url of HOSTILE_URLS)
      await expect(egress.request(url)).rejects.toMatchObject({ spec: { code: 'egress.denied' } });
    expect(sockets).toBe(0);
  });

  test('that could be read in two ways are denied even where every name is public', async () => {
    const dialled: string[] = [];
    egress = createEgress({
      allowPrivateCidrs: [],
      clock,
      dns: async () => ['93.184.216.34'],
      dial: async ({ address }) => Promise.reject(new Error(String(dialled.push(address)))),
    });
    const passed: string[] = [];
    for (const url of AMBIGUOUS_URLS) {
      const error = await egress.request(url).catch((thrown) => thrown);
      if (error?.spec?.code !== 'egress.denied') passed.push(url);
    }
    expect(passed).toEqual([]);
    expect(dialled).toEqual([]);
  });

  test('the counter of sockets counts', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    egress = createEgress({ allowPrivateCidrs: ['127.0.0.1/32'], clock });
    await expect(egress.request(`http://127.0.0.1:${portOf(server)}/`)).rejects.toMatchObject({
      spec: { code: 'egress.unreachable' },
    });
    expect(sockets).toBe(1);
    await new Promise((resolve) => server.close(resolve));
  });
});

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

describe('a name that changes its address', () => {
  test('between check and use, 1,000 times at once, never reaches this machine and is asked for once per connection', async () => {
    let hits = 0;
    const inside = createServer((socket: Socket) => {
      hits += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => inside.listen(0, '127.0.0.1', resolve));
    const port = portOf(inside);
    const asked = new Map<string, number>();
    const dialled: string[] = [];
    egress = createEgress({
      allowPrivateCidrs: [],
      clock,
      ports: [port],
      // Public on the first question, this machine on every later one; half of the names the other way round.
      dns: async (hostname) => {
        const times = (asked.get(hostname) ?? 0) + 1;
        asked.set(hostname, times);
        const isFlipped = hostname.startsWith('odd');
        return [(times === 1) !== isFlipped ? '93.184.216.34' : '127.0.0.1'];
      },
      dial: async ({ address }) => {
        dialled.push(address);
        throw new Error('no route');
      },
    });
    const results = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        egress.request(`http://${i % 2 ? 'odd' : 'even'}${i}.example.com:${port}/`).catch((error) => error.spec.code),
      ),
    );
    expect(new Set(dialled)).toEqual(new Set(['93.184.216.34']));
    expect(dialled).toHaveLength(500);
    expect(results.filter((code) => code === 'egress.denied')).toHaveLength(500);
    expect(results.filter((code) => code === 'egress.unreachable')).toHaveLength(500);
    expect([...asked.values()].every((times) => times === 1)).toBe(true);
    expect(hits).toBe(0);
    await new Promise((resolve) => inside.close(resolve));
  });

  test('is asked for again on a new connection, and denied when it then leads inside', async () => {
    const answers = [['93.184.216.34'], ['127.0.0.1']];
    egress = createEgress({
      allowPrivateCidrs: [],
      clock,
      dns: async () => answers.shift() ?? [],
      dial: async () => Promise.reject(new Error('no route')),
    });
    await expect(egress.request('http://example.com/')).rejects.toMatchObject({ spec: { code: 'egress.unreachable' } });
    await expect(egress.request('http://example.com/')).rejects.toMatchObject({ spec: { code: 'egress.denied' } });
    expect(sockets).toBe(0);
  });
});

describe('the rules for addresses', () => {
  afterEach(() => {
    egress = createEgress({ allowPrivateCidrs: [], clock });
  });
  const verdict = createAddressRules([]);

  test.each(FORBIDDEN_ADDRESSES)('%s is not public', (address) => {
    expect(verdict(address)).toBe('denied');
  });

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700::1111',
    '2a00:1450::1',
    '2001:4860:4860::8888',
  ])('%s is public', (address) => {
    expect(verdict(address)).toBe('public');
  });

  test('an opened network is open, and nothing beside it', () => {
    const opened = createAddressRules(['10.1.0.0/16', 'fd12::/32']);
    expect(['10.1.0.0', '10.1.255.255', 'fd12::1'].map(opened)).toEqual(['opened', 'opened', 'opened']);
    expect(
      ['10.0.255.255', '10.2.0.0', 'fd12:1::1', '127.0.0.1', '::ffff:10.1.0.1', '::10.1.0.1', '64:ff9b::10.1.0.1'].map(
        opened,
      ),
    ).toEqual(Array(7).fill('denied'));
  });

  test('however wide a network is opened, metadata stays closed until its very address is named', () => {
    const wide = createAddressRules(['0.0.0.0/0', '::/0', '169.254.0.0/16']);
    expect(
      ['169.254.169.254', '100.100.100.200', '168.63.129.16', 'fd00:ec2::254', '::ffff:169.254.169.254'].map(wide),
    ).toEqual(Array(5).fill('denied'));
    expect(wide('169.254.1.1')).toBe('opened');
    expect(createAddressRules(['169.254.169.254/32'])('169.254.169.254')).toBe('opened');
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0/8',
    'fe80::1%eth0/64',
    '::/129',
    'localhost/8',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/8x',
    '',
  ])('%j is not a network', (text) => {
    expect(() => parseCidr(text)).toThrow('is not a network');
  });
});
