import { SCOPES } from '@guildhall/contract';
import { expect, test } from 'vitest';
import type { Principal } from '../../platform/http/index.ts';
import { keyErrors } from './errors.ts';
import { assertLive, assertMayHandOut, ROLE_SCOPES } from './rules.ts';
import type { Actor } from './types.ts';

const keyActor = (principal: Partial<Principal>): Actor => ({
  type: 'key',
  principal: { orgId: 'org_1', keyId: 'key_1', mode: 'live', scopes: ['keys:write', 'runs:read'], ...principal },
});

test('no role of an organisation carries the right to run the installation', () => {
  for (const scopes of Object.values(ROLE_SCOPES)) expect(scopes).not.toContain('operator');
});

test('every role is contained in the owner', () => {
  for (const scopes of Object.values(ROLE_SCOPES))
    expect(ROLE_SCOPES.owner).toEqual(expect.arrayContaining([...scopes]));
});

test.each([
  ['its own scopes', {}, { mode: 'live', scopes: ['keys:write', 'runs:read'] }],
  ['fewer scopes', {}, { mode: 'live', scopes: ['runs:read'] }],
  ['a test key from a live one', {}, { mode: 'test', scopes: ['runs:read'] }],
  ['a test key from a test key', { mode: 'test' }, { mode: 'test', scopes: ['runs:read'] }],
] as const)('a key may hand out %s', (_what, principal, wanted) => {
  expect(() => assertMayHandOut(keyActor(principal), wanted)).not.toThrow();
});

test('a key cannot hand out a scope it lacks, and every such scope is named', () => {
  expect(() =>
    assertMayHandOut(keyActor({}), { mode: 'live', scopes: ['operator', 'runs:read', 'billing:write'] }),
  ).toThrow(
    expect.objectContaining({
      spec: keyErrors.scopeNotHeld,
      details: {
        errors: [expect.objectContaining({ path: '/scopes/0' }), expect.objectContaining({ path: '/scopes/2' })],
      },
    }),
  );
});

test('a test key cannot hand out a live key', () => {
  expect(() => assertMayHandOut(keyActor({ mode: 'test' }), { mode: 'live', scopes: ['runs:read'] })).toThrow(
    expect.objectContaining({ spec: keyErrors.liveFromTest }),
  );
});

test('the program itself may hand out anything', () => {
  expect(() =>
    assertMayHandOut({ type: 'system', orgId: 'org_1', name: 'cli' }, { mode: 'live', scopes: [...SCOPES] }),
  ).not.toThrow();
});

test('a test key is refused where only live keys may act', () => {
  const principal: Principal = { orgId: 'org_1', keyId: 'key_1', mode: 'test', scopes: ['operator'] };
  expect(() => assertLive(principal)).toThrow();
  expect(() => assertLive({ ...principal, mode: 'live' })).not.toThrow();
});
