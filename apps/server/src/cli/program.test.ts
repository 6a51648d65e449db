import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadSettings } from '../config/index.ts';
import { systemClock } from '../platform/clock/index.ts';
import { createIds } from '../platform/ids/index.ts';
import { EXIT } from './exit-codes.ts';
import { runCli } from './program.ts';

const dataDir = mkdtempSync(path.join(tmpdir(), 'cli-'));
afterAll(() => rmSync(dataDir, { recursive: true }));

async function cli(argv: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  let printed = '';
  let noted = '';
  const code = await runCli(argv, {
    terminal: {
      print: (text) => {
        printed += text;
      },
      note: (text) => {
        noted += text;
      },
      isTty: { output: false, notes: false },
      columns: () => 80,
    },
    clock: systemClock,
    ids: createIds(systemClock),
    folder: dataDir,
    settings: () => loadSettings({ GUILDHALL_DATA_DIR: path.join(dataDir, 'none'), ...environment }),
    readInput: async () => '',
  });
  return { code, printed, noted };
}

const COMMANDS = [
  'start',
  'api',
  'worker',
  'migrate',
  'agents',
  'run',
  'runs',
  'runs list',
  'runs show',
  'runs steps',
  'runs events',
  'runs cancel',
  'runs replay',
  'runs dead',
  'runs redrive',
  'keys',
  'keys list',
  'keys create',
  'keys revoke',
  'keys rotate',
  'keys rotate-master',
  'keys rotate-signing',
  'members',
  'members list',
  'members invitations',
  'members invite',
  'members uninvite',
  'members role',
  'members remove',
  'people',
  'people reset-factors',
  'beta',
  'beta status',
  'beta waiting',
  'beta invite',
  'beta codes',
  'beta create-code',
  'beta revoke-code',
  'secrets',
  'secrets list',
  'secrets rotate',
  'secrets rotate database',
  'secrets rotate superuser',
  'providers',
  'providers list',
  'providers add',
  'providers test',
  'providers remove',
  'models',
  'models list',
  'models choices',
  'models choose',
  'models reset',
  'models health',
  'calls',
  'calls list',
  'calls show',
  'orgs',
  'orgs create',
  'orgs list',
  'credits',
  'credits grant',
  'prices',
  'prices list',
  'prices publish',
  'ledger',
  'ledger verify',
  'audit',
  'audit verify',
  'doctor',
];
const GROUPS = new Set([
  'runs',
  'keys',
  'members',
  'people',
  'beta',
  'secrets',
  'secrets rotate',
  'providers',
  'models',
  'calls',
  'orgs',
  'credits',
  'prices',
  'ledger',
  'audit',
]);

test.each(COMMANDS)(
  '%s has help with an example, and every command that does something has --json',
  async (command) => {
    const { code, printed } = await cli([...command.split(' '), '--help']);
    expect(code).toBe(EXIT.ok);
    expect(printed).toMatch(/Example:\n {2}\$ guildhall /);
    if (!GROUPS.has(command)) expect(printed).toContain('--json');
  },
);

test.each([
  [['nonsense'], /unknown command/],
  [['run'], /missing required argument/],
  [['run', 'x', '--bogus'], /unknown option/],
  [['runs', 'replay', 'run_1', '--from-step', '-1'], /--from-step/],
  [['keys', 'create'], /--name/],
  [['prices', 'publish', 'gpt-4o', '--input', '1', '--output', '2', '--source', 'x'], /Write provider\/name/],
  [
    ['prices', 'publish', 'openai/x', '--input', '1', '--output', '2', '--source', 'x', '--tier', '5:1'],
    /--tier takes/,
  ],
  [['agents', '--url', 'not an address', '--key', 'k'], /is not an address/],
  [['agents', '--url', 'http://127.0.0.1:1'], /Which key\?/],
])('%j is wrong usage and says how it is used', async (argv, told) => {
  const { code, noted, printed } = await cli(argv);
  expect(code).toBe(EXIT.usage);
  expect(noted).toMatch(told);
  expect(printed).toBe('');
});

test('every fault of the settings is listed, and nothing starts', async () => {
  const { code, noted } = await cli(['start'], { PORT: 'abc', METRICS_TOKEN: 'short', GUILDHALL_PROT: '1' });
  expect(code).toBe(EXIT.usage);
  expect(noted).toMatch(/3 faults/);
  for (const name of ['PORT', 'METRICS_TOKEN', 'GUILDHALL_PROT']) expect(noted).toContain(`${name}:`);
});

test('without a server the way to start one is told', async () => {
  const { code, noted } = await cli(['agents']);
  expect(code).toBe(EXIT.unreachable);
  expect(noted).toMatch(/Start Guildhall \(npm start\)/);
});

test('with --json an error is JSON on standard error', async () => {
  const { noted } = await cli(['agents', '--json']);
  expect(JSON.parse(noted)).toMatchObject({ error: { exitCode: EXIT.unreachable } });
});

test('reading makes no database and no key', async () => {
  const { code, noted } = await cli(['ledger', 'verify']);
  expect(code).toBe(EXIT.unreachable);
  expect(noted).toMatch(/There is no database/);
});

test('the key of ready.json is sent to the address of ready.json alone', async () => {
  const ready = {
    url: 'http://127.0.0.1:1',
    orgId: 'org_1',
    apiKey: 'gld_live_secret',
    adminUrl: '',
    pid: 0,
    version: '0',
  };
  writeFileSync(path.join(dataDir, 'ready.json'), JSON.stringify(ready));
  const environment = { GUILDHALL_DATA_DIR: dataDir };
  expect((await cli(['agents'], environment)).code).toBe(EXIT.unreachable);
  expect((await cli(['agents', '--url', 'http://127.0.0.1:2'], environment)).noted).toMatch(/Which key\?/);
});
