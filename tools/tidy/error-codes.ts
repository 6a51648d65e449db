/** The error codes that the source declares, and the page that lists them. */
import type { Node } from 'oxc-parser';
import { isTestPath, isTypeScript, lineAt, walk } from './code.ts';
import type { SourceFile } from './types.ts';

export interface DeclaredCode {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly advice: string;
  readonly path: string;
  readonly line: number;
}

/** A literal, or literals joined by `+`; anything else cannot be read without running it. */
function constantOf(node: Node | null | undefined): string | number | undefined {
  if (node?.type === 'Literal' && (typeof node.value === 'string' || typeof node.value === 'number')) return node.value;
  if (node?.type === 'TemplateLiteral' && node.expressions.length === 0)
    return node.quasis[0]?.value.cooked ?? undefined;
  if (node?.type !== 'BinaryExpression' || node.operator !== '+') return undefined;
  const [left, right] = [constantOf(node.left), constantOf(node.right)];
  return left === undefined || right === undefined ? undefined : `${left}${right}`;
}

function codesOfCall(file: SourceFile, node: Node): readonly DeclaredCode[] {
  if (node.type !== 'CallExpression' || node.callee.type !== 'Identifier' || node.callee.name !== 'defineErrors')
    return [];
  const [areaNode, table] = node.arguments;
  const area = constantOf(areaNode);
  if (table?.type !== 'ObjectExpression') return [];
  return table.properties.flatMap((property) => {
    if (property.type !== 'Property' || property.value.type !== 'ArrayExpression') return [];
    const [reason, status, title, advice] = property.value.elements.map(constantOf);
    const where = { path: file.path, line: lineAt(file, property.start) };
    return [
      { code: `${area}.${reason}`, status: Number(status), title: String(title), advice: String(advice), ...where },
    ];
  });
}

/** Every code declared with `defineErrors`, sorted. */
export function declaredCodes(files: readonly SourceFile[]): readonly DeclaredCode[] {
  const found: DeclaredCode[] = [];
  for (const file of files) {
    if (!isTypeScript(file) || isTestPath(file.path) || !file.path.startsWith('apps/server/src/')) continue;
    walk(file, (node) => found.push(...codesOfCall(file, node)));
  }
  return found.toSorted((a, b) => (a.code < b.code ? -1 : a.code > b.code ? 1 : 0));
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** docs/reference/errors.md as it must read. */
export function errorsPage(codes: readonly DeclaredCode[]): string {
  const rows = codes.map(
    ({ code, status, title, advice }) => `| \`${code}\` | ${status} | ${cell(title)} | ${cell(advice)} |`,
  );
  return [
    '# Error codes',
    '',
    'Made by `node tools/reference.ts` from the `errors.ts` of each module; a check keeps both equal.',
    'Every refusal is a problem document (RFC 9457) with one of these in `code`. A status below 500 is for the caller to act on,',
    '500 is a bug of ours, any other status from 500 up is a dependency that failed for a time. An agent may end a run with a code of its own, `agent.<reason>`.',
    '',
    '| code | status | what happened | what to do |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
