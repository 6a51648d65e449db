/** Reads the repository as the rules see it. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SourceFile } from './types.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Not part of the project: made by tools, or kept by git itself. */
const LEFT_OUT = new Set(['node_modules', '.git', '.guildhall', 'dist', 'coverage']);
const TEXT =
  /\.(ts|tsx|mts|cts|js|mjs|cjs|json|md|mdx|sql|sh|yml|yaml|toml|css|html|txt|csv)$|(^|\/)(\.[a-z]+|LICENSE|Dockerfile|run)$/;
/** Larger files are never prose or code by hand. */
const TEXT_MAX_BYTES = 2 * 1024 * 1024;

/** Nothing where the file went away between listing and reading. */
function read(path: string): readonly SourceFile[] {
  const bytes = statSync(join(ROOT, path), { throwIfNoEntry: false })?.size;
  if (bytes === undefined) return [];
  const isText = TEXT.test(path) && bytes <= TEXT_MAX_BYTES;
  return [{ path, bytes, text: isText ? readFileSync(join(ROOT, path), 'utf8') : '' }];
}

function pathsBelow(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (LEFT_OUT.has(entry.name) || entry.name.endsWith('.log') || entry.name === '.env') return [];
    if (entry.isDirectory()) return pathsBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

/** Every file of the project, as it lies on disk. */
export function readTree(): readonly SourceFile[] {
  return pathsBelow('').flatMap(read);
}
