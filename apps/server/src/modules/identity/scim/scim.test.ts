import { expect, test } from 'vitest';
import type { GuildhallError } from '../../../platform/errors/index.ts';
import { parseFilter } from './filter.ts';
import { folded, type Json } from './json.ts';
import { applyPatch } from './patch.ts';
import { GROUP_SHAPE, groupFields, nameOf, project, USER_SHAPE, userFields } from './resources.ts';

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'nothing thrown';
  } catch (error) {
    return (error as GuildhallError).spec.code;
  }
};

const NAMES = ['username', 'externalid', 'active'];

test.each([
  ['userName eq "ada@example.com"', [{ attribute: 'username', value: 'ada@example.com' }]],
  ['USERNAME EQ "a\\"b\\\\"', [{ attribute: 'username', value: 'a"b\\' }]],
  [
    'urn:ietf:params:scim:schemas:core:2.0:User:externalId eq "x and y"',
    [{ attribute: 'externalid', value: 'x and y' }],
  ],
  [
    'userName eq "a" and active eq True AND externalId eq "1"',
    [
      { attribute: 'username', value: 'a' },
      { attribute: 'active', value: true },
      { attribute: 'externalid', value: '1' },
    ],
  ],
])('the filter %s is read', (filter, terms) => {
  expect(parseFilter(filter, NAMES)).toEqual(terms);
});

test.each([
  '',
  'userName',
  'userName eq',
  'userName eq ada',
  'userName sw "a"',
  'userName eq "a" or userName eq "b"',
  'not (userName eq "a")',
  'password eq "a"',
  'userName eq "a" and',
  'userName eq "a" userName eq "b"',
  'userName eq "\\x"',
  "userName eq 'a'",
  'userName eq "a"; drop table',
  `userName eq "${'a'.repeat(1_000)}"`,
  Array.from({ length: 6 }, () => 'active eq true').join(' and '),
])('the filter %s is refused', (filter) => {
  expect(codeOf(() => parseFilter(filter, NAMES))).toBe('scim.invalid-filter');
});

const ADA = folded({
  userName: 'ada@example.com',
  name: { givenName: 'Ada', familyName: 'Byron' },
  emails: [{ value: 'ada@example.com', type: 'work', primary: true }],
  active: true,
}) as Json;
const patched = (...operations: unknown[]) => userFields(applyPatch(ADA, { Operations: operations }, USER_SHAPE));

test.each<[string, unknown, object]>([
  ['a path', { op: 'replace', path: 'active', value: false }, { active: false }],
  ['texts for booleans', { op: 'Replace', path: 'active', value: 'False' }, { active: false }],
  ['no path', { op: 'replace', value: { active: false, displayName: 'A' } }, { active: false, displayName: 'A' }],
  [
    'paths as names',
    { op: 'add', value: { 'name.familyName': 'Lovelace' } },
    { givenName: 'Ada', familyName: 'Lovelace' },
  ],
  [
    'a part of a whole',
    { op: 'replace', path: 'name.familyName', value: 'Lovelace' },
    { givenName: 'Ada', familyName: 'Lovelace' },
  ],
  [
    'a whole by parts',
    { op: 'replace', path: 'name', value: { familyName: 'L' } },
    { givenName: 'Ada', familyName: 'L' },
  ],
  [
    'an element',
    { op: 'replace', path: 'emails[type eq "work"].value', value: 'a@example.com' },
    { email: 'a@example.com' },
  ],
  [
    'an element that is not there',
    { op: 'add', path: 'emails[type eq "home"]', value: { value: 'h@example.com' } },
    { email: 'ada@example.com' },
  ],
  ['a list', { op: 'replace', path: 'emails', value: [{ value: 'b@example.com' }] }, { email: 'b@example.com' }],
  ['what is taken away', { op: 'remove', path: 'name.givenName' }, { givenName: undefined, familyName: 'Byron' }],
  ['an address that is taken away', { op: 'remove', path: 'emails[type eq "work"]' }, { email: undefined }],
  [
    'the name of the schema',
    { op: 'replace', path: 'urn:ietf:params:scim:schemas:core:2.0:User:userName', value: 'x@example.com' },
    { userName: 'x@example.com' },
  ],
  ['what is not known', { op: 'add', path: 'title', value: 'Countess' }, { userName: 'ada@example.com' }],
  [
    'an extension',
    { op: 'add', path: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department', value: 'x' },
    { active: true },
  ],
  [
    'names of every object',
    { op: 'add', value: JSON.parse('{"constructor":1,"toString":{"active":false}}') },
    { active: true },
  ],
])('a change is made: %s', (_name, operation, expected) => {
  expect(patched(operation)).toMatchObject(expected);
});

test.each<[unknown, string]>([
  [{ op: 'move', path: 'active', value: true }, 'scim.invalid-syntax'],
  [{ path: 'active', value: true }, 'scim.invalid-syntax'],
  [7, 'scim.invalid-syntax'],
  [{ op: 'remove' }, 'scim.no-target'],
  [{ op: 'add', value: 'x' }, 'scim.no-target'],
  [{ op: 'add', path: 'emails[', value: 1 }, 'scim.invalid-path'],
  [{ op: 'add', path: 'emails[type gt "a"]', value: 1 }, 'scim.invalid-path'],
  [{ op: 'add', path: 7, value: 1 }, 'scim.invalid-path'],
  [{ op: 'add', path: '__proto__.active', value: false }, 'scim.invalid-path'],
  [{ op: 'replace', path: 'active', value: 'perhaps' }, 'scim.invalid-value'],
  [{ op: 'remove', path: 'userName' }, 'scim.invalid-value'],
  [{ op: 'replace', path: 'emails', value: 'nobody' }, 'scim.invalid-value'],
  [{ op: 'replace', path: 'emails', value: [{ value: 'no address' }] }, 'scim.invalid-value'],
  [{ op: 'replace', path: 'name.givenName', value: 'x'.repeat(101) }, 'scim.invalid-value'],
])('a change is refused: %j', (operation, code) => {
  expect(codeOf(() => patched(operation))).toBe(code);
});

test('members of a group are added once, taken out by value and by filter, and replaced', () => {
  const group = folded({ displayName: 'G', members: [{ value: 'a' }, { value: 'b' }] }) as Json;
  const after = (...Operations: unknown[]) => groupFields(applyPatch(group, { Operations }, GROUP_SHAPE)).members;
  expect(after({ op: 'Add', path: 'members', value: [{ value: 'b' }, { value: 'c' }] })).toEqual(['a', 'b', 'c']);
  expect(after({ op: 'remove', path: 'members[value eq "a"]' })).toEqual(['b']);
  expect(after({ op: 'Remove', path: 'members', value: [{ value: 'a' }] })).toEqual(['b']);
  expect(after({ op: 'remove', path: 'members' })).toEqual([]);
  expect(after({ op: 'replace', path: 'members', value: [{ value: 'z' }] })).toEqual(['z']);
  expect(after({ op: 'replace', value: { displayName: 'H', members: [{ value: 'Z' }] } })).toEqual(['Z']);
});

test('somebody is called by what the directory says, at last by their userName', () => {
  const base = { userName: 'u@example.com' };
  expect(nameOf(userFields(folded(base) as Json))).toBe('u@example.com');
  expect(nameOf(userFields(folded({ ...base, name: { givenName: 'Ada' } }) as Json))).toBe('Ada');
  expect(nameOf(userFields(folded({ ...base, displayName: 'Ada L', name: { givenName: 'Ada' } }) as Json))).toBe(
    'Ada L',
  );
});

test('a query shows only what it asks for, and always what identifies', () => {
  const group = { schemas: ['x'], id: '1', displayName: 'G', members: [] };
  expect(project(group, { excludedAttributes: 'members' })).toEqual({ schemas: ['x'], id: '1', displayName: 'G' });
  expect(project(group, { attributes: 'displayName,members.value' })).toEqual(group);
  expect(project(group, { attributes: 'nothing', excludedAttributes: 'id' })).toEqual({ schemas: ['x'], id: '1' });
});
