import { expect, test } from 'vitest';
import { isInside, isWithin, parseNetworks } from './networks.ts';

test.each([
  ['203.0.113.0/24', '203.0.113.7', true],
  ['203.0.113.0/24', '203.0.114.7', false],
  ['203.0.113.9/24', '203.0.113.255', true],
  ['203.0.113.7/32', '203.0.113.7', true],
  ['203.0.113.7/32', '203.0.113.8', false],
  ['0.0.0.0/0', '198.51.100.1', true],
  ['0.0.0.0/0', '2001:db8::1', false],
  ['203.0.113.0/24', '::ffff:203.0.113.7', true],
  ['2001:db8::/32', '2001:db8:ffff::1', true],
  ['2001:db8::/32', '2001:db9::1', false],
  ['::/0', '203.0.113.7', false],
  ['10.0.0.0/8', 'nonsense', false],
  ['10.0.0.0/8', '', false],
])('KEY-04: of %s, %s is a part: %s', (cidr, address, isPart) => {
  expect(isInside(parseNetworks([cidr]), address)).toBe(isPart);
});

test('KEY-04: an address in any one of the networks is let in, and one in none of none is not', () => {
  const networks = parseNetworks(['10.0.0.0/8', '2001:db8::/32']);
  expect(isInside(networks, '10.1.1.1')).toBe(true);
  expect(isInside(networks, '2001:db8::1')).toBe(true);
  expect(isInside(networks, '11.1.1.1')).toBe(false);
  expect(isInside([], '10.1.1.1')).toBe(false);
});

test.each([
  ['10.1.0.0/16', ['10.0.0.0/8'], true],
  ['10.0.0.0/8', ['10.0.0.0/8'], true],
  ['10.0.0.0/7', ['10.0.0.0/8'], false],
  ['11.0.0.0/16', ['10.0.0.0/8', '12.0.0.0/8'], false],
  ['2001:db8:1::/48', ['10.0.0.0/8', '2001:db8::/32'], true],
  ['::/0', ['0.0.0.0/0'], false],
])('%s lies within %j: %s', (cidr, outer, isPart) => {
  expect(isWithin(cidr, outer)).toBe(isPart);
});
