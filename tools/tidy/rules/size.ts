/** Files and functions stay readable; today's exceptions are listed and may only shrink. */
import type { ArrowFunctionExpression, Function as DeclaredFunction, Node } from 'oxc-parser';
import { isTestPath, isTypeScript, lineAt, walk } from '../code.ts';
import type { Finding, Rule, SourceFile } from '../types.ts';

const FILE_MAX_LINES = 400;
const TEST_FILE_MAX_LINES = 600;
const FUNCTION_MAX_LINES = 60;
const PARAMETERS_MAX = 4;

/** `path` or `path#function` → the lines it may have until it is cut. */
export type Ratchet = Readonly<Record<string, number>>;

interface Size {
  readonly key: string;
  readonly line: number;
  readonly lines: number;
  readonly max: number;
}

type FunctionNode = ArrowFunctionExpression | DeclaredFunction;

function isFunction(node: Node): node is FunctionNode {
  return ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].includes(node.type);
}

function nameOf(node: FunctionNode, parent: Node | undefined, line: number): string {
  if (node.type !== 'ArrowFunctionExpression' && node.id) return node.id.name;
  if (parent?.type === 'VariableDeclarator' && parent.id.type === 'Identifier') return parent.id.name;
  const isMember = parent?.type === 'Property' || parent?.type === 'MethodDefinition';
  return isMember && parent.key.type === 'Identifier' ? parent.key.name : `line-${line}`;
}

/** Lines of a function without those of the functions inside it: a factory is as long as what it does itself. */
function functionSizes(file: SourceFile): readonly Size[] {
  const own = new Map<Node, { key: string; line: number; lines: number }>();
  walk(file, (node, above) => {
    if (!isFunction(node)) return;
    const line = lineAt(file, node.start);
    const lines = lineAt(file, node.end) - line + 1;
    const outer = above.findLast(isFunction);
    const outerSize = outer && own.get(outer);
    if (outerSize && lines > 1) outerSize.lines -= lines - 1;
    own.set(node, { key: `${file.path}#${nameOf(node, above.at(-1), line)}`, line, lines });
  });
  return [...own.values()].map((size) => ({ ...size, max: FUNCTION_MAX_LINES }));
}

function fileSize(file: SourceFile): Size {
  const max = isTestPath(file.path) ? TEST_FILE_MAX_LINES : FILE_MAX_LINES;
  return { key: file.path, line: 0, lines: file.text.replace(/\n$/, '').split('\n').length, max };
}

function tooManyParameters(file: SourceFile): readonly Finding[] {
  const found: Finding[] = [];
  walk(file, (node) => {
    if (!isFunction(node) || node.params.length <= PARAMETERS_MAX) return;
    const message = `${node.params.length} positional parameters: take one named object beyond ${PARAMETERS_MAX}`;
    found.push({ path: file.path, line: lineAt(file, node.start), message });
  });
  return found;
}

function judge(size: Size, ratchet: Ratchet): readonly Finding[] {
  const [path = ''] = size.key.split('#');
  const allowed = ratchet[size.key];
  const at = (message: string): readonly Finding[] => [{ path, line: size.line, message }];
  if (size.lines <= size.max)
    return allowed === undefined ? [] : at(`${size.key} fits now: remove it from ratchet.json`);
  if (allowed === undefined)
    return at(`${size.key} has ${size.lines} lines, at most ${size.max}: cut it where it is two ideas`);
  if (size.lines > allowed)
    return at(`${size.key} has grown to ${size.lines} lines from ${allowed}; it may only shrink`);
  return size.lines < allowed ? at(`${size.key} has shrunk to ${size.lines}: write that into ratchet.json`) : [];
}

/** The rule with a given list of exceptions. */
export function sizeWithin(ratchet: Ratchet): Rule {
  return (files) => {
    const code = files.filter(isTypeScript);
    const sizes = code.flatMap((file) => [fileSize(file), ...(isTestPath(file.path) ? [] : functionSizes(file))]);
    const known = new Set(sizes.map((size) => size.key));
    const gone = Object.keys(ratchet).filter((key) => !known.has(key));
    return [
      ...sizes.flatMap((size) => judge(size, ratchet)),
      ...gone.map((key) => ({
        path: 'tools/tidy/ratchet.json',
        line: 0,
        message: `${key} does not exist any more: remove it`,
      })),
      ...code.filter((file) => !isTestPath(file.path)).flatMap(tooManyParameters),
    ];
  };
}
