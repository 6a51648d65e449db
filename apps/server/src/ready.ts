/** The first start makes an organisation and a key; every start writes ready.json, which tells programs where everything is. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SCOPES } from '@guildhall/contract';
import { z } from 'zod';
import type { Server } from './serve.ts';
import { VERSION } from './version.ts';

const readyFile = z.object({
  url: z.string(),
  orgId: z.string(),
  apiKey: z.string(),
  adminUrl: z.string(),
  pid: z.number(),
  version: z.string(),
});
export type Ready = z.infer<typeof readyFile>;

const FILE = 'ready.json';
// A link that was left in a terminal should not open anything next week.
const ADMIN_LINK_SECONDS = 24 * 3_600;

/** What the last start wrote, or undefined when there was none that finished. */
export async function readReady(dataDir: string): Promise<Ready | undefined> {
  const text = await readFile(path.join(dataDir, FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = readyFile.safeParse(parseJson(text));
  return parsed.success ? parsed.data : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Somebody edited it. The next start writes a whole one, with a new organisation and key.
    return undefined;
  }
}

async function writeReady(dataDir: string, ready: Ready): Promise<void> {
  const target = path.join(dataDir, FILE);
  const draft = `${target}.${ready.pid}`;
  // Whole or not at all: a reader never sees half of it.
  await writeFile(draft, `${JSON.stringify(ready, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, target);
}

/** The key of the first organisation is stored in that file alone, so later starts read it there. */
async function firstOrganisation(server: Server, known: Ready | undefined): Promise<{ orgId: string; apiKey: string }> {
  const { identity } = server.platform;
  if (known) {
    const principal = await identity.authenticate(known.apiKey).catch(() => undefined);
    if (principal) return { orgId: principal.orgId, apiKey: known.apiKey };
  }
  const made = await identity.createOrganisation({
    name: 'Default',
    actor: { type: 'system', id: 'first-start' },
    scopes: SCOPES,
    trial: true,
  });
  return { orgId: made.organisation.id, apiKey: made.secret };
}

/** Writes ready.json (0600) and returns what it says. */
export async function announceReady(server: Server): Promise<Ready> {
  const { dataDir } = server.foundation.settings;
  const known = await readReady(dataDir);
  const { orgId, apiKey } = await firstOrganisation(server, known);
  const { token } = await server.platform.identity.createAdminToken({ orgId, ttlSeconds: ADMIN_LINK_SECONDS });
  const url = server.url ?? '';
  const ready: Ready = {
    url,
    orgId,
    apiKey,
    adminUrl: `${url}/auth/admin#token=${token}`,
    pid: process.pid,
    version: VERSION,
  };
  await writeReady(dataDir, ready);
  return ready;
}

const LIVE_MS = 1_000;

/** Another process that serves from this folder, if there is one alive. A file left by a killed one, even when another server has its port by now, is none. */
export async function findRunning(dataDir: string): Promise<Ready | undefined> {
  const ready = await readReady(dataDir);
  if (!ready || ready.pid === process.pid || !isAlive(ready.pid)) return undefined;
  try {
    const answer = await fetch(`${ready.url}/live`, { signal: AbortSignal.timeout(LIVE_MS) });
    return answer.ok ? ready : undefined;
  } catch {
    // Nobody answers there: the process of that number is another one.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Not permitted means that it is there, and somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Says that this process no longer serves. The key lives in this file, so it stays. */
export async function forgetReady(dataDir: string): Promise<void> {
  const ready = await readReady(dataDir);
  if (ready?.pid === process.pid) await writeReady(dataDir, { ...ready, pid: 0 });
}
