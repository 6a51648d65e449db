/** Processes of the platform that a test starts in order to kill them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Role } from '../../src/serve.ts';
import type { Ground } from './foundation.ts';

/** What a process is told on its input. */
export interface Orders {
  readonly role: Role;
  readonly ground: Ground;
  readonly failpoint?: string;
}

export interface Running {
  readonly pid: number;
  /** Of a role that answers. */
  readonly url: string;
  readonly exited: Promise<NodeJS.Signals | null>;
  readonly isAlive: () => boolean;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('./process-main.ts', import.meta.url));

/** Starts a process that has loaded its code and waits for orders. */
export function standBy(): { go(orders: Orders): Promise<Running>; kill(): void } {
  // Compiled once for all of them: starting costs a third of the time.
  const env = { ...process.env, NODE_COMPILE_CACHE: path.join(tmpdir(), 'guildhall-compile-cache') };
  const child = spawn(process.execPath, [MAIN], { stdio: ['pipe', 'pipe', 'inherit'], env });
  child.stdin.on('error', () => {});
  const exited = once(child, 'exit').then(([, signal]) => signal as NodeJS.Signals | null);
  return {
    go: (orders) => go(child, exited, orders),
    kill: () => child.kill('SIGKILL'),
  };
}

export const startProcess = (orders: Orders): Promise<Running> => standBy().go(orders);

async function go(
  child: ChildProcess & { stdin: NodeJS.WritableStream | null; stdout: NodeJS.ReadableStream | null },
  exited: Promise<NodeJS.Signals | null>,
  orders: Orders,
): Promise<Running> {
  const { stdin, stdout, pid } = child;
  if (!stdin || !stdout || pid === undefined) throw new Error('the process has no pipes');
  stdin.write(`${JSON.stringify(orders)}\n`);
  const answered = once(createInterface({ input: stdout }), 'line').then(([line]) => String(line));
  const line = await Promise.race([answered, exited.then(() => undefined)]);
  // One that dies at once is still a process that ran and was killed.
  const url = line === undefined ? '' : (JSON.parse(line) as { url: string | null }).url;
  return {
    pid,
    url: url ?? '',
    exited,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    signal: (name) => {
      child.kill(name);
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
