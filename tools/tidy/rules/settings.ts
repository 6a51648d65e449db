/** The settings in the source and the settings in the reference are the same. */
import { type DeclaredSetting, settingsPage } from '../settings-page.ts';
import type { Rule } from '../types.ts';

const PAGE = 'docs/reference/settings.md';

function rowsOf(page: string): ReadonlyMap<string, string> {
  return new Map([...page.matchAll(/^\| `([^`]+)` \|.*$/gm)].map((match) => [match[1] ?? '', match[0]]));
}

/** The rule for a given table of settings: undocumented, outdated, and documented but gone. */
export function settingsAs(declared: readonly DeclaredSetting[]): Rule {
  return (files) => {
    const wanted = rowsOf(settingsPage(declared));
    const written = rowsOf(files.find((file) => file.path === PAGE)?.text ?? '');
    const names = [...new Set([...wanted.keys(), ...written.keys()])];
    return names
      .filter((name) => wanted.get(name) !== written.get(name))
      .map((name) => ({
        path: PAGE,
        line: 0,
        message: `${name} differs from apps/server/src/config: run node tools/reference.ts`,
      }));
  };
}
