/** The real program, as a person starts it: `sh tools/run.sh …` on a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..', '..', '..', '..');
// Processes of seconds, on machines that may be busy with all the other tests.
const READY_MS = 50_000;
vi.setConfig({ testTimeout: 60_000 });
const dataDir = mkdtempSync(path.join(tmpdir(), 'guildhall-e2e-'));
const environment = { PATH: process.env.PATH, HOME: process.env.HOME, GUILDHALL_DATA_DIR: dataDir, PORT: '0' };

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function begin(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const child = spawn('sh', ['tools/run.sh', ...args], {
    cwd: ROOT,
    env: { ...environment, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    text.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text.err += chunk;
  });
  const ended: Promise<Ended> = once(child, 'close').then(([code]) => ({ code, ...text }));
  return { child, text, ended };
}

const cli = (...args: readonly string[]): Promise<Ended> => begin(args).ended;

interface ReadyFile {
  readonly url: string;
  readonly pid: number;
  readonly apiKey: string;
}
const readReady = (): ReadyFile => JSON.parse(readFileSync(path.join(dataDir, 'ready.json'), 'utf8'));

let server: ReturnType<typeof begin>;

beforeAll(async () => {
  server = begin(['start']);
  const until = performance.now() + READY_MS;
  while (!server.text.out.includes('Ctrl-C')) {
    if (performance.now() > until || server.child.exitCode !== null)
      throw new Error(`not ready: ${server.text.out}${server.text.err}`);
    await pause(50);
  }
}, READY_MS + 5_000);

async function stopHard(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'close');
}

afterAll(async () => {
  await stopHard(server.child);
  rmSync(dataDir, { recursive: true, force: true });
});

describe('a first start', () => {
  test('prints where everything is, and keeps keys from others', () => {
    const ready = readReady();
    expect(server.text.out).toContain(`${ready.url}/docs/api`);
    expect(server.text.out).not.toContain(ready.apiKey);
    expect(server.text.err).not.toContain(ready.apiKey);
    expect(ready.pid).toBe(server.child.pid);
    expect(statSync(path.join(dataDir, 'ready.json')).mode & 0o777).toBe(0o600);
    for (const line of server.text.err.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
  });

  test('prints a command that runs an agent on a file of the repository when it is pasted', async () => {
    const [command = ''] = /node -p [\s\S]*?apiKey"\)"/.exec(server.text.out) ?? [];
    const shell = spawn('bash', ['-c', command], {
      cwd: ROOT,
      env: { ...environment, PATH: `${ROOT}/node_modules/.bin:${environment.PATH}` },
    });
    let answer = '';
    shell.stdout.on('data', (chunk) => {
      answer += chunk;
    });
    await once(shell, 'close');
    expect(JSON.parse(answer)).toMatchObject({ status: 'succeeded', cost: { nanos: '47500000' } });
  });

  test('is found by a second start on the same folder, which says where it is and ends', async () => {
    const second = await cli('start');
    expect(second.code).toBe(0);
    expect(second.out).toContain('already running');
    expect(second.out).toContain(readReady().url);
    expect(second.out).toContain(String(server.child.pid));
  });
});

describe('against a running server', () => {
  test('run --watch shows progress, result, exact cost and balance, and saves artifacts', async () => {
    const results = path.join(dataDir, 'results');
    const ran = await cli(
      'run',
      'data-processor',
      '--input',
      'agents/data-processor/examples/orders.csv',
      '--watch',
      '--out',
      results,
    );
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.err).toContain('step process succeeded');
    expect(ran.out).toMatch(/^Cost {6}\$0\.0475 of at most \$0\.0475$/m);
    expect(ran.out).toMatch(/^Balance {3}\$4\.905 left, \$0\.00 held$/m);
    expect(readdirSync(results).sort()).toEqual(['rejects.ndjson', 'result.csv']);
    expect(readFileSync(path.join(results, 'result.csv'), 'utf8').split('\n').length).toBeGreaterThan(400);
  });

  test('a refused run says why and costs nothing', async () => {
    const refused = await cli('run', 'data-processor', '--json-input', '{"sources":[]}');
    expect(refused.code).toBe(4);
    expect(refused.err).toMatch(/\/input\/sources/);
    expect(refused.err).toMatch(/Nothing was charged/);
  });

  test('the master key is changed under it, the former one is forgotten, and its keys go on working', async () => {
    const linesOf = () => readFileSync(path.join(dataDir, 'master.key'), 'utf8').trim().split('\n');
    const [before] = linesOf();
    const rotated = await cli('keys', 'rotate-master', '--json');
    expect(rotated.code).toBe(0);
    expect(JSON.parse(rotated.out)).toMatchObject({ former: 1, inFile: true });
    expect(linesOf()[1]).toBe(before);
    const finished = await cli('keys', 'rotate-master', '--finish');
    expect(finished.code).toBe(0);
    expect(linesOf()).toHaveLength(1);
    expect(linesOf()).not.toContain(before);
    expect((await cli('keys', 'list', '--json')).code).toBe(0);
  });

  test('the books balance, and doctor finds nothing wrong', async () => {
    const verified = await cli('ledger', 'verify', '--json');
    expect(verified).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(verified.out)).toEqual({ balanced: true, differences: [] });
    const examined = await cli('doctor', '--json');
    const { checks } = JSON.parse(examined.out) as { checks: { name: string; level: string; detail: string }[] };
    expect(checks.filter((check) => check.level === 'fail')).toEqual([]);
    for (const name of [
      'node',
      'settings',
      'server',
      'schema',
      'tenant roles',
      'tenant tables',
      'clock',
      'queue',
      'outbox',
      'ledger',
    ])
      expect(checks.find((check) => check.name === name)).toMatchObject({ level: 'pass' });
    expect(examined).toMatchObject({ code: 0, err: '' });
  });
});

test('a taken port is named with the way out, and nothing is left running', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const other = path.join(dataDir, 'other');
  try {
    const refused = await begin(['start'], { GUILDHALL_DATA_DIR: other, PORT: String(port) }).ended;
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain(`Port ${port} of 127.0.0.1 is taken`);
    expect(existsSync(path.join(other, 'postgres', 'cluster', 'postmaster.pid'))).toBe(false);
  } finally {
    taken.close();
  }
});

test('SIGTERM ends everything cleanly with code 0 within 10 s, PostgreSQL too', async () => {
  const begun = performance.now();
  server.child.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect(existsSync(path.join(dataDir, 'postgres', 'cluster', 'postmaster.pid'))).toBe(false);
  expect(readReady().pid).toBe(0);
});
