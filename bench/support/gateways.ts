/** What a gateway is measured against: a mock provider as a process of its own, and a peer installed for the occasion. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from './platform.ts';

export interface Started {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const started = (child: ChildProcess, url: string): Started => ({
  url,
  pid: child.pid ?? 0,
  stop: async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  },
});

/** Starts a program of this repository whose first line is `{"url"}`. */
async function startProgram(name: string, ...args: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [path.join(ROOT, name), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout }))
    return started(child, (JSON.parse(line) as { url: string }).url);
  throw new Error(`${name} ended before it was ready`);
}

export const startMock = (): Promise<Started> =>
  startProgram('apps/server/test/harness/mock-provider/main.ts', '--port', '0', '--record-max', '0');

/** A bare proxy with two commits; see floor.ts. */
export const startFloor = (databaseUrl: string, upstreamUrl: string): Promise<Started> =>
  startProgram('bench/support/floor.ts', databaseUrl, upstreamUrl);

export const PORTKEY = '1.15.2';
// With the server library of today the peer answers 500 to every stream.
const NODE_SERVER = '1.13.8';

/** Installed beside the project, once a machine: a benchmark's peer is no dependency of ours. */
function installPortkey(): string {
  const folder = path.join(tmpdir(), `guildhall-bench-portkey-${PORTKEY}`);
  const entry = path.join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  if (existsSync(entry)) return entry;
  mkdirSync(folder, { recursive: true });
  const manifest = {
    private: true,
    dependencies: { '@portkey-ai/gateway': PORTKEY },
    overrides: { '@hono/node-server': NODE_SERVER },
  };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the peer could not be installed');
  return entry;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const PATIENCE_MS = 15_000;

export async function startPortkey(): Promise<Started> {
  const entry = installPortkey();
  const port = await freePort();
  const child = spawn(process.execPath, [entry, `--port=${port}`, '--headless'], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; ) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer) return started(child, url);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the peer did not start');
}
