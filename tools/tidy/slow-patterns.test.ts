/** Every regular expression of the program against texts that make a careless one take for ever. */
import { expect, test } from 'vitest';
import { isTestPath, isTypeScript, lineAt, walk } from './code.ts';
import { readTree } from './tree.ts';

interface Pattern {
  readonly at: string;
  readonly expression: RegExp;
}

/** Long enough that what is quadratic shows by far, short enough that what is linear takes a millisecond. */
const CHARS = 24_000;
/** Of this thread alone, so that a busy machine does not matter; the best of three, so that garbage does not either. */
const CPU_MS_MAX = 50;

/** These see bounded text, or run in a child process that is ended; each with what bounds it. */
const BOUNDED: Readonly<Record<string, string>> = {
  'agents/data-processor/src/read/inspect.ts': 'a child process with a limit of time',
  'agents/report-generator/src/render/logo.ts': 'a child process with a limit of time',
  'agents/report-generator/src/prose/liquid.ts': 'a child process with a limit of time',
  'agents/report-generator/src/run.ts': 'hyphens were joined by the line before',
  'apps/server/src/cli/connection.ts': "the operator's own setting",
  'apps/server/src/config/resolve.ts': "the operator's own setting",
  'apps/server/src/config/schemas.ts': "the operator's own setting",
  'apps/server/src/config/strength.ts': "the operator's own setting",
  'apps/server/src/modules/models/channels/environment.ts': "the operator's own setting",
  'apps/server/src/modules/models/channels/rules.ts': '2,048 characters by its schema',
  'apps/server/src/platform/telemetry/redact.ts': 'fields of a line are cut to length before',
  'packages/contract/src/common.ts': 'the digits of a bigint of money',
};

const patterns: Pattern[] = readTree()
  .filter((file) => isTypeScript(file) && !isTestPath(file.path) && !file.path.includes('.test-support'))
  .flatMap((file) => {
    const found: Pattern[] = [];
    walk(file, (node) => {
      if (node.type !== 'Literal' || !('regex' in node)) return;
      const { pattern, flags } = node.regex;
      found.push({ at: `${file.path}:${lineAt(file, node.start)}`, expression: new RegExp(pattern, flags) });
    });
    return found;
  });

/** Words and signs that stand in the pattern itself, and what classes are usually made of. */
function piecesOf({ source }: RegExp): readonly string[] {
  const words = source.match(/[A-Za-z]{2,}[-_:]?/g) ?? [];
  const signs = source.match(/[^\\\w\s()[\]{}|^$*+?]/g) ?? [];
  return [...new Set([...words, ...signs, 'a', 'A', '0', ' ', '\n', 'a-', 'a.', '0.', '<a', 'é', '\\', '"'])];
}

const attacksOn = (expression: RegExp): readonly string[] =>
  piecesOf(expression).flatMap((piece) => {
    const long = piece.repeat(CHARS / piece.length);
    return [`${long}\0`, `x${long}\0x`];
  });

function cpuMs(work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3 && best > CPU_MS_MAX; tries += 1) {
    const before = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(before);
    best = Math.min(best, (user + system) / 1_000);
  }
  return best;
}

test('no text makes a pattern take long, but for those that see bounded text', () => {
  expect(patterns.length).toBeGreaterThan(250);
  const slow: string[] = [];
  for (const { at, expression } of patterns) {
    const [path = ''] = at.split(':', 1);
    if (path in BOUNDED) continue;
    if (attacksOn(expression).some((attack) => cpuMs(() => attack.replace(expression, '')) > CPU_MS_MAX))
      slow.push(`${at} ${expression.source}`);
  }
  expect(slow).toEqual([]);
}, 120_000);

test('every exception is still needed', () => {
  const paths = new Set(patterns.map(({ at }) => at.split(':', 1)[0]));
  expect(Object.keys(BOUNDED).filter((path) => !paths.has(path))).toEqual([]);
});
