import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { scratchFolder } from '../../../test/harness/cluster.ts';
import { silentLogger } from '../telemetry/logger.ts';
import { createPostgres, type Postgres } from './index.ts';
import { endAllOn, identify, listOn } from './processes.ts';
import { readLock } from './server.ts';

const PROGRAM = fileURLToPath(new URL('../../../test/harness/postgres-process.ts', import.meta.url));
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

let dataDir = '';
let cluster = '';
let complaints: string[] = [];
const closing: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  complaints = [];
  useFolder(scratchFolder(), 0o711);
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function useFolder(folder: string, mode: number): void {
  chmodSync(folder, mode);
  dataDir = folder;
  cluster = path.join(folder, 'postgres', 'cluster');
  const gone = cluster;
  closing.push(async () => {
    await endAllOn(gone);
    rmSync(folder, { recursive: true, force: true });
  });
}

async function start(): Promise<Omit<Postgres, 'ownerUrl'> & { readonly ownerUrl: string }> {
  const log = { ...silentLogger, warn: (message: string) => complaints.push(message) };
  const postgres = await createPostgres({ dataDir, log });
  closing.push(() => postgres.stop());
  return { ...postgres, ownerUrl: postgres.ownerUrl()[0] ?? '' };
}

interface Told {
  readonly ownerUrl?: string;
  readonly refused?: string;
}

/** The same as `start`, in a process of its own that can be killed. */
async function startProcess(uid?: number): Promise<{ child: ChildProcess; told: Told }> {
  const ids = uid === undefined ? {} : { uid, gid: uid };
  const child = spawn(process.execPath, [PROGRAM, dataDir], { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/', ...ids });
  closing.push(async () => {
    child.stdin?.end();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  for await (const line of createInterface({ input: child.stdout })) return { child, told: JSON.parse(line) as Told };
  throw new Error('the process ended without a word');
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function query(url: string | undefined, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url ?? '' });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

const serverPid = (): number => readLock(cluster)?.pid ?? 0;
const postmasters = (): number[] =>
  listOn(cluster).pids.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(cluster));

test('the first start makes a cluster, the last stop ends the server, and the next start finds the rows', async () => {
  const first = await start();
  await query(first.ownerUrl, 'create table t as select 1 as n');
  expect(first.status()).toBe('running');
  await first.stop();
  expect(first.status()).toBe('stopped');
  expect(listOn(cluster).pids).toEqual([]);
  const second = await start();
  expect(second.ownerUrl).toBe(first.ownerUrl);
  expect(await query(second.ownerUrl, 'select n from t')).toEqual([{ n: 1 }]);
});

test('commits are synced, no network port is open and the password is private', async () => {
  const { ownerUrl } = await start();
  const rows = await query(
    ownerUrl,
    "select current_setting('fsync') f, current_setting('synchronous_commit') c, current_setting('listen_addresses') l",
  );
  expect(rows).toEqual([{ f: 'on', c: 'on', l: '' }]);
  expect(statSync(path.join(dataDir, 'postgres', 'access.json')).mode & 0o777).toBe(0o600);
  const wrong = new URL(ownerUrl);
  wrong.password = 'wrong';
  await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
});

test('a server that outlived its Guildhall is adopted, not started twice', async () => {
  const { child, told } = await startProcess();
  await query(told.ownerUrl, 'create table t as select 1 as n');
  await kill(child);
  const orphan = serverPid();
  expect(identify(orphan, cluster)).toBe('server');
  const next = await start();
  expect(serverPid()).toBe(orphan);
  expect(await query(next.ownerUrl, 'select n from t')).toEqual([{ n: 1 }]);
  await next.stop();
  expect(listOn(cluster).pids).toEqual([]);
});

test('a lock file left by a dead server does not keep the next one from starting, even when its number lives on', async () => {
  await (await start()).stop();
  // PostgreSQL itself refuses to start while a process of its own user has the number in the file.
  const bystander = spawn('sleep', ['60'], isRoot ? { uid: NOBODY, gid: NOBODY } : {});
  closing.push(async () => bystander.kill());
  await once(bystander, 'spawn');
  writeFileSync(path.join(cluster, 'postmaster.pid'), `${bystander.pid}\n${cluster}\n1\n5432\n/tmp\n\n  1 1\nready\n`);
  const { ownerUrl } = await start();
  expect(await query(ownerUrl, 'select 1 as n')).toEqual([{ n: 1 }]);
  expect(complaints).toEqual([]);
  expect(bystander.exitCode).toBe(null);
});

test('after kill -9 of the main server process its children are ended and no committed row is missing', async () => {
  const { child, told } = await startProcess();
  await query(told.ownerUrl, 'create table t as select 1 as n');
  const busy = query(told.ownerUrl, 'select pg_sleep(60)').catch(() => 'cut off');
  await vi.waitFor(async () => {
    expect(
      await query(told.ownerUrl, "select 1 as n from pg_stat_activity where query like 'select pg_sleep%'"),
    ).toEqual([{ n: 1 }]);
  });
  await kill(child);
  process.kill(serverPid(), 'SIGKILL');
  const next = await start();
  expect(await query(next.ownerUrl, 'select n from t')).toEqual([{ n: 1 }]);
  expect(await busy).toBe('cut off');
  // On a busy machine something of the old server may linger for a moment; then, and only then, a second attempt is made.
  expect(complaints.filter((line) => line !== 'PostgreSQL did not start; trying again')).toEqual([]);
  expect(postmasters()).toHaveLength(1);
});

test('a server that dies while we run is started again on the same address', async () => {
  const postgres = await start();
  await query(postgres.ownerUrl, 'create table t as select 1 as n');
  const before = serverPid();
  process.kill(before, 'SIGKILL');
  await vi.waitFor(async () => expect(await query(postgres.ownerUrl, 'select n from t')).toEqual([{ n: 1 }]), {
    timeout: 15_000,
    interval: 50,
  });
  await vi.waitFor(() => expect(postgres.status()).toBe('running'));
  expect(serverPid()).not.toBe(before);
});

test('two that start at once share one server, and only the last to leave stops it', async () => {
  const [one, two] = await Promise.all([startProcess(), startProcess()]);
  expect(one.told.ownerUrl).toBeTruthy();
  expect(two.told.ownerUrl).toBe(one.told.ownerUrl);
  expect(postmasters()).toHaveLength(1);
  const pid = serverPid();
  one.child.stdin?.end();
  await once(one.child, 'exit');
  expect(await query(two.told.ownerUrl, 'select 1 as n')).toEqual([{ n: 1 }]);
  expect(serverPid()).toBe(pid);
  two.child.stdin?.end();
  await once(two.child, 'exit');
  expect(listOn(cluster).pids).toEqual([]);
});

test('a first start that was killed half-way is made again', async () => {
  const child = spawn(process.execPath, [PROGRAM, dataDir], { stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
  await vi.waitFor(() => expect(statSync(path.join(dataDir, 'postgres', 'access.json')).isFile()).toBe(true), {
    interval: 5,
    timeout: 5_000,
  });
  await kill(child);
  const { ownerUrl } = await start();
  expect(await query(ownerUrl, 'select 1 as n')).toEqual([{ n: 1 }]);
});

test.runIf(isRoot)('root hands the server to another account', async () => {
  await start();
  expect(statSync(`/proc/${serverPid()}`).uid).toBe(NOBODY);
});

test.runIf(isRoot)('below a folder that only root may enter it runs all the same', async () => {
  const secret = scratchFolder();
  useFolder(secret, 0o700);
  dataDir = path.join(secret, 'data');
  cluster = path.join(dataDir, 'postgres', 'cluster');
  mkdirSync(dataDir);
  const first = await start();
  await query(first.ownerUrl, 'create table t as select 1 as n');
  await first.stop();
  expect(statSync(cluster).uid).toBe(0);
  expect(await query((await start()).ownerUrl, 'select n from t')).toEqual([{ n: 1 }]);
  process.kill(serverPid(), 'SIGKILL');
  const { told } = await startProcess();
  expect(await query(told.ownerUrl, 'select n from t')).toEqual([{ n: 1 }]);
});

test.runIf(isRoot)('an ordinary user runs it, and root goes on with it as that user', async () => {
  chownSync(dataDir, NOBODY, NOBODY);
  const { child, told } = await startProcess(NOBODY);
  await query(told.ownerUrl, 'create table t as select 1 as n');
  await kill(child);
  const { ownerUrl } = await start();
  expect(await query(ownerUrl, 'select n from t')).toEqual([{ n: 1 }]);
});

test.runIf(isRoot)('a cluster of another user is refused with what to do', async () => {
  await (await start()).stop();
  chownSync(cluster, 12_345, 12_345);
  chownSync(path.join(dataDir, 'postgres'), NOBODY, NOBODY);
  const { told } = await startProcess(NOBODY);
  expect(told.refused).toContain('belongs to user 12345');
});
