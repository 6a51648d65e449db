import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { isSignedBy, scannerKeys } from './scanner.ts';

const pair = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve });
const textOf = (key: KeyObject): string => key.export({ format: 'der', type: 'spki' }).toString('base64');
const body = Buffer.from('[{"token":"gld_live_x"}]');
const [known, next, stranger] = [pair(), pair(), pair()];
const pinned = scannerKeys([textOf(known.publicKey), textOf(next.publicKey)]);
const signed = (key: KeyObject, bytes = body): string => sign('sha256', bytes, key).toString('base64');

test('KEY-07: a report signed by a pinned key is believed, by the one that follows it too', () => {
  expect(isSignedBy(pinned, body, signed(known.privateKey))).toBe(true);
  expect(isSignedBy(pinned, body, signed(next.privateKey))).toBe(true);
});

test.each([
  ['by a stranger', signed(stranger.privateKey)],
  ['of other bytes', signed(known.privateKey, Buffer.from('[]'))],
  ['of the bytes with a space behind them', signed(known.privateKey, Buffer.concat([body, Buffer.from(' ')]))],
  ['with another hash', sign('sha512', body, known.privateKey).toString('base64')],
  [
    'in the form of JOSE',
    sign('sha256', body, { key: known.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64'),
  ],
  ['of zeros', Buffer.alloc(70).toString('base64')],
  ['r = s = 0', Buffer.from('3006020100020100', 'hex').toString('base64')],
  ['empty', ''],
  ['of what is no base64', 'é'.repeat(80)],
])('KEY-07: a signature %s is not', (_, signature) => {
  expect(isSignedBy(pinned, body, signature)).toBe(false);
});

test('KEY-07: where no key is pinned, nobody signs', () => {
  expect(isSignedBy([], body, signed(known.privateKey))).toBe(false);
});
