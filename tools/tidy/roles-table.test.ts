import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROLE_SCOPES } from '../../apps/server/src/modules/identity/index.ts';
import { SCOPES } from '../../packages/contract/src/index.ts';
import { rolesTable, withRoles } from './roles-table.ts';
import { ROOT } from './tree.ts';

test('the page of organisations shows the rights of each role as the program gives them', () => {
  const page = readFileSync(join(ROOT, 'docs/access/organisations.md'), 'utf8');
  expect(page).toBe(withRoles(page, rolesTable(ROLE_SCOPES, SCOPES)));
});

test('the table marks what a role has, and leaves the operator out', () => {
  expect(rolesTable({ a: ['x'], b: [] }, ['x', 'operator'])).toBe(
    '| scope | a | b |\n| --- | --- | --- |\n| `x` | ✓ |  |',
  );
});
