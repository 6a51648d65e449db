/** Nothing half done is merged. */
import type { Finding, Rule, SourceFile } from '../types.ts';

/** Written in pieces so that this file does not find itself. */
const MARKS: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`\\b(${'FIX'}ME|${'TO'}DO|${'XX'}X)\\b`), 'finish it or leave it out; an open end belongs in an issue'],
  [
    new RegExp(`\\b(test|it|describe|suite|bench)\\.(${'on'}ly|${'sk'}ip|${'to'}do)\\b`),
    'every test runs; where a machine lacks something, use skipIf with its reason',
  ],
];
const CONFLICT = new RegExp(`^(${'<'.repeat(7)} |${'>'.repeat(7)} |${'='.repeat(7)}$)`);
const CODE = /\.(ts|tsx|mjs|js|sql|sh|css)$/;

function findingsOf(file: SourceFile): readonly Finding[] {
  return file.text.split('\n').flatMap((text, index) => {
    const at = (message: string): Finding => ({ path: file.path, line: index + 1, message });
    const found = CODE.test(file.path)
      ? MARKS.filter(([mark]) => mark.test(text)).map(([, message]) => at(message))
      : [];
    return CONFLICT.test(text) ? [...found, at('a mark of a merge conflict')] : found;
  });
}

/** Marks of unfinished work, tests that do not run, merge conflicts. */
export const leftovers: Rule = (files) => files.flatMap(findingsOf);
