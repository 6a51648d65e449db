/** Text is never run as code in this process. */
import { importsOf, isTestPath, isTypeScript, lineAt, walk } from '../code.ts';
import type { Finding, Rule, SourceFile } from '../types.ts';

function findingsOf(file: SourceFile): readonly Finding[] {
  const instead = 'text must not become code; use a parser or the sandbox';
  const found: Finding[] = importsOf(file)
    .filter(({ specifier }) => ['node:vm', 'vm', 'vm2', 'isolated-vm'].includes(specifier))
    .map(({ specifier, line }) => ({ path: file.path, line, message: `${specifier}: ${instead}` }));
  walk(file, (node) => {
    if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return;
    if (node.callee.type !== 'Identifier' || !['eval', 'Function'].includes(node.callee.name)) return;
    found.push({ path: file.path, line: lineAt(file, node.start), message: `${node.callee.name}: ${instead}` });
  });
  return found;
}

/** `eval`, `new Function`, `node:vm` and their kin, outside tests of the walls. */
export const codeFromText: Rule = (files) =>
  files.filter((file) => isTypeScript(file) && !isTestPath(file.path)).flatMap(findingsOf);
