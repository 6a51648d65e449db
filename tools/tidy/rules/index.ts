/** All house rules by name. */
import type { Rule } from '../types.ts';
import { blobs } from './blobs.ts';
import { codeFromText } from './code-from-text.ts';
import { effects } from './effects.ts';
import { errorCodes } from './error-codes.ts';
import { importCycles } from './import-cycles.ts';
import { importDirection } from './import-direction.ts';
import { leftovers } from './leftovers.ts';
import { links } from './links.ts';
import { migrations } from './migrations.ts';
import { moduleReadme } from './module-readme.ts';
import { network } from './network.ts';
import { rootFiles } from './root-files.ts';
import { type Ratchet, sizeWithin } from './size.ts';
import { sqlOwnership } from './sql-ownership.ts';
import { suppressions } from './suppressions.ts';

export function allRules(ratchet: Ratchet): Readonly<Record<string, Rule>> {
  return {
    'import-direction': importDirection,
    'import-cycles': importCycles,
    'sql-ownership': sqlOwnership,
    effects,
    network,
    'code-from-text': codeFromText,
    size: sizeWithin(ratchet),
    suppressions,
    leftovers,
    'error-codes': errorCodes,
    'root-files': rootFiles,
    'module-readme': moduleReadme,
    links,
    blobs,
    migrations,
  };
}
