/** The root holds what a newcomer must see, and nothing else. */
import type { Rule } from '../types.ts';

const PAGES = ['README', 'ARCHITECTURE', 'CONTRIBUTING', 'STYLE', 'CHANGELOG', 'SECURITY', 'LICENSE'];
const ALLOWED = new RegExp(
  `^(${PAGES.join('|')})(\\.md)?$|^package(-lock)?\\.json$|^tsconfig[a-z.]*\\.json$|^biome\\.json$|^vitest\\.config\\.ts$|^\\.[a-z]+$`,
);
const FOLDERS = new Set(['apps', 'agents', 'packages', 'bench', 'deploy', 'docs', 'tools', '.ci', '.github']);

/** Files and folders at the root that are not on its list. */
export const rootFiles: Rule = (files) => {
  const seen = new Set(files.map(({ path }) => (path.includes('/') ? `${path.split('/')[0]}/` : path)));
  return [...seen]
    .filter((name) => (name.endsWith('/') ? !FOLDERS.has(name.slice(0, -1)) : !ALLOWED.test(name)))
    .map((name) => ({
      path: name,
      line: 0,
      message: 'does not belong at the root: docs/ for pages, tools/ for scripts',
    }));
};
