/** Parsed TypeScript for the rules: a walk over nodes, line numbers, imports. */
import { type Node, type ParseResult, parseSync, visitorKeys } from 'oxc-parser';
import type { SourceFile } from './types.ts';

const parsed = new WeakMap<SourceFile, ParseResult>();

export function isTypeScript(file: SourceFile): boolean {
  return /\.tsx?$/.test(file.path) && file.text !== '';
}

/** Tests and what only they use: the rules on effects, doors and directions leave them more room. */
export function isTestPath(path: string): boolean {
  return (
    /\.test\.tsx?$/.test(path) ||
    /(^|\/)(test|test-support|test-children|test-data|fixtures?)\//.test(path) ||
    /(^|\/)fixtures?\.ts$/.test(path) ||
    /^(bench|tools)\//.test(path)
  );
}

function parse(file: SourceFile): ParseResult {
  const known = parsed.get(file);
  if (known !== undefined) return known;
  const result = parseSync(file.path, file.text);
  parsed.set(file, result);
  return result;
}

export function lineAt(file: SourceFile, offset: number): number {
  let line = 1;
  for (let at = file.text.indexOf('\n'); at !== -1 && at < offset; at = file.text.indexOf('\n', at + 1)) line += 1;
  return line;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

function childrenOf(node: Node): readonly Node[] {
  // A node's members are named by the parser's own table of keys.
  const members = node as unknown as Record<string, unknown>;
  return (visitorKeys[node.type] ?? []).flatMap((key) => [members[key]].flat().filter(isNode));
}

/** Visits every node, parents before children; `above` ends with the direct parent. */
export function walk(file: SourceFile, visit: (node: Node, above: readonly Node[]) => void): void {
  const step = (node: Node, above: readonly Node[]): void => {
    visit(node, above);
    const inside = [...above, node];
    for (const child of childrenOf(node)) step(child, inside);
  };
  step(parse(file).program, []);
}

export function commentsOf(
  file: SourceFile,
): readonly { readonly value: string; readonly start: number; readonly end: number }[] {
  return parse(file).comments;
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly typeOnly: boolean;
  /** Names taken from the module; empty for `export *` and dynamic imports. */
  readonly names: readonly string[];
}

/** Static imports, re-exports and dynamic imports of a fixed name, types included. */
export function importsOf(file: SourceFile): readonly Import[] {
  const found: Import[] = [];
  walk(file, (node) => {
    const line = lineAt(file, node.start);
    switch (node.type) {
      case 'ImportDeclaration': {
        const named = node.specifiers.filter((one) => one.type === 'ImportSpecifier');
        const allTypes =
          named.length > 0 &&
          named.length === node.specifiers.length &&
          named.every((one) => one.importKind === 'type');
        const names = named.map((one) => ('name' in one.imported ? one.imported.name : one.imported.value));
        found.push({ specifier: node.source.value, line, typeOnly: node.importKind === 'type' || allTypes, names });
        break;
      }
      case 'ExportAllDeclaration':
        found.push({ specifier: node.source.value, line, typeOnly: node.exportKind === 'type', names: [] });
        break;
      case 'ExportNamedDeclaration':
        if (node.source)
          found.push({ specifier: node.source.value, line, typeOnly: node.exportKind === 'type', names: [] });
        break;
      case 'ImportExpression':
        if (node.source.type === 'Literal' && typeof node.source.value === 'string') {
          found.push({ specifier: node.source.value, line, typeOnly: false, names: [] });
        }
        break;
      case 'TSImportType':
        found.push({ specifier: node.source.value, line, typeOnly: true, names: [] });
        break;
      default:
    }
  });
  return found;
}

/** The file that a relative specifier names. */
export function resolveRelative(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
