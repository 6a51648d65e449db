/** Code imports only downwards and only through doors. */
import { importsOf, isTestPath, isTypeScript, resolveRelative } from '../code.ts';
import type { Finding, Rule, SourceFile } from '../types.ts';

/** The business modules, highest line first. A line imports only from lines below it, never from itself. */
export const MODULE_LINES: readonly (readonly string[])[] = [
  ['support', 'compliance', 'ops', 'console-api'],
  ['billing'],
  ['runs'],
  ['models'],
  ['catalog', 'metering', 'notify'],
  ['identity', 'ledger'],
  ['audit'],
];

type AreaKind = 'join' | 'top' | 'module' | 'platform' | 'config' | 'agent' | 'package' | 'test' | 'other';
interface Area {
  readonly kind: AreaKind;
  readonly name: string;
}

/** The only places that know more than one module: the composition, and the programs that stand on it. */
const JOINING = /^(compose(\.ts|$)|main\.ts$|serve\.ts$|cli(\.ts|$))/;

function areaOf(path: string): Area {
  const [first = '', second = '', third = '', fourth = '', fifth = ''] = path.split('/');
  if (isTestPath(path)) return { kind: 'test', name: path };
  if (first === 'agents') return { kind: 'agent', name: second };
  if (first === 'packages') return { kind: 'package', name: second };
  if (first !== 'apps' || second !== 'server' || third !== 'src') return { kind: 'other', name: first };
  if (fourth === 'modules') return { kind: 'module', name: fifth };
  if (fourth === 'platform') return { kind: 'platform', name: fifth };
  if (fourth === 'config') return { kind: 'config', name: 'config' };
  return JOINING.test(fourth) ? { kind: 'join', name: 'composition' } : { kind: 'top', name: 'top' };
}

const lineOf = (module: string): number => MODULE_LINES.findIndex((line) => line.includes(module));
const isSame = (a: Area, b: Area): boolean => a.kind === b.kind && a.name === b.name;

/** Which kinds a kind may import at all; doors and lines are looked at after. */
const MAY: Readonly<Record<AreaKind, readonly AreaKind[]>> = {
  join: ['join', 'top', 'module', 'platform', 'config', 'package', 'agent'],
  top: ['join', 'platform', 'config', 'package', 'agent'],
  module: ['module', 'platform', 'package'],
  platform: ['platform', 'package'],
  config: ['platform'],
  agent: ['package'],
  package: [],
  test: ['join', 'top', 'module', 'platform', 'config', 'package', 'agent', 'test', 'other'],
  other: ['package', 'other'],
};

/** The faults of one import between two places of the project; undefined when it is in order. */
function faultOf(from: Area, to: Area, target: string): string | undefined {
  if (isSame(from, to) || from.kind === 'test') return undefined;
  if (to.kind === 'test') return 'only tests import what belongs to tests';
  if (!MAY[from.kind].includes(to.kind)) return `${from.kind} ${from.name} may not import ${to.kind} ${to.name}`;
  if (
    ['module', 'platform'].includes(to.kind) &&
    !/^apps\/server\/src\/(modules|platform)\/[^/]+\/index\.ts$/.test(target)
  ) {
    return `import the door of ${to.name} (its index.ts), not a file inside it`;
  }
  if (from.kind === 'module' && to.kind === 'module' && lineOf(to.name) <= lineOf(from.name)) {
    return `${to.name} is not below ${from.name}: use an event or a port that ${from.name} owns`;
  }
  return undefined;
}

const PACKAGE = /^@guildhall\/(?:agent-(?!sdk(?:\/|$)))?([a-z-]+)/;

function targetOf(file: SourceFile, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return resolveRelative(file.path, specifier);
  const name = PACKAGE.exec(specifier)?.[1];
  if (name === undefined) return undefined;
  return specifier.startsWith('@guildhall/agent-') && name !== 'agent-sdk'
    ? `agents/${name}/src/index.ts`
    : `packages/${name}/src/index.ts`;
}

/** A package is reached by its name, so that its exports map is the door. */
function isPackageByPath(from: Area, to: Area, specifier: string): boolean {
  return (
    specifier.startsWith('.') &&
    (to.kind === 'package' || to.kind === 'agent') &&
    !isSame(from, to) &&
    from.kind !== 'test'
  );
}

function ownLibraries(files: readonly SourceFile[], path: string): ReadonlySet<string> {
  const [first, second] = path.split('/');
  const manifest = files.find((file) => file.path === `${first}/${second}/package.json`);
  // A package.json that is not an object of this shape does not install.
  const parsed = JSON.parse(manifest?.text ?? '{}') as { dependencies?: Record<string, string> };
  return new Set(Object.keys(parsed.dependencies ?? {}));
}

const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** An agent stands on the SDK and the libraries that its own package.json names. */
function foreignLibrary(files: readonly SourceFile[], file: SourceFile, specifier: string): boolean {
  if (areaOf(file.path).kind !== 'agent' || specifier.startsWith('.') || specifier.startsWith('node:')) return false;
  return !ownLibraries(files, file.path).has(packageName(specifier));
}

/** Direction, doors and fences of imports, types included. */
export const importDirection: Rule = (files) =>
  files.filter(isTypeScript).flatMap((file) => {
    const from = areaOf(file.path);
    const unknown = from.kind === 'module' && lineOf(from.name) === -1;
    const found: Finding[] = unknown
      ? [
          {
            path: file.path,
            line: 0,
            message: `module ${from.name} has no line; give it one in tools/tidy/rules/import-direction.ts`,
          },
        ]
      : [];
    for (const { specifier, line } of importsOf(file)) {
      const target = targetOf(file, specifier);
      const to = target === undefined ? undefined : areaOf(target);
      const fault =
        target === undefined || to === undefined
          ? foreignLibrary(files, file, specifier) &&
            `${packageName(specifier)} is not among this agent's own dependencies`
          : isPackageByPath(from, to, specifier)
            ? 'import a package by its name'
            : faultOf(from, to, target);
      if (fault) found.push({ path: file.path, line, message: `${specifier}: ${fault}` });
    }
    return found;
  });
