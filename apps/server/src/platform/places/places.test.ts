import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mmdb } from '../../../test/harness/mmdb.ts';
import { type Logger, silentLogger } from '../telemetry/index.ts';
import { createPlaces, describePlaces } from './index.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'guildhall-places-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** As an operator replaces it: a new file takes the name of the old one. */
async function put(name: string, bytes: Buffer): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(`${file}.new`, bytes);
  await rename(`${file}.new`, file);
  return file;
}

async function open(file: string | undefined, log: Logger = silentLogger) {
  const places = createPlaces({ file, log });
  return { ...places, stop: await places.start() };
}

const BERLIN = { latitude: 52.5, longitude: 13.4 };
const NETWORKS = {
  '192.0.2.0/24': { country: { iso_code: 'DE' }, location: { ...BERLIN, accuracy_radius: 20 } },
  '198.51.100.0/25': {
    country: { iso_code: 'AU' },
    location: { latitude: -25, longitude: 133, accuracy_radius: 1000 },
  },
  '203.0.113.0/24': { registered_country: { iso_code: 'FR' } },
  '2001:db8::/32': { country: { iso_code: 'JP' } },
};

it('an address is where the file says, in either family and spelling; nowhere where the file knows no country', async () => {
  const { placeOf, stop } = await open(await put('one.mmdb', mmdb(NETWORKS)));
  const berlin = { country: 'DE', ...BERLIN };
  const nowhere = { latitude: undefined, longitude: undefined };
  expect(['192.0.2.1', '192.0.2.255', '::ffff:192.0.2.7'].map(placeOf)).toEqual([berlin, berlin, berlin]);
  expect(placeOf('2001:db8:1::1')).toEqual({ country: 'JP', ...nowhere });
  // Placed in the middle of a continent: that says nothing about travel.
  expect(placeOf('198.51.100.1')).toEqual({ country: 'AU', ...nowhere });
  const unknown = ['198.51.100.128', '203.0.113.1', '10.0.0.1', '::1', 'fe80::1%eth0', 'unknown', ''];
  expect(unknown.map(placeOf)).toEqual(unknown.map(() => undefined));
  await stop();
});

it('a file of IPv4 alone says nothing of IPv6', async () => {
  const all = { '0.0.0.0/1': { country: { iso_code: 'DE' } }, '128.0.0.0/1': { country: { iso_code: 'AU' } } };
  const { placeOf, stop } = await open(await put('four.mmdb', mmdb(all, { ipVersion: 4 })));
  expect([placeOf('9.9.9.9')?.country, placeOf('2001:db8::1')]).toEqual(['DE', undefined]);
  await stop();
});

it('without a file nobody is anywhere', async () => {
  const { placeOf, look, stop } = await open(undefined);
  await look();
  expect(placeOf('192.0.2.1')).toBeUndefined();
  await stop();
});

it('what cannot be used is refused at the start, and why is said', async () => {
  const good = mmdb(NETWORKS);
  const refusals = [
    [path.join(folder, 'absent.mmdb'), /no such file/],
    [folder, /no file/],
    [await put('garbage.mmdb', Buffer.alloc(3_000_000, 7)), /format of MaxMind/],
    [await put('empty.mmdb', Buffer.alloc(0)), /format of MaxMind/],
    [await put('cut.mmdb', good.subarray(0, -20)), /damaged/],
    [await put('tail.mmdb', good.subarray(good.lastIndexOf('MaxMind.com') - 3)), /damaged/],
    [await put('asn.mmdb', mmdb(NETWORKS, { type: 'Test-ASN' })), /Test-ASN tells no countries/],
  ] as const;
  for (const [file, why] of refusals) {
    await expect(open(file)).rejects.toThrow(why);
    await expect(describePlaces(file)).rejects.toThrow(why);
  }
  expect(await describePlaces(await put('good.mmdb', good))).toBe('Test-City of 2023-11-14');
});

it('a file that was replaced is read; one that cannot be used, or is away, leaves the former one in use, and is told once', async () => {
  const lines: unknown[] = [];
  const note = (level: string) => (message: string) => lines.push([level, message]);
  const log = { ...silentLogger, info: note('info'), error: note('error') };
  const [anew, failed] = [
    ['info', 'the country database was read anew'],
    ['error', 'COUNTRY_DATABASE cannot be used, the former one stays in use'],
  ];
  const file = await put('two.mmdb', mmdb(NETWORKS));
  const { placeOf, look, stop } = await open(file, log);
  const seen = async () => {
    await look();
    await look();
    return placeOf('192.0.2.1')?.country;
  };
  expect([await seen(), lines]).toEqual(['DE', []]);
  await put('two.mmdb', Buffer.from('half of a file'));
  expect([await seen(), lines]).toEqual(['DE', [failed]]);
  await put('two.mmdb', mmdb({ '192.0.2.0/24': { country: { iso_code: 'FR' } } }));
  expect([await seen(), lines]).toEqual(['FR', [failed, anew]]);
  await rm(file);
  expect([await seen(), lines]).toEqual(['FR', [failed, anew, failed]]);
  await stop();
});
