/** Whoever is spoken to over TLS proves who it is. */
import type { Node } from 'oxc-parser';
import { isTypeScript, lineAt, walk } from '../code.ts';
import type { Finding, Rule, SourceFile } from '../types.ts';

const nameOf = (node: Node): string | undefined =>
  node.type === 'Identifier'
    ? node.name
    : node.type === 'Literal' && typeof node.value === 'string'
      ? node.value
      : undefined;

/** What is wrong with a member of an object of options; undefined when it is in order. */
function faultOf(name: string | undefined, value: Node): string | undefined {
  const literal = value.type === 'Literal' ? value.value : undefined;
  if (name === 'rejectUnauthorized' && (literal === false || literal === 0))
    return 'rejectUnauthorized: false lets anybody stand in between; trust the certificate by NODE_EXTRA_CA_CERTS';
  if (name === 'checkServerIdentity') return 'checkServerIdentity: the name in the certificate is judged by Node';
  if (name === 'minVersion' && /^(SSL|TLSv1(\.1)?$)/.test(String(literal))) return 'minVersion: at least TLSv1.2';
  return undefined;
}

function findingsOf(file: SourceFile): readonly Finding[] {
  const found: Finding[] = [];
  walk(file, (node) => {
    const fault =
      node.type === 'Property' && !node.computed
        ? faultOf(nameOf(node.key), node.value)
        : node.type === 'AssignmentExpression' && node.left.type === 'MemberExpression' && !node.left.computed
          ? faultOf(nameOf(node.left.property), node.right)
          : undefined;
    if (fault) found.push({ path: file.path, line: lineAt(file, node.start), message: fault });
  });
  return found;
}

const SWITCH = ['NODE_TLS_REJECT', 'UNAUTHORIZED'].join('_');

/** Certificates that are not looked at, in tests too: what they prove would not be true. Scripts and settings count. */
export const tls: Rule = (files) => [
  ...files.filter(isTypeScript).flatMap(findingsOf),
  ...files
    .filter((file) => /\.(ts|tsx|mjs|js|sh|json|ya?ml)$/.test(file.path) && file.text.includes(SWITCH))
    .map((file) => ({
      path: file.path,
      line: lineAt(file, file.text.indexOf(SWITCH)),
      message: `${SWITCH}: switches every certificate off`,
    })),
];
