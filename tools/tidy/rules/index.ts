/** All house rules by name. */
import type { DeclaredSetting } from '../settings-page.ts';
import type { Rule } from '../types.ts';
import { blobs } from './blobs.ts';
import { codeFromText } from './code-from-text.ts';
import { effects } from './effects.ts';
import { errorCodes } from './error-codes.ts';
import { importCycles } from './import-cycles.ts';
import { importDirection } from './import-direction.ts';
import { injection } from './injection.ts';
import { leftovers } from './leftovers.ts';
import { links } from './links.ts';
import { migrations } from './migrations.ts';
import { moduleReadme } from './module-readme.ts';
import { network } from './network.ts';
import { rootFiles } from './root-files.ts';
import { settingsAs } from './settings.ts';
import { type Ratchet, sizeWithin } from './size.ts';
import { sqlOwnership } from './sql-ownership.ts';
import { suppressions } from './suppressions.ts';
import { tls } from './tls.ts';

export interface RuleParts {
  readonly ratchet: Ratchet;
  readonly settings: readonly DeclaredSetting[];
}

/** The house rules, with the list of exceptions and the table of settings they compare with. */
export function allRules({ ratchet, settings }: RuleParts): Readonly<Record<string, Rule>> {
  return {
    'import-direction': importDirection,
    'import-cycles': importCycles,
    'sql-ownership': sqlOwnership,
    effects,
    network,
    'code-from-text': codeFromText,
    injection,
    size: sizeWithin(ratchet),
    suppressions,
    leftovers,
    'error-codes': errorCodes,
    settings: settingsAs(settings),
    'root-files': rootFiles,
    'module-readme': moduleReadme,
    links,
    blobs,
    migrations,
    tls,
  };
}
