/** Rewrites the generated pages of docs/reference from the code: `node tools/reference.ts`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SETTINGS } from '../apps/server/src/config/index.ts';
import { declaredCodes, errorsPage } from './tidy/error-codes.ts';
import { settingsPage } from './tidy/settings-page.ts';
import { ROOT, readTree } from './tidy/tree.ts';

writeFileSync(join(ROOT, 'docs/reference/errors.md'), errorsPage(declaredCodes(readTree())));
writeFileSync(join(ROOT, 'docs/reference/settings.md'), settingsPage(SETTINGS));
