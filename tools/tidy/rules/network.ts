/** One guarded way out: nothing else opens a connection. */
import { importsOf, isTestPath, isTypeScript, lineAt, walk } from '../code.ts';
import type { Finding, Rule, SourceFile } from '../types.ts';

/** Each with the reason why it may. */
const HOMES: readonly (readonly [path: string, reason: string])[] = [
  ['apps/server/src/platform/egress/', 'the guarded way out itself'],
  ['apps/server/src/platform/files/s3-client.ts', "the operator's own bucket, whose address comes from settings"],
  ['apps/server/src/platform/limits/redis-store.ts', "the operator's own Redis, whose address comes from settings"],
  ['apps/server/src/platform/mail/smtp.ts', "the operator's own mail server, whose address comes from settings"],
  [
    'apps/server/src/platform/telemetry/opentelemetry.ts',
    "the operator's own collector, whose address comes from settings",
  ],
  ['apps/server/src/platform/postgres/', 'the local server, over its own socket'],
  ['apps/server/src/platform/http/', 'the server that takes requests in'],
  ['apps/server/src/ready.ts', 'asks on this machine whether the process named in ready.json still answers'],
  ['apps/server/src/cli/', 'talks to the running platform on this machine'],
];

const MODULES = new Set([
  'undici',
  'ioredis',
  'nodemailer',
  '@opentelemetry/exporter-trace-otlp-http',
  'node:http',
  'node:https',
  'node:http2',
  'node:net',
  'node:tls',
  'node:dgram',
  'http',
  'https',
  'net',
  'tls',
]);
/** Of node:net, these only look at text. */
const PURE = new Set(['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress']);

function findingsOf(file: SourceFile): readonly Finding[] {
  const instead = 'use the guarded client of platform/egress (in an agent: step.fetch)';
  const found: Finding[] = importsOf(file)
    .filter(
      (one) =>
        MODULES.has(one.specifier) &&
        !one.typeOnly &&
        !(one.names.length > 0 && one.names.every((name) => PURE.has(name))),
    )
    .map((one) => ({ path: file.path, line: one.line, message: `${one.specifier}: ${instead}` }));
  walk(file, (node) => {
    const isFetch = node.type === 'CallExpression' && node.callee.type === 'Identifier' && node.callee.name === 'fetch';
    const isGlobal =
      node.type === 'MemberExpression' &&
      node.object.type === 'Identifier' &&
      node.object.name === 'globalThis' &&
      node.property.type === 'Identifier' &&
      ['fetch', 'WebSocket', 'EventSource'].includes(node.property.name);
    const isSocket =
      node.type === 'NewExpression' &&
      node.callee.type === 'Identifier' &&
      ['WebSocket', 'EventSource'].includes(node.callee.name);
    if (isFetch || isGlobal || isSocket)
      found.push({ path: file.path, line: lineAt(file, node.start), message: `a way out of its own: ${instead}` });
  });
  return found;
}

/** Connections opened outside the guarded client. */
export const network: Rule = (files) =>
  files
    .filter(
      (file) => isTypeScript(file) && !isTestPath(file.path) && !HOMES.some(([home]) => file.path.startsWith(home)),
    )
    .flatMap(findingsOf);
