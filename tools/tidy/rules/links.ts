/** A link in a page leads somewhere. */
import { resolveRelative } from '../code.ts';
import type { Finding, Rule, SourceFile } from '../types.ts';

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;

function foldersOf(paths: ReadonlySet<string>): ReadonlySet<string> {
  const folders = new Set<string>(['']);
  for (const path of paths) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) folders.add(parts.slice(0, depth).join('/'));
  }
  return folders;
}

/** As the pages are shown: lower case, no punctuation, hyphens for spaces. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}

/** Links between pages, with their anchors. Addresses on the network are not looked at. */
export const links: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const folders = foldersOf(new Set(byPath.keys()));
  const faultOf = (page: SourceFile, link: string): string | undefined => {
    const [target = '', anchor] = link.split('#');
    const path = target === '' ? page.path : resolveRelative(page.path, target).replace(/\/$/, '');
    const file = byPath.get(path);
    if (!file && !folders.has(path)) return `${link} leads to nothing`;
    return anchor !== undefined && file && /\.md$/.test(path) && !anchorsOf(file.text).has(anchor)
      ? `${link}: no such heading`
      : undefined;
  };
  return files
    .filter((file) => file.path.endsWith('.md'))
    .flatMap((page) => {
      const prose = page.text
        .replace(/```[\s\S]*?```/g, (block) => block.replace(/[^\n]/g, ' '))
        .replace(/`[^`\n]*`/g, (code) => ' '.repeat(code.length));
      return [...prose.matchAll(LINK)].flatMap((match): readonly Finding[] => {
        const link = match[1] ?? '';
        const fault = /^([a-z]+:|\/)/.test(link) ? undefined : faultOf(page, link);
        return fault === undefined
          ? []
          : [{ path: page.path, line: prose.slice(0, match.index).split('\n').length, message: fault }];
      });
    });
};
