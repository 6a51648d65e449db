/** `npm start` until it answers, on a new data folder and on a used one; then what platform and PostgreSQL hold in memory when idle. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describeMachine } from './support/machine.ts';
import { environment, makeDataDir, postgresPid, type Ready, ROOT } from './support/platform.ts';
import { commandOf, pssMb, treeOf } from './support/processes.ts';
import { judge, print, readOptions } from './support/report.ts';

const GIVE_UP_MS = 60_000;
const POLL_MS = 10;
const IDLE_MS = 10_000;

/** What ready.json says, when it was written by a process below `root`. */
function readyOf(dataDir: string, root: number): Ready | undefined {
  try {
    // Written by the platform of this very checkout.
    const ready = JSON.parse(readFileSync(path.join(dataDir, 'ready.json'), 'utf8')) as Ready;
    return treeOf([root]).has(ready.pid) ? ready : undefined;
  } catch {
    // Not there yet.
    return undefined;
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly ready: Ready;
  readonly seconds: number;
}

/** From the command to the first 200 of /ready. */
async function start(dataDir: string): Promise<Started> {
  const began = performance.now();
  const child = spawn('npm', ['start'], {
    cwd: ROOT,
    env: { ...environment(dataDir), LIMITS_SCALE: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  while (performance.now() - began < GIVE_UP_MS && child.exitCode === null) {
    const ready = child.pid === undefined ? undefined : readyOf(dataDir, child.pid);
    const answer = ready && (await fetch(`${ready.url}/ready`).catch(() => undefined));
    if (ready && answer?.status === 200) return { child, ready, seconds: (performance.now() - began) / 1_000 };
    await pause(POLL_MS);
  }
  throw new Error('npm start does not get ready');
}

async function stop({ child, ready }: Started): Promise<void> {
  const ended = once(child, 'exit');
  process.kill(ready.pid, 'SIGTERM');
  await ended;
}

/** Prints each process and returns the sum. npm itself is no part of the platform. */
function idleMemoryMb(dataDir: string, { ready }: Started): number {
  const sizes = [...treeOf([ready.pid, postgresPid(dataDir)])].map((pid) => ({ mb: pssMb(pid), what: commandOf(pid) }));
  print('', 'memory (PSS) after 10 s without work');
  for (const { mb, what } of sizes) print(`  ${mb.toFixed(1).padStart(7)} MB  ${what.slice(0, 90)}`);
  return sizes.reduce((sum, { mb }) => sum + mb, 0);
}

const options = readOptions();
const dataDir = makeDataDir();
const laterStarts = options.isShort ? 1 : 5;
try {
  print(
    'start: from `npm start` to 200 of /ready, everything installed',
    ...describeMachine(dataDir),
    `versions    Node ${process.version}`,
    `plan        1 first start on an empty folder, ${laterStarts} later ones (the slowest counts)`,
  );
  const first = await start(dataDir);
  await pause(IDLE_MS);
  const idleMb = idleMemoryMb(dataDir, first);
  await stop(first);
  const later: number[] = [];
  for (let round = 0; round < laterStarts; round += 1) {
    const started = await start(dataDir);
    later.push(started.seconds);
    await stop(started);
  }
  print('', `first start ${first.seconds.toFixed(2)} s, later ${later.map((s) => s.toFixed(2)).join(' ')} s`);
  judge(
    [
      { what: 'first start', value: first.seconds, unit: 's', atMost: 10 },
      { what: 'later starts, the slowest', value: Math.max(...later), unit: 's', atMost: 4 },
      { what: 'idle, platform and PostgreSQL', value: idleMb, unit: 'MB', atMost: 450 },
    ],
    options,
  );
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
