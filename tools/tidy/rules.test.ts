/** Every rule bites on a planted fault and lets its repaired twin pass. */
import { describe, expect, test } from 'vitest';
import { declaredCodes, errorsPage } from './error-codes.ts';
import { allRules } from './rules/index.ts';
import { sizeWithin } from './rules/size.ts';
import { settingsPage } from './settings-page.ts';
import type { Rule, SourceFile } from './types.ts';

const SETTING = { name: 'PORT', fallback: '3000', bounds: '0–65535', effect: 'Where it | listens.' };
const rules = allRules({ ratchet: {}, settings: [SETTING] });
const RUNS = 'apps/server/src/modules/runs';
const LEDGER = 'apps/server/src/modules/ledger';
const DB = 'apps/server/src/platform/db';

function plant(contents: Readonly<Record<string, string>>): readonly SourceFile[] {
  return Object.entries(contents).map(([path, text]) => ({ path, text, bytes: Buffer.byteLength(text) }));
}

function check(rule: Rule | undefined, contents: Readonly<Record<string, string>>): readonly string[] {
  if (!rule) throw new Error('no such rule');
  return rule(plant(contents)).map(({ path, message }) => `${path}: ${message}`);
}

type Planted = readonly [fault: string, contents: Readonly<Record<string, string>>];

/** A table of planted faults, each of which must give exactly one finding, and of things that are in order. */
function bites(name: string, bad: readonly Planted[], good: readonly Planted[]): void {
  describe(name, () => {
    test.each(bad)('finds %s', (_fault, contents) => {
      expect(check(rules[name], contents)).toHaveLength(1);
    });
    test.each(good)('allows %s', (_what, contents) => {
      expect(check(rules[name], contents)).toEqual([]);
    });
  });
}

const AGENT_MANIFEST = { 'agents/a/package.json': '{ "dependencies": { "zod": "1" } }' };

bites(
  'import-direction',
  [
    ['an import upwards', { [`${LEDGER}/a.ts`]: "import { x } from '../runs/index.ts';" }],
    ['an import upwards of a type', { [`${LEDGER}/a.ts`]: "import type { X } from '../runs/index.ts';" }],
    ['an import upwards written inside a type', { [`${LEDGER}/a.ts`]: "type X = import('../runs/index.ts').X;" }],
    ['a dynamic import upwards', { [`${LEDGER}/a.ts`]: "await import('../runs/index.ts');" }],
    ['a re-export upwards', { [`${LEDGER}/a.ts`]: "export * from '../runs/index.ts';" }],
    ['an import within the same line', { [`${LEDGER}/a.ts`]: "import { x } from '../identity/index.ts';" }],
    ['an import past the door of a module', { [`${RUNS}/a.ts`]: "import { x } from '../ledger/store.ts';" }],
    [
      'an import past the door of a platform part',
      { [`${RUNS}/a.ts`]: "import { x } from '../../platform/db/db.ts';" },
    ],
    ['a platform part that imports a module', { [`${DB}/a.ts`]: "import { x } from '../../modules/ledger/index.ts';" }],
    ['a platform part past the door of another', { [`${DB}/a.ts`]: "import { x } from '../clock/system.ts';" }],
    ['a module that imports the composition', { [`${RUNS}/a.ts`]: "import { x } from '../../compose.ts';" }],
    ['a module that reads the config', { [`${RUNS}/a.ts`]: "import { x } from '../../config/index.ts';" }],
    ['a module that imports an agent', { [`${RUNS}/a.ts`]: "import { x } from '@guildhall/agent-data-processor';" }],
    [
      'a file beside the composition that joins modules',
      { 'apps/server/src/agents.ts': "import { x } from './modules/runs/index.ts';" },
    ],
    ['a module that no line knows', { 'apps/server/src/modules/misc/a.ts': '' + 'export const x = 1;' }],
    [
      'a package reached by its path',
      { [`${RUNS}/a.ts`]: "import { x } from '../../../../../packages/contract/src/index.ts';" },
    ],
    ['code that imports a test', { [`${RUNS}/a.ts`]: "import { x } from './a.test.ts';" }],
    [
      'an agent that imports the server',
      { 'agents/a/src/index.ts': "import { x } from '../../../apps/server/src/platform/db/index.ts';" },
    ],
    ['an agent that imports another agent', { 'agents/a/src/index.ts': "import { x } from '@guildhall/agent-b';" }],
    [
      'an agent with a library it does not name',
      { ...AGENT_MANIFEST, 'agents/a/src/index.ts': "import x from 'lodash/fp';" },
    ],
  ],
  [
    [
      'imports downwards through doors',
      { [`${RUNS}/a.ts`]: "import { x } from '../ledger/index.ts';\nimport { y } from '../../platform/db/index.ts';" },
    ],
    ['imports inside a module', { [`${RUNS}/engine/a.ts`]: "import { x } from '../store/steps.ts';" }],
    ['the contract by its name', { [`${RUNS}/a.ts`]: "import { x } from '@guildhall/contract';" }],
    [
      'the composition joining modules',
      {
        'apps/server/src/compose.ts':
          "import { x } from './modules/runs/index.ts';\nimport a from '@guildhall/agent-data-processor';",
      },
    ],
    [
      'an agent on the SDK and its own libraries',
      { ...AGENT_MANIFEST, 'agents/a/src/index.ts': "import { z } from 'zod';\nimport fs from 'node:fs';" },
    ],
    ['a test that reaches anywhere', { [`${LEDGER}/a.test.ts`]: "import { x } from '../runs/index.ts';" }],
  ],
);

bites(
  'import-cycles',
  [
    ['a cycle of two', { 'packages/p/a.ts': "import './b.ts';", 'packages/p/b.ts': "import './a.ts';" }],
    [
      'a cycle of types',
      { 'packages/p/a.ts': "import type { B } from './b.ts';", 'packages/p/b.ts': "import type { A } from './a.ts';" },
    ],
    [
      'a longer cycle',
      {
        'packages/p/a.ts': "import './b.ts';",
        'packages/p/b.ts': "import './c.ts';",
        'packages/p/c.ts': "export * from './a.ts';",
      },
    ],
  ],
  [
    [
      'two ways to one file',
      {
        'packages/p/a.ts': "import './b.ts';\nimport './c.ts';",
        'packages/p/b.ts': "import './c.ts';",
        'packages/p/c.ts': 'export {};',
      },
    ],
  ],
);

bites(
  'sql-ownership',
  [
    ['another module’s schema in a store', { [`${RUNS}/store/a.ts`]: 'sql`select 1 from ledger.hold`;' }],
    ['a schema outside of the store', { [`${LEDGER}/service.ts`]: 'sql`update ledger.hold set x = 1`;' }],
    ['a schema in a plain string', { [`${LEDGER}/service.ts`]: "run('delete from ledger.hold');" }],
    ['a function of another module', { [`${RUNS}/store/a.ts`]: 'sql`select ledger.take_hold(1)`;' }],
    ['a table of the platform in a module', { [`${RUNS}/store/a.ts`]: 'sql`select 1 from platform.outbox`;' }],
    ['a module’s schema in the platform', { [`${DB}/a.ts`]: 'sql`select 1 from runs.run`;' }],
    [
      'a migration that reaches into another schema',
      { 'apps/server/migrations/0001-runs-x.sql': 'insert into ledger.hold values (1);' },
    ],
  ],
  [
    ['the store of a part of the owner', { [`${LEDGER}/holds/store.ts`]: 'sql`select 1 from ledger.hold`;' }],
    ['the owner’s store', { [`${LEDGER}/store.ts`]: 'sql`select platform.now() from ledger.hold`;' }],
    ['the platform’s own tables', { 'apps/server/src/platform/outbox/a.ts': 'sql`select 1 from platform.outbox`;' }],
    ['an event that looks like a table', { [`${RUNS}/service.ts`]: "emit('runs.finished');" }],
    [
      'a mention in a SQL comment or literal',
      { [`${RUNS}/store/a.ts`]: "sql`select 'ledger.hold' -- of ledger.hold`;" },
    ],
  ],
);

bites(
  'effects',
  [
    ['process.env', { [`${RUNS}/a.ts`]: 'export const x = process.env.HOME;' }],
    ['Date.now', { [`${RUNS}/a.ts`]: 'export const x = Date.now();' }],
    ['new Date without arguments', { [`${RUNS}/a.ts`]: 'export const x = new Date();' }],
    ['Math.random', { 'agents/a/src/a.ts': 'export const x = Math.random();' }],
    ['console', { [`${RUNS}/a.ts`]: 'console.log(1);' }],
    ['imported randomness', { [`${RUNS}/a.ts`]: "import { randomUUID } from 'node:crypto';" }],
    ['randomness of the global crypto', { [`${RUNS}/a.ts`]: 'export const x = crypto.randomUUID();' }],
  ],
  [
    [
      'each at its home',
      {
        'apps/server/src/config/read.ts': 'export const x = process.env;',
        'apps/server/src/platform/clock/index.ts': 'export const x = new Date();',
        'apps/server/src/platform/ids/index.ts': "import { randomBytes } from 'node:crypto';",
        'apps/server/src/cli/print.ts': 'console.log(1);',
      },
    ],
    ['a date computed from another', { [`${RUNS}/a.ts`]: 'export const x = new Date(0);' }],
    ['tests', { [`${RUNS}/a.test.ts`]: 'export const x = Date.now();' }],
  ],
);

bites(
  'network',
  [
    ['the global fetch', { [`${RUNS}/a.ts`]: "await fetch('https://a.example');" }],
    ['fetch of globalThis', { [`${RUNS}/a.ts`]: "await globalThis.fetch('https://a.example');" }],
    ['undici', { 'agents/a/src/a.ts': "import { request } from 'undici';" }],
    ['node:net', { [`${RUNS}/a.ts`]: "import { connect } from 'node:net';" }],
    ['a library that connects', { [`${RUNS}/a.ts`]: "import { createTransport } from 'nodemailer';" }],
    ['a WebSocket', { [`${RUNS}/a.ts`]: "new WebSocket('wss://a.example');" }],
  ],
  [
    ['the guarded client', { 'apps/server/src/platform/egress/a.ts': "import { request } from 'undici';" }],
    [
      'types and checks of addresses',
      { [`${RUNS}/a.ts`]: "import type { Socket } from 'node:net';\nimport { isIP } from 'node:net';" },
    ],
    ['the fetch of a step', { 'agents/a/src/a.ts': "await step.fetch('https://a.example');" }],
  ],
);

bites(
  'injection',
  [
    ['exec', { [`${RUNS}/a.ts`]: "import { exec } from 'node:child_process';" }],
    ['execSync beside others', { [`${RUNS}/a.ts`]: "import { execSync, spawn } from 'child_process';" }],
    ['a shell that is turned on', { [`${RUNS}/a.ts`]: "spawn('ls', [], { shell: true });" }],
    ['a shell that is named', { [`${RUNS}/a.ts`]: "spawn('ls', [], { shell: '/bin/sh' });" }],
    ['a statement from a template', { [`${RUNS}/a.ts`]: "client.query(`select * from x where a = '${a}'`);" }],
    ['a statement from pieces', { [`${RUNS}/a.ts`]: "client.query('select ' + columns);" }],
    ['raw SQL within a function', { [`${RUNS}/store.ts`]: 'const f = (by: string) => sql`order by ${sql.raw(by)}`;' }],
    ['a literal within a function', { [`${RUNS}/store.ts`]: 'function f(a: string) { return sql.lit(a); }' }],
  ],
  [
    ['a list of arguments', { [`${RUNS}/a.ts`]: "import { execFile } from 'node:child_process';" }],
    ['a shell that is turned off', { [`${RUNS}/a.ts`]: "spawn('ls', [], { shell: false });" }],
    ['parameters', { [`${RUNS}/a.ts`]: "client.query('select $1', [a]); f(sql`select ${a}`);" }],
    ['columns that are known at the start', { [`${RUNS}/store.ts`]: "const COLUMNS = sql.raw('a, b');" }],
    ['names that are escaped at home', { [`${DB}/a.ts`]: 'client.query(`listen ${pg.escapeIdentifier(a)}`);' }],
    ['tests', { [`${RUNS}/a.test.ts`]: 'client.query(`select ${a}`);' }],
  ],
);

bites(
  'code-from-text',
  [
    ['eval', { [`${RUNS}/a.ts`]: "eval('1');" }],
    ['new Function', { 'agents/a/src/a.ts': "new Function('return 1');" }],
    ['Function called without new', { 'agents/a/src/a.ts': "Function('return 1');" }],
    ['node:vm', { [`${RUNS}/a.ts`]: "import vm from 'node:vm';" }],
  ],
  [['functions', { [`${RUNS}/a.ts`]: 'export function evaluate(): void {}' }]],
);

bites(
  'tls',
  [
    ['a certificate that is not looked at', { [`${RUNS}/a.ts`]: 'connect({ rejectUnauthorized: false });' }],
    ['the same in a test', { [`${RUNS}/a.test.ts`]: "connect({ 'rejectUnauthorized': false });" }],
    ['the same set later', { [`${RUNS}/a.ts`]: 'options.rejectUnauthorized = false;' }],
    ['a name that is not compared', { [`${RUNS}/a.ts`]: 'connect({ checkServerIdentity: () => undefined });' }],
    ['an old version', { [`${RUNS}/a.ts`]: "connect({ minVersion: 'TLSv1.1' });" }],
    ['the switch for all', { 'tools/a.sh': `export NODE_TLS_${'REJECT'}_UNAUTHORIZED=0` }],
  ],
  [
    ['a certificate that is', { [`${RUNS}/a.ts`]: "connect({ rejectUnauthorized: true, minVersion: 'TLSv1.2' });" }],
    ['an exception for this machine', { [`${RUNS}/a.ts`]: 'connect({ rejectUnauthorized: !isHere });' }],
  ],
);

bites(
  'suppressions',
  [
    ['a silenced line', { [`${RUNS}/a.ts`]: `// @ts-${'ignore'}\nexport const x = 1;` }],
    ['a silenced file', { [`${RUNS}/a.ts`]: `// @ts-${'nocheck'}\nexport const x = 1;` }],
    ['a cast to any', { [`${RUNS}/a.ts`]: 'export const x = 1 as any;' }],
    ['an empty catch', { [`${RUNS}/a.ts`]: 'try { f(); } catch {}' }],
  ],
  [
    ['a catch that says why', { [`${RUNS}/a.ts`]: 'try { f(); } catch {\n  // Gone already, as wanted.\n}' }],
    ['a cast to a type', { [`${RUNS}/a.ts`]: 'export const x = 1 as unknown;' }],
  ],
);

bites(
  'leftovers',
  [
    ['an open end', { [`${RUNS}/a.ts`]: `// ${'TO'}DO later` }],
    ['a fix to come', { 'apps/server/migrations/0001-runs-x.sql': `-- ${'FIX'}ME` }],
    ['a test that stands alone', { [`${RUNS}/a.test.ts`]: `test.${'only'}('x', f);` }],
    ['a test that is left out', { [`${RUNS}/a.test.ts`]: `describe.${'skip'}('x', f);` }],
    ['a merge conflict', { 'README.md': `a\n${'<'.repeat(7)} HEAD\nb` }],
  ],
  [
    ['a test for machines that can', { [`${RUNS}/a.test.ts`]: "test.skipIf(!isRoot)('x', f);" }],
    ['a page that speaks of marks', { 'STYLE.md': `No ${'FIX'}ME is merged.` }],
  ],
);

bites(
  'root-files',
  [
    ['a report', { 'FINAL_REPORT.md': '' }],
    ['a script', { 'run.sh': '' }],
    ['a scratch folder', { 'tmp/a.ts': '' }],
  ],
  [
    [
      'the pages and settings',
      { 'README.md': '', LICENSE: '', 'package.json': '', 'biome.json': '', '.gitignore': '', 'docs/a.md': '' },
    ],
  ],
);

const README = ['Owns', 'Refuses', 'Words', 'Tables', 'Invariants', 'Failure and recovery', 'Door']
  .map((heading) => `## ${heading}\n\nx\n`)
  .join('\n');

bites(
  'module-readme',
  [
    ['a module without a README', { [`${RUNS}/index.ts`]: '' }],
    ['a README without a heading', { [`${RUNS}/README.md`]: README.replace('## Refuses', '## Other') }],
  ],
  [['all seven headings', { [`${RUNS}/README.md`]: README }]],
);

bites(
  'links',
  [
    ['a link to nothing', { 'docs/a.md': '[b](b.md)' }],
    ['a link to a missing heading', { 'docs/a.md': '[b](b.md#other)', 'docs/b.md': '# Some words' }],
    ['an anchor of its own page', { 'docs/a.md': '# One\n[x](#two)' }],
  ],
  [
    [
      'links to files, folders, headings',
      {
        'docs/a.md': '[b](b.md#some-words) [c](../apps/) [d](https://a.example/x)',
        'docs/b.md': '# Some words',
        'apps/x.ts': '',
      },
    ],
    ['links inside code', { 'docs/a.md': '```\n[b](b.md)\n```\n`[c](c.md)`' }],
  ],
);

bites('blobs', [['a large file', { 'docs/a.bin': 'x'.repeat(300_001) }]], [['a small one', { 'docs/a.bin': 'x' }]]);

const SETTINGS_PAGE = 'docs/reference/settings.md';
const settingsText = settingsPage([SETTING]);

bites(
  'settings',
  [
    ['a setting without a row', { [SETTINGS_PAGE]: '' }],
    ['a row that reads otherwise', { [SETTINGS_PAGE]: settingsText.replace('3000', '80') }],
    ['a row without a setting', { [SETTINGS_PAGE]: `${settingsText}| \`OLD\` | a | b | c |\n` }],
  ],
  [['equal tables', { [SETTINGS_PAGE]: settingsText }]],
);

const M = 'apps/server/migrations';
const WALLED =
  "-- Lock: none.\ncreate table runs.run (id text, org_id text);\ncall platform.protect_tenant_table('runs.run');";

bites(
  'migrations',
  [
    ['a name without an owner', { [`${M}/0001_init.sql`]: '-- Lock: none.' }],
    ['an owner that is no module', { [`${M}/0001-misc-x.sql`]: '-- Lock: none.' }],
    ['a missing header', { [`${M}/0001-runs-x.sql`]: 'select 1;' }],
    ['a number used twice', { [`${M}/0001-runs-x.sql`]: '-- Lock: none.', [`${M}/0001-runs-y.sql`]: '-- Lock: none.' }],
    [
      'a table of organisations without a wall',
      { [`${M}/0001-runs-x.sql`]: WALLED.replace("'runs.run'", "'runs.step'") },
    ],
    [
      'the same behind a check with brackets',
      { [`${M}/0001-runs-x.sql`]: '-- Lock: none.\ncreate table runs.step (n int check (n > 0), org_id text);' },
    ],
  ],
  [
    ['a walled table', { [`${M}/0001-runs-x.sql`]: WALLED }],
    [
      'a table of the installation',
      { [`${M}/0001-runs-x.sql`]: '-- Lock: none.\ncreate table runs.x (id text); -- no org_id' },
    ],
  ],
);

describe('size', () => {
  const lines = (count: number): string => 'export const x = 1;\n'.repeat(count);
  const body = (count: number): string => `function long() {\n${'  f();\n'.repeat(count - 2)}}\n`;
  const at = (text: string, ratchet = {}): readonly string[] => check(sizeWithin(ratchet), { [`${RUNS}/a.ts`]: text });

  test('a file of 400 lines passes, one of 401 does not; a test may have 600', () => {
    expect(at(lines(400))).toEqual([]);
    expect(at(lines(401))).toHaveLength(1);
    expect(check(sizeWithin({}), { [`${RUNS}/a.test.ts`]: lines(600) })).toEqual([]);
    expect(check(sizeWithin({}), { [`${RUNS}/a.test.ts`]: lines(601) })).toHaveLength(1);
  });

  test('a function of 60 lines passes, one of 61 does not', () => {
    expect(at(body(60))).toEqual([]);
    expect(at(body(61))).toEqual([expect.stringContaining('#long has 61 lines')]);
  });

  test('a function inside another counts by itself', () => {
    expect(at(`function outer() {\n${body(50)}${body(50).replace('long', 'longer')}}\n`)).toEqual([]);
  });

  test('five positional parameters are too many', () => {
    expect(at('export const f = (a: 1, b: 2, c: 3, d: 4, e: 5): number => a;')).toHaveLength(1);
  });

  test('an exception may shrink but not grow, and leaves the list when it fits', () => {
    const key = `${RUNS}/a.ts`;
    expect(at(lines(450), { [key]: 450 })).toEqual([]);
    expect(at(lines(451), { [key]: 450 })).toEqual([expect.stringContaining('has grown')]);
    expect(at(lines(449), { [key]: 450 })).toEqual([expect.stringContaining('has shrunk')]);
    expect(at(lines(400), { [key]: 450 })).toEqual([expect.stringContaining('fits now')]);
    expect(check(sizeWithin({ 'gone.ts': 500 }), {})).toEqual([expect.stringContaining('does not exist')]);
  });
});

describe('error-codes', () => {
  const path = `${RUNS}/errors.ts`;
  const source = "export const e = defineErrors('runs', { gone: ['gone', 404, 'It is ' + 'gone.', 'Stop | look.'] });";
  const page = errorsPage(declaredCodes(plant({ [path]: source })));
  const both = { [path]: source, 'docs/reference/errors.md': page };

  test('a code with its row passes', () => {
    expect(page).toContain('| `runs.gone` | 404 | It is gone. | Stop \\| look. |');
    expect(check(rules['error-codes'], both)).toEqual([]);
  });

  test.each<Planted>([
    ['a code without a row', { ...both, 'docs/reference/errors.md': '' }],
    ['a row without a code', { ...both, [path]: '' + 'export {};' }],
    ['a row that reads otherwise', { ...both, [path]: source.replace('404', '410') }],
    ['a code declared elsewhere', { ...both, [path]: 'export {};', [`${RUNS}/service.ts`]: source }],
    ['a code declared twice', { ...both, [`${LEDGER}/errors.ts`]: source }],
    [
      'a code that is not kebab-case',
      {
        [path]: source.replace("'gone', 404", "'isGone', 404"),
        'docs/reference/errors.md': page.replace('runs.gone', 'runs.isGone'),
      },
    ],
  ])('finds %s', (_fault, contents) => {
    expect(check(rules['error-codes'], contents)).toHaveLength(1);
  });
});

test('every rule has its planted faults in this file', () => {
  const titles = [
    'size',
    'error-codes',
    'import-direction',
    'import-cycles',
    'sql-ownership',
    'effects',
    'network',
    'code-from-text',
    'injection',
    'tls',
  ];
  const others = [
    'suppressions',
    'leftovers',
    'root-files',
    'module-readme',
    'links',
    'blobs',
    'migrations',
    'settings',
  ];
  expect(Object.keys(rules).toSorted()).toEqual([...titles, ...others].toSorted());
});
