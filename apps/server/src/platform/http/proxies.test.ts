import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createArrivals, sourceOf, type TrustedProxies } from './proxies.ts';
import { bareHttp, where } from './test-support/bare.ts';

const PEER = '10.0.0.9';
const CLIENT = '198.51.100.7';

const arrived = (headers: Record<string, string>, peer = PEER): IncomingMessage =>
  // The two members that are read.
  ({ socket: { remoteAddress: peer }, headers }) as unknown as IncomingMessage;
const addressOf = (trusted: TrustedProxies, forwarded: string | undefined, peer = PEER): string =>
  createArrivals(trusted).addressOf(arrived(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }, peer));

/** What strangers write to be taken for somebody else. */
const SPOOFS = [
  '127.0.0.1',
  '::1',
  'localhost',
  '0.0.0.0',
  '10.0.0.1, 10.0.0.2',
  '127.0.0.1, 127.0.0.1, 127.0.0.1, 127.0.0.1',
  'unknown',
  '_hidden',
  'for=127.0.0.1',
  '',
  ' ',
  ',',
  ',,,,,,',
  '127.1',
  '2130706433',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '[::1]:80',
  '127.0.0.1:80',
  '"127.0.0.1"',
  'fe80::1%eth0',
  '127.0.0.1\t',
  "127.0.0.1' or 1=1--",
  '<script>',
  '999.999.999.999',
  '1.2.3.4.5',
  '𝟙𝟚𝟟.𝟘.𝟘.𝟙',
  'a'.repeat(5_000),
  Array(2_000).fill('1.1.1.1').join(','),
];

describe('where no proxy is named', () => {
  test.each(SPOOFS)('%.40j is not believed', (spoof) => {
    expect(addressOf(0, spoof)).toBe(PEER);
  });
});

describe('behind proxies that are counted', () => {
  test.each(SPOOFS)('%.40j before what one proxy wrote changes nothing', (spoof) => {
    expect(addressOf(1, `${spoof}, ${CLIENT}`)).toBe(CLIENT);
    expect(addressOf(2, `${spoof}, ${CLIENT}, 10.0.0.3`)).toBe(CLIENT);
  });

  test.each(SPOOFS.filter((spoof) => !spoof.includes('.1, ') && !spoof.startsWith('1.1.1.1,')))(
    '%.40j from somebody who came past a proxy is not believed',
    (spoof) => {
      expect(addressOf(2, spoof)).toBe(PEER);
    },
  );

  test('nothing said is nothing believed', () => {
    expect(addressOf(1, undefined)).toBe(PEER);
  });

  test.each([
    [`${CLIENT}:55000`, CLIENT],
    [`"${CLIENT}"`, CLIENT],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    [`::ffff:${CLIENT}`, CLIENT],
  ])('an address that a proxy writes as %s is %s', (written, address) => {
    expect(addressOf(1, written)).toBe(address);
  });
});

describe('behind proxies in named networks', () => {
  const trusted = ['10.0.0.0/8', 'fd00::/8'];
  test.each(SPOOFS)('%.40j before the client changes nothing', (spoof) => {
    expect(addressOf(trusted, `${spoof}, ${CLIENT}`)).toBe(CLIENT);
    expect(addressOf(trusted, `${spoof}, ${CLIENT}, 10.1.1.1, fd00::2`)).toBe(CLIENT);
  });

  test.each(SPOOFS)('%.40j from somebody who came past them is not believed', (spoof) => {
    expect(addressOf(trusted, spoof, CLIENT)).toBe(CLIENT);
  });

  test('one that wrote nothing readable stands for its client', () => {
    expect(addressOf(trusted, 'unknown, 10.1.1.1')).toBe('10.1.1.1');
  });
});

describe('TLS', () => {
  test.each<[TrustedProxies, string, string, boolean]>([
    [1, CLIENT, 'https', true],
    [1, CLIENT, 'http', false],
    [1, CLIENT, 'https, http', false],
    [1, CLIENT, '', false],
    [2, `${CLIENT}, 10.0.0.2`, 'https, http', true],
    [2, `${CLIENT}, 10.0.0.2`, 'https, http, http', false],
    [2, `${CLIENT}, 10.0.0.2`, 'https', true],
    [2, CLIENT, 'https', false],
    [0, CLIENT, 'https', false],
    [['10.0.0.0/8'], CLIENT, 'https', true],
    [['192.168.0.0/16'], CLIENT, 'https', false],
  ])('%j proxies that say %j came by %j: %j', (trusted, forwarded, scheme, expected) => {
    const headers = { 'x-forwarded-for': forwarded, 'x-forwarded-proto': scheme };
    expect(createArrivals(trusted).isSecure(arrived(headers))).toBe(expected);
  });
});

test('routes see the address that the request counts under', async () => {
  const app = await bareHttp([where], { trustedProxies: 1 });
  const headers = { 'x-forwarded-for': `127.0.0.1, ${CLIENT}` };
  const answer = await app.inject({ url: '/v1/where', remoteAddress: PEER, headers });
  expect(answer.json()).toEqual({ ip: CLIENT });
  await app.close();
});

test.each([
  ['198.51.100.7', '198.51.100.7'],
  ['::ffff:198.51.100.7', '198.51.100.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['2001:db8:1:3::', '2001:db8:1:3::/64'],
  ['::1', '::/64'],
  ['', ''],
])('%j counts as %j', (address, source) => {
  expect(sourceOf(address)).toBe(source);
});
