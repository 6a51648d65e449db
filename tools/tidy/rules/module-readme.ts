/** Every module says what it is, under the same seven headings. */
import type { Rule } from '../types.ts';

const HEADINGS = ['Owns', 'Refuses', 'Words', 'Tables', 'Invariants', 'Failure and recovery', 'Door'];

function missingHeadings(text: string): readonly string[] {
  const present = new Set([...text.matchAll(/^## (.+?)\s*$/gm)].map((match) => match[1]));
  return HEADINGS.filter((heading) => !present.has(heading));
}

/** Modules without a README, and READMEs without a heading. */
export const moduleReadme: Rule = (files) => {
  const modules = new Set(
    files
      .map(({ path }) => /^apps\/server\/src\/modules\/([^/]+)\//.exec(path)?.[1])
      .filter((name) => name !== undefined),
  );
  return [...modules].flatMap((name) => {
    const path = `apps/server/src/modules/${name}/README.md`;
    const readme = files.find((file) => file.path === path);
    if (!readme) return [{ path, line: 0, message: 'is missing: say what the module owns and refuses' }];
    return missingHeadings(readme.text).map((heading) => ({
      path,
      line: 0,
      message: `has no heading "## ${heading}"`,
    }));
  });
};
