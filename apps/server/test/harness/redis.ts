/** A throw-away Redis of one test file: in memory, on a port of its own, gone when the test process is, however it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

export interface TestRedis {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

// Between asking for a free port and taking it another process may be faster.
const TRIES = 5;
// The server ends when it is told to, and when the pipe from us closes because we are gone.
const WATCHED = 'redis-server "$@" & server=$!; read -r _; kill "$server"; wait "$server"';

/** On a free port, unless one is asked for. */
export async function startRedis(wanted?: number): Promise<TestRedis> {
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const found = await tryStart(wanted ?? (await freePort()));
    if (found) return found;
  }
  throw new Error('redis-server does not start. On Debian and its kin: sudo apt-get install -y redis-server');
}

async function tryStart(port: number): Promise<TestRedis | undefined> {
  const folder = mkdtempSync(path.join(tmpdir(), 'guildhall-redis-'));
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('sh', ['-c', WATCHED, 'redis', ...options], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  const close = async (): Promise<void> => {
    child.stdin.end();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for await (const line of createInterface({ input: child.stdout })) {
    if (/Ready to accept connections/.test(line)) return { port, url: `redis://127.0.0.1:${port}`, close };
    if (/Failed listening|Address already in use/.test(line)) break;
  }
  await close();
  return undefined;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
