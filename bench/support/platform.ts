/** The platform as a process of its own on a fresh data folder with real commits, and what an operator does before a load test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Money, Run } from '@guildhall/contract';
import pg from 'pg';
import { type Answer, createClient } from './load.ts';
import { cpuSeconds, treeOf } from './processes.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = path.join(ROOT, 'apps/server/src/main.ts');
const SERVER = path.join(ROOT, 'bench/support/server.ts');
// As `npm start` runs it.
const NODE = path.join(ROOT, 'tools/node.sh');

export interface Ready {
  readonly url: string;
  readonly orgId: string;
  readonly apiKey: string;
  readonly adminUrl: string;
  readonly pid: number;
}

/** Who pays for a load, and what it was given. */
export interface Customer {
  readonly orgId: string;
  readonly headers: Record<string, string>;
  readonly grantedNanos: bigint;
}

export type Client = ReturnType<typeof createClient>;

export interface BenchPlatform {
  readonly dataDir: string;
  readonly ready: Ready;
  /** With more connections than any load here uses at once. */
  readonly client: Client;
  /** The owner's URL of another database in the cluster of this platform. */
  databaseUrl(name: string): string;
  postgresPid(): number;
  /** Such as "PostgreSQL 18.4", as the server itself says. */
  databaseVersion(): Promise<string>;
  /** `count` organisations with credit. */
  customers(count: number): Promise<readonly Customer[]>;
  /** `guildhall ledger verify` on this data folder. @throws with its output when the books do not balance. */
  verifyBooks(): Promise<void>;
  stop(): Promise<void>;
}

const SOCKETS = 128;
const CREDIT_NANOS = 100_000n * 1_000_000_000n;

/** A data folder in the temporary one. PostgreSQL runs as another user when we are root, so everyone may enter. */
export function makeDataDir(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'guildhall-bench-'));
  chmodSync(folder, 0o755);
  return folder;
}

/** The environment of the platform: none of our own settings, so that a benchmark is the same in every shell. */
export function environment(dataDir: string): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, GUILDHALL_DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'warn', LIMITS_SCALE: '1000' };
}

export interface PlatformOptions {
  readonly profile?: string | undefined;
  /** Settings beside those that every benchmark has. */
  readonly settings?: Readonly<Record<string, string>>;
}

export async function startPlatform(options: PlatformOptions = {}): Promise<BenchPlatform> {
  const dataDir = makeDataDir();
  const flags = options.profile ? ['--cpu-prof', `--cpu-prof-dir=${path.resolve(options.profile)}`] : [];
  const child = spawn('sh', [NODE, ...flags, SERVER, 'start'], {
    env: { ...environment(dataDir), ...options.settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await untilSaid(child, 'ready');
  const ready = readJson<Ready>(path.join(dataDir, 'ready.json'));
  const client = createClient({ url: ready.url, sockets: SOCKETS });
  return {
    dataDir,
    ready,
    client,
    databaseUrl: (name) => databaseUrl(dataDir, name),
    postgresPid: () => postgresPid(dataDir),
    databaseVersion: () => databaseVersion(databaseUrl(dataDir, 'postgres')),
    customers: (count) => makeCustomers(client, ready, count),
    verifyBooks: () => verifyBooks(dataDir),
    stop: async () => {
      client.close();
      await end(child);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function untilSaid(child: ChildProcess & { stdout: NodeJS.ReadableStream }, word: string): Promise<void> {
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) if (line === word) return;
  throw new Error('the platform ended before it was ready');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** Processor seconds used so far by the platform and by its PostgreSQL. */
export function cpuOf(platform: BenchPlatform): { readonly platform: number; readonly database: number } {
  return {
    platform: cpuSeconds([platform.ready.pid]),
    database: cpuSeconds(treeOf([platform.postgresPid()])),
  };
}

/** The line in which PostgreSQL keeps its own process id. */
export const postgresPid = (dataDir: string): number =>
  Number(readFileSync(path.join(dataDir, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n')[0]);

/** Processes of the platform without those of PostgreSQL. */
export function ownProcesses(platformPid: number, dataDir: string): readonly number[] {
  const database = treeOf([postgresPid(dataDir)]);
  return [...treeOf([platformPid])].filter((pid) => !database.has(pid));
}

function databaseUrl(dataDir: string, name: string): string {
  const access = readJson<{ password: string; sockets: string }>(path.join(dataDir, 'postgres/access.json'));
  return `postgres://guildhall:${encodeURIComponent(access.password)}@localhost/${name}?host=${encodeURIComponent(access.sockets)}`;
}

async function databaseVersion(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const result = await client.query<{ server_version: string }>('show server_version');
  await client.end();
  return `PostgreSQL ${result.rows[0]?.server_version}`;
}

// Both files are written by the platform of this very checkout.
const readJson = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;

export const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

async function makeCustomers(client: Client, ready: Ready, count: number): Promise<readonly Customer[]> {
  const made: Customer[] = [];
  for (let index = 0; index < count; index += 1) made.push(await makeCustomer(client, ready, `Bench ${index}`));
  return made;
}

async function makeCustomer(client: Client, ready: Ready, name: string): Promise<Customer> {
  const operator = bearer(ready.apiKey);
  const made = parse<{ id: string; key: { secret: string } }>(
    await client.send('POST', '/v1/operator/organisations', operator, JSON.stringify({ name })),
  );
  const amount = { nanos: CREDIT_NANOS.toString(), currency: 'USD' };
  const grant = { organisationId: made.id, amount, reason: 'load test' };
  parse(await client.send('POST', '/v1/operator/credits', operator, JSON.stringify(grant)));
  const headers = bearer(made.key.secret);
  const { available } = await balanceOf(client, headers);
  return { orgId: made.id, headers, grantedNanos: available };
}

export interface Balance {
  readonly available: bigint;
  readonly held: bigint;
  readonly spent: bigint;
}

export async function balanceOf(client: Client, headers: Record<string, string>): Promise<Balance> {
  const money = parse<Record<keyof Balance, Money>>(await client.send('GET', '/v1/balance', headers));
  return {
    available: BigInt(money.available.nanos),
    held: BigInt(money.held.nanos),
    spent: BigInt(money.spent.nanos),
  };
}

/** The body of a 2xx answer. @throws with the answer otherwise. */
export function parse<T>(answer: Answer): T {
  if (answer.status < 200 || answer.status > 299) throw new Error(`${answer.status}: ${answer.body}`);
  // The shape is the contract's; the platform is of this very checkout.
  return JSON.parse(answer.body) as T;
}

/** True for an answer that holds a run which succeeded. */
export const isSucceeded = (answer: Answer): boolean =>
  answer.status === 200 && (JSON.parse(answer.body) as Pick<Run, 'status'>).status === 'succeeded';

async function verifyBooks(dataDir: string): Promise<void> {
  const child = spawn(process.execPath, [MAIN, 'ledger', 'verify'], {
    env: environment(dataDir),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the books do not balance: ${said}`);
}
