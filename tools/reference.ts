/** Rewrites what is generated in docs from the code: `node tools/reference.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SETTINGS } from '../apps/server/src/config/index.ts';
import { ROLE_SCOPES } from '../apps/server/src/modules/identity/index.ts';
import { SCOPES } from '../packages/contract/src/index.ts';
import { declaredCodes, errorsPage } from './tidy/error-codes.ts';
import { rolesTable, withRoles } from './tidy/roles-table.ts';
import { settingsPage } from './tidy/settings-page.ts';
import { ROOT, readTree } from './tidy/tree.ts';

writeFileSync(join(ROOT, 'docs/reference/errors.md'), errorsPage(declaredCodes(readTree())));
writeFileSync(join(ROOT, 'docs/reference/settings.md'), settingsPage(SETTINGS));

const roles = join(ROOT, 'docs/access/organisations.md');
writeFileSync(roles, withRoles(readFileSync(roles, 'utf8'), rolesTable(ROLE_SCOPES, SCOPES)));
