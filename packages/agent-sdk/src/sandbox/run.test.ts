import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Json, SandboxWork } from '../types.ts';
import { runInSandbox, sandboxReport } from './run.ts';

const HOSTILE = new URL('./test-children/hostile.ts', import.meta.url);
const MIB = 1024 * 1024;

let outside: string;
let writeDir: string;

beforeAll(async () => {
  outside = await mkdtemp(join(tmpdir(), 'sandbox-outside-'));
  writeDir = await mkdtemp(join(tmpdir(), 'sandbox-work-'));
  writeFileSync(join(outside, 'note.txt'), 'not for you');
});
afterAll(() => {
  for (const folder of [outside, writeDir]) rmSync(folder, { recursive: true, force: true });
});

type Try = Partial<SandboxWork> & { readonly signal?: AbortSignal; readonly onProgress?: () => void };

function attempt(deed: string, path = '', more: Try = {}): Promise<Json> {
  const { signal = new AbortController().signal, onProgress = () => undefined, ...work } = more;
  const limits = { wallMs: 20_000, memoryMaxBytes: 512 * MIB };
  return runInSandbox({ entry: HOSTILE, input: { deed, path }, writeDir, limits, ...work }, { signal, onProgress });
}

/** Pids of children whose command line names this work folder. */
function childrenOf(folder: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || !existsSync(`/proc/${pid}/cmdline`)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false; // Ended between the two looks.
    }
  });
}

describe('limits', () => {
  test('an endless loop is killed at its wall time, and the parent stays free meanwhile', async () => {
    const limits = { wallMs: 600, memoryMaxBytes: 512 * MIB };
    await expect(attempt('loop', '', { limits })).rejects.toMatchObject({ reason: 'sandbox-timeout' });
    expect(childrenOf(writeDir)).toEqual([]);
  });

  test('memory outside the heap is bounded', async () => {
    const limits = { wallMs: 20_000, memoryMaxBytes: 300 * MIB };
    await expect(attempt('buffers', '', { limits })).rejects.toMatchObject({ reason: 'sandbox-memory' });
    expect(childrenOf(writeDir)).toEqual([]);
  });

  test('memory in the heap is bounded', async () => {
    const limits = { wallMs: 20_000, memoryMaxBytes: 128 * MIB };
    await expect(attempt('heap', '', { limits })).rejects.toMatchObject({ reason: 'sandbox-memory' });
  });

  test('a result past its limit is refused', async () => {
    await expect(attempt('output')).rejects.toMatchObject({ reason: 'sandbox-output' });
  });
});

describe('walls', () => {
  test.each(['fork', 'worker'])('%s is refused', async (deed) => {
    const error = await attempt(deed).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: 'sandbox-crashed' });
    expect(String((error as Error).cause)).toContain('ERR_ACCESS_DENIED');
  });

  test('files outside the named folders cannot be read or written', async () => {
    for (const [deed, path] of [
      ['read', '/etc/shadow'],
      ['read', '/proc/self/environ'],
      ['read', join(outside, 'note.txt')],
      ['write', join(outside, 'new.txt')],
      ['write', HOSTILE.pathname],
    ] as const) {
      const error = await attempt(deed, path).catch((thrown: unknown) => thrown);
      expect(String((error as Error).cause), `${deed} ${path}`).toContain('ERR_ACCESS_DENIED');
    }
    expect(existsSync(join(outside, 'new.txt'))).toBe(false);
  });

  test('named paths can be read, and the write folder written', async () => {
    const path = join(outside, 'note.txt');
    await expect(attempt('read', path, { readPaths: [path] })).resolves.toBe('not for yo');
    await expect(attempt('writeInside')).resolves.toBeNull();
    expect(existsSync(join(writeDir, 'ok.txt'))).toBe(true);
  });

  test('a named path may be reached through a link', async () => {
    const link = join(outside, 'link.txt');
    symlinkSync(join(outside, 'note.txt'), link);
    await expect(attempt('read', link, { readPaths: [link] })).resolves.toBe('not for yo');
  });

  test('a child has no network where the machine allows that wall', async () => {
    const walls = await sandboxReport();
    const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? String(address.port) : '';
    const answer = await attempt('connect', port).catch((error: Error) => String(error.cause));
    server.close();
    const shut = walls.find((wall) => wall.name === 'network')?.active;
    expect(answer).toMatch(shut ? /ENETUNREACH|ECONNREFUSED|EADDRNOTAVAIL/ : /connected/);
  });

  test('a child can signal no other process where the machine allows that wall', async () => {
    const walls = await sandboxReport();
    const answer = await attempt('signal', String(process.pid)).catch((error: Error) => String(error.cause));
    const shut = walls.find((wall) => wall.name === 'processes')?.active;
    expect(answer).toMatch(shut ? /ESRCH/ : /seen/);
  });

  test('text cannot be run as code', async () => {
    const error = await attempt('evaluate').catch((thrown: unknown) => thrown);
    expect(String((error as Error).cause)).toContain('EvalError');
  });

  test('the environment of the parent is not handed down', async () => {
    vi.stubEnv('GUILDHALL_TEST_SECRET', 'hush');
    vi.stubEnv('NODE_OPTIONS', '--title=x');
    const environment = await attempt('environment');
    vi.unstubAllEnvs();
    const names = Object.keys(environment ?? {}).filter((name) => name !== 'NODE_COMPILE_CACHE');
    expect(names.sort()).toEqual(['LANG', 'PATH', 'TZ']);
  });
});

describe('endings', () => {
  test('an AgentError of the child arrives as it was thrown', async () => {
    await expect(attempt('refuse')).rejects.toMatchObject({
      name: 'AgentError',
      reason: 'row-bad',
      message: 'Row 7 is bad.',
      advice: 'Fix it.',
      errors: [{ path: '/rows/7', message: 'bad' }],
      retryable: true,
    });
  });

  test('any other error arrives as a crash that shows nothing of its text', async () => {
    const error = await attempt('bug').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: 'sandbox-crashed', errors: [] });
    expect((error as Error).message).not.toContain('secret');
    expect(String((error as Error).cause)).toContain('secret internals');
  });

  test('a child that ends without an answer is a crash', async () => {
    await expect(attempt('exit')).rejects.toMatchObject({ reason: 'sandbox-crashed' });
  });

  test('an entry that does not exist is a crash', async () => {
    const entry = new URL('./test-children/none.ts', import.meta.url);
    await expect(attempt('loop', '', { entry })).rejects.toMatchObject({ reason: 'sandbox-crashed' });
  });

  test('abort kills the child at once, rejects with the reason and leaves no process', async () => {
    const cancel = new AbortController();
    const reason = new Error('cancelled');
    const onProgress = (): void => cancel.abort(reason);
    await expect(attempt('wait', '', { signal: cancel.signal, onProgress })).rejects.toBe(reason);
    expect(childrenOf(writeDir)).toEqual([]);
  });

  test('a signal that is already aborted starts nothing', async () => {
    await expect(attempt('exit', '', { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
  });

  test('large inputs arrive whole', async () => {
    const input = { deed: 'none', path: 'é'.repeat(2 * MIB) };
    await expect(attempt('', '', { input })).resolves.toBeNull();
  });
});

test.each([
  ['@duckdb/node-api', '100000'],
  ['@myriaddreamin/typst-ts-node-compiler', '%PDF'],
  ['echarts', '<svg'],
])('%s works inside the walls', async (module, answer) => {
  const entry = new URL('./test-children/libraries.ts', import.meta.url);
  expect(await attempt('', '', { entry, input: { module } })).toBe(answer);
});
