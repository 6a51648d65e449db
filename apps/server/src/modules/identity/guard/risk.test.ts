import { describe, expect, it } from 'vitest';
import { isImpossible, reasonsFor, riskOf } from './risk.ts';

const BERLIN = { country: 'DE', latitude: 52.5, longitude: 13.4 };
const POTSDAM = { country: 'DE', latitude: 52.4, longitude: 13.1 };
const SYDNEY = { country: 'AU', latitude: -33.9, longitude: 151.2 };
const hours = (count: number) => count * 3_600;

describe('SES-09: travel', () => {
  it.each([
    ['around the corner at once', POTSDAM, BERLIN, 0, false],
    ['to Sydney (16,000 km) in 10 hours', SYDNEY, BERLIN, hours(10), true],
    ['to Sydney in 17 hours', SYDNEY, BERLIN, hours(17), false],
    ['to another country in half an hour, places unknown', { country: 'AU' }, { country: 'DE' }, hours(0.5), true],
    ['to another country in two hours, places unknown', { country: 'AU' }, { country: 'DE' }, hours(2), false],
    ['within a country at once, places unknown', { country: 'DE' }, { country: 'DE' }, 0, false],
    ['to a country without a place, from one with', { country: 'AU' }, BERLIN, hours(0.5), true],
  ])('%s', (_what, to, from, agoSeconds, verdict) => {
    expect(isImpossible(to, { ...from, agoSeconds })).toBe(verdict);
  });
});

describe('SES-09: risk', () => {
  const calm = { isNewDevice: false, hadFailures: false, place: BERLIN, last: undefined, wasThere: false };
  const before = { ...BERLIN, agoSeconds: hours(48) };
  it.each([
    ['the first sign-in of all', calm, [], 0],
    ['a known device where it was before', { ...calm, last: before, wasThere: true }, [], 0],
    ['a new device', { ...calm, isNewDevice: true, last: before, wasThere: true }, ['new-device'], 30],
    ['a new country', { ...calm, place: SYDNEY, last: before }, ['new-country'], 30],
    ['failures before it', { ...calm, hadFailures: true }, ['failures-before'], 20],
    ['no place known', { ...calm, place: undefined, last: before }, [], 0],
    [
      'everything at once',
      { ...calm, isNewDevice: true, hadFailures: true, place: SYDNEY, last: { ...before, agoSeconds: 60 } },
      ['new-device', 'new-country', 'impossible-travel', 'failures-before'],
      100,
    ],
  ] as const)('%s', (_what, visit, reasons, risk) => {
    const found = reasonsFor(visit);
    expect([found, riskOf(found)]).toEqual([reasons, risk]);
  });
});
