import { describe, expect, test } from 'vitest';
import { type Principal, type RouteDefinition, type RouteLimit, route } from '../../../platform/http/index.ts';
import { createHttpLimits } from '../http-limits.ts';
import { inForce, KEY, limitsOf, ORGANISATION, type Override, subjectOf } from './rules.ts';

const SIGN_IN: RouteLimit = { name: 'sign-in', per: 'ip', max: 5, windowSeconds: 60, onStoreFailure: 'closed' };
const routeWith = (limits: readonly RouteLimit[], over: Partial<RouteDefinition> = {}): RouteDefinition => ({
  ...route({
    method: 'POST',
    path: '/v1/x',
    summary: 'x',
    tag: 'Test',
    scope: 'public',
    responses: { 200: null },
    limits,
    handler: async () => undefined,
  }),
  ...over,
});
const key: Principal = { orgId: 'org_a', keyId: 'key_a', mode: 'live', scopes: [] };
const person: Principal = { ...key, keyId: 'mbr_a', personId: 'usr_a' };

describe('limits of routes', () => {
  test('may be shared by name, and mean one thing by it', () => {
    expect(limitsOf([routeWith([SIGN_IN]), routeWith([SIGN_IN])]).get('sign-in')).toEqual(SIGN_IN);
    expect(() => limitsOf([routeWith([SIGN_IN]), routeWith([{ ...SIGN_IN, max: 6 }])])).toThrow('sign-in');
    expect(() => limitsOf([routeWith([{ ...KEY, max: 1 }])])).toThrow('key');
  });
});

describe('whom a limit counts', () => {
  test.each<[RouteLimit['per'], Principal | undefined, string | undefined]>([
    ['ip', undefined, '198.51.100.7'],
    ['ip', key, '198.51.100.7'],
    ['key', key, 'org_a/key_a'],
    ['organisation', key, 'org_a/live'],
    ['organisation', { ...key, mode: 'test' }, 'org_a/test'],
    ['organisation', { ...person, orgId: '' }, undefined],
    ['key', undefined, undefined],
    ['person', key, undefined],
    ['person', person, 'usr_a'],
  ])('by %s for %j is %j', (per, principal, subject) => {
    expect(subjectOf({ ...SIGN_IN, per }, { ip: '198.51.100.7', principal })).toBe(subject);
  });

  test('addresses of one IPv6 network are one', () => {
    const of = (ip: string) => subjectOf(SIGN_IN, { ip, principal: undefined });
    expect(of('2001:db8:1:2::a')).toBe(of('2001:db8:1:2:ffff::b'));
    expect(of('2001:db8:1:2::a')).not.toBe(of('2001:db8:1:3::a'));
  });
});

test("an organisation's own setting goes before everybody's, and that before the program's; an address has no organisation", () => {
  const set = (entries: readonly [string, Override][]) => new Map([['key', new Map(entries)]]);
  const everybody: [string, Override] = ['', { max: 7, windowSeconds: 1 }];
  const own: [string, Override] = ['org_a', { max: 9, windowSeconds: 2 }];
  expect(inForce(KEY, set([everybody, own]), 'org_a')).toEqual({ max: 9, windowSeconds: 2, isSet: true });
  expect(inForce(KEY, set([everybody, own]), 'org_b')).toEqual({ max: 7, windowSeconds: 1, isSet: true });
  expect(inForce(KEY, set([own]), 'org_b')).toEqual({ max: 2_400, windowSeconds: 60, isSet: false });
  expect(inForce(ORGANISATION, set([everybody]), 'org_b').isSet).toBe(false);
  expect(inForce({ ...KEY, per: 'ip' }, set([everybody, own]), 'org_a').max).toBe(7);
});

describe('a request', () => {
  const standing = { windowSeconds: 60, resetSeconds: 30, correct: () => {} };
  const counted = async (principal: Principal | undefined, over: Partial<RouteDefinition> = {}, left = 100) => {
    const names: string[] = [];
    const limits = createHttpLimits(
      {
        take: async (limit) => {
          names.push(limit.name);
          const remaining = limit === SIGN_IN ? left : 100;
          return { ...standing, allowed: remaining >= 0, limit: 100, remaining: Math.max(0, remaining) };
        },
      },
      async () => key,
      async () => ({ headers: { 'x-model': '1' } }),
    );
    const verdict = await limits.count({ principal, ip: '198.51.100.7', route: routeWith([SIGN_IN], over) });
    return { names, ...verdict };
  };

  test('of nobody counts by address, of a key and of a person also by organisation, each beside what its route says', async () => {
    expect((await counted(undefined)).names).toEqual(['public-ip', 'sign-in']);
    expect((await counted(key)).names).toEqual(['key', 'organisation', 'sign-in']);
    expect((await counted(person)).names).toEqual(['person', 'organisation', 'sign-in']);
  });

  test('tells of the limit that is nearest, and is refused where one of them is used up', async () => {
    expect((await counted(key, {}, 3)).headers).toMatchObject({ 'ratelimit-remaining': '3' });
    const refused = await counted(key, {}, -1);
    expect(refused.refusal).toMatchObject({ spec: { code: 'limits.exceeded' } });
    expect(refused.headers).toMatchObject({ 'ratelimit-remaining': '0', 'retry-after': '30' });
  });

  test('of a probe is not counted, and a call of a model is counted by its tier', async () => {
    expect((await counted(undefined, { tag: 'Health' })).names).toEqual([]);
    expect(await counted(key, { scope: 'models:use' })).toEqual({ names: [], headers: { 'x-model': '1' } });
  });
});
