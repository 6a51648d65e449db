/** Time, randomness, environment and console are reached at one place each and handed on as arguments. */
import type { Node } from 'oxc-parser';
import { isTestPath, isTypeScript, lineAt, walk } from '../code.ts';
import type { Finding, Rule, SourceFile } from '../types.ts';

interface Effect {
  readonly name: string;
  /** Where it is at home; each entry is the start of a path. */
  readonly homes: readonly string[];
  readonly instead: string;
  is(node: Node): boolean;
}

const CLI = ['apps/server/src/main.ts', 'apps/server/src/cli/', 'apps/server/src/cli.ts'];
/** The password of the embedded server is made before any other part exists. */
const EMBEDDED_PASSWORD = 'apps/server/src/platform/postgres/folder.ts';
/** The composition root hands randomness to whoever asks for it. */
const ROOT = 'apps/server/src/compose';
/** A test kit runs in tests only. */
const TESTKIT = 'packages/agent-sdk/src/testkit/';

const RANDOM_NAMES = new Set(['randomUUID', 'randomBytes', 'randomInt', 'getRandomValues', 'randomFillSync']);

function isMember(node: Node, object: string, property?: string): boolean {
  if (node.type !== 'MemberExpression' || node.object.type !== 'Identifier' || node.object.name !== object)
    return false;
  return property === undefined || (node.property.type === 'Identifier' && node.property.name === property);
}

function takesRandomName(node: Node): boolean {
  if (node.type === 'ImportSpecifier') return 'name' in node.imported && RANDOM_NAMES.has(node.imported.name);
  return (
    node.type === 'MemberExpression' && node.property.type === 'Identifier' && RANDOM_NAMES.has(node.property.name)
  );
}

const EFFECTS: readonly Effect[] = [
  {
    name: 'process.env',
    homes: ['apps/server/src/config/'],
    instead: 'take a slice of the config as an argument',
    is: (node) => isMember(node, 'process', 'env'),
  },
  {
    name: 'the wall clock',
    homes: ['apps/server/src/platform/clock/', TESTKIT],
    instead: 'take a Clock as an argument, or use platform.now() in SQL',
    is: (node) =>
      isMember(node, 'Date', 'now') ||
      (node.type === 'NewExpression' &&
        node.callee.type === 'Identifier' &&
        node.callee.name === 'Date' &&
        node.arguments.length === 0),
  },
  {
    name: 'Math.random',
    homes: [],
    instead: 'take a source of randomness as an argument (platform/ids, platform/crypto)',
    is: (node) => isMember(node, 'Math', 'random'),
  },
  {
    name: 'randomness of node:crypto',
    homes: ['apps/server/src/platform/ids/', 'apps/server/src/platform/crypto/', EMBEDDED_PASSWORD, ROOT],
    instead: 'take ids or random bytes as an argument (platform/ids, platform/crypto)',
    is: takesRandomName,
  },
  {
    name: 'console',
    homes: CLI,
    instead: 'take a log as an argument (platform/telemetry)',
    is: (node) => isMember(node, 'console'),
  },
];

function findingsOf(file: SourceFile): readonly Finding[] {
  const away = EFFECTS.filter((effect) => !effect.homes.some((home) => file.path.startsWith(home)));
  const found: Finding[] = [];
  walk(file, (node) => {
    for (const effect of away) {
      if (effect.is(node))
        found.push({ path: file.path, line: lineAt(file, node.start), message: `${effect.name}: ${effect.instead}` });
    }
  });
  return found;
}

/** Effects outside their homes. Tests, benches and tools are free. */
export const effects: Rule = (files) =>
  files.filter((file) => isTypeScript(file) && !isTestPath(file.path)).flatMap(findingsOf);
