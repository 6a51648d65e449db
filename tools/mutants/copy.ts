/** A copy of the working tree in which bugs may be planted; the tree itself is never touched. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SCOPE = '@guildhall';

export interface TreeCopy {
  readonly folder: string;
  remove(): void;
}

/** Every file that belongs to the project, and its dependencies by link: those of the project itself point into the copy. */
export function copyTree(): TreeCopy {
  const folder = mkdtempSync(path.join(tmpdir(), 'guildhall-mutants-'));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  for (const file of listed.toString().split('\0')) {
    const source = path.join(ROOT, file);
    if (file !== '' && existsSync(source)) cpSync(source, path.join(folder, file));
  }
  const modules = path.join(ROOT, 'node_modules');
  mkdirSync(path.join(folder, 'node_modules', SCOPE), { recursive: true });
  for (const name of readdirSync(modules)) {
    if (name !== SCOPE) symlinkSync(path.join(modules, name), path.join(folder, 'node_modules', name));
  }
  for (const name of readdirSync(path.join(modules, SCOPE))) {
    const own = path.resolve(modules, SCOPE, readlinkSync(path.join(modules, SCOPE, name)));
    symlinkSync(path.join(folder, path.relative(ROOT, own)), path.join(folder, 'node_modules', SCOPE, name));
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
