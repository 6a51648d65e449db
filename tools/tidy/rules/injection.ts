/** Text from outside becomes neither SQL nor a line for a shell. */
import type { Node } from 'oxc-parser';
import { importsOf, isTestPath, isTypeScript, lineAt, walk } from '../code.ts';
import type { Finding, Rule, SourceFile } from '../types.ts';

/** Statements that take no parameters, of names that are escaped or are ours. */
const STATEMENT_HOMES = ['apps/server/src/platform/db/', 'apps/server/src/platform/postgres/'];
const CHILD_PROCESS = new Set(['node:child_process', 'child_process']);
const SHELLS = new Set(['exec', 'execSync']);
/** Of Kysely: what puts text into a statement as it is. */
const RAW = new Set(['raw', 'lit']);
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

const isNamed = (node: Node, names: ReadonlySet<string>): boolean => node.type === 'Identifier' && names.has(node.name);

/** Text that is put together where it stands. */
function isBuilt(node: Node | undefined): boolean {
  if (node?.type === 'TemplateLiteral') return node.expressions.length > 0;
  return node?.type === 'BinaryExpression' && node.operator === '+';
}

function shellFault(node: Node): string | undefined {
  if (node.type !== 'Property' || !isNamed(node.key, new Set(['shell']))) return undefined;
  const isOff = node.value.type === 'Literal' && node.value.value === false;
  return isOff ? undefined : 'shell: start a program with execFile or spawn and a list of arguments';
}

function sqlFault(node: Node, above: readonly Node[], isHome: boolean): string | undefined {
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return undefined;
  const { object, property } = node.callee;
  if (isNamed(object, new Set(['sql'])) && isNamed(property, RAW) && above.some(({ type }) => FUNCTIONS.has(type)))
    return 'sql.raw within a function: text of a statement is known when the program starts; values go through the tag';
  if (!isHome && isNamed(property, new Set(['query'])) && isBuilt(node.arguments[0]))
    return 'a statement put together from text: pass values as parameters, or use the sql tag';
  return undefined;
}

function findingsOf(file: SourceFile): readonly Finding[] {
  const isHome = STATEMENT_HOMES.some((home) => file.path.startsWith(home));
  const found: Finding[] = importsOf(file)
    .filter(({ specifier, names }) => CHILD_PROCESS.has(specifier) && names.some((name) => SHELLS.has(name)))
    .map(({ line }) => ({
      path: file.path,
      line,
      message: 'exec: start a program with execFile and a list of arguments',
    }));
  walk(file, (node, above) => {
    const message = shellFault(node) ?? sqlFault(node, above, isHome);
    if (message !== undefined) found.push({ path: file.path, line: lineAt(file, node.start), message });
  });
  return found;
}

/** Shells, and SQL that is not parameters alone. */
export const injection: Rule = (files) =>
  files.filter((file) => isTypeScript(file) && !isTestPath(file.path)).flatMap(findingsOf);
