/** Runs heavy or untrusted work in a child process that can neither outgrow its limits nor reach anything it was not given. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import type { Duplex } from 'node:stream';
import type { AgentError } from '../agent-error.ts';
import type { Json, SandboxWork } from '../types.ts';
import { childCommand } from './command.ts';
import { failureToError, sandboxError } from './errors.ts';
import { createFrameReader, type Frame } from './frames.ts';

export { type SandboxLayer, sandboxReport } from './layers.ts';

export interface SandboxHooks {
  /** Aborted: the child is killed at once and the call rejects with the signal's reason. */
  readonly signal: AbortSignal;
  onProgress(done: number, total?: number, note?: string): void;
}

const CHILD_NICENESS = 10;
const OUTPUT_MAX_BYTES = 8 * 1024 * 1024;
/** Memory is looked at this often; a child fills some 100 MB in between at worst. */
const MEMORY_LOOK_MS = 50;
const STDERR_KEPT_BYTES = 8_192;
/** How long the pipes may stay open after the child is gone before they are closed from this side. */
const CLOSE_WAIT_MS = 1_000;

type Ending = { readonly value: Json } | { readonly error: unknown };

/**
 * Does the work in a child process and returns its result.
 * Rejects with an AgentError: `sandbox-timeout`, `sandbox-memory`, `sandbox-output`, `sandbox-crashed`, or the one the work threw.
 * No process of the child is alive once this settles.
 * Native libraries are not bound by the wall around files: a child that uses one on foreign input confines it by its own settings
 * (DuckDB: `enable_external_access`, `allowed_paths`, `lock_configuration`).
 */
export async function runInSandbox<Output extends Json>(work: SandboxWork, hooks: SandboxHooks): Promise<Output> {
  hooks.signal.throwIfAborted();
  const command = await childCommand(work);
  hooks.signal.throwIfAborted();
  const child = spawn(command.program, command.args, {
    cwd: command.cwd,
    env: command.env,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  lowerPriority(child);
  const ending = await watch(child, work, hooks);
  if ('error' in ending) throw ending.error;
  // The work's own type; only the caller knows it.
  return ending.value as Output;
}

/** Heavy work takes what is left of the processors, so that whoever answers requests beside it is not kept waiting. */
function lowerPriority(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    setPriority(child.pid, CHILD_NICENESS);
  } catch (error) {
    // ESRCH: it has ended already.
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SYSTEM_ERROR')) throw error;
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // ESRCH: already gone, which is what was wanted.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Of the program started and of its children: inside a process wall the work is a child of the wall's keeper. */
async function familyBytes(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const pids = [pid, ...children.split(' ').filter(Boolean).map(Number)];
  return (await Promise.all(pids.map(residentBytes))).reduce((sum, bytes) => sum + bytes, 0);
}

/** Settles when the child and its pipes are gone. The first ending that is noted is the one that counts. */
function watch(child: ChildProcess, work: SandboxWork, hooks: SandboxHooks): Promise<Ending> {
  return new Promise((resolve) => {
    let ending: Ending | undefined;
    let stderr = '';
    const end = (noted: Ending): void => {
      ending ??= noted;
      killGroup(child);
    };
    const onAbort = (): void => end({ error: hooks.signal.reason });
    const wall = setTimeout(() => end({ error: sandboxError('timeout', work.limits) }), work.limits.wallMs);
    const memory = setInterval(() => {
      if (child.pid === undefined) return;
      void familyBytes(child.pid).then((bytes) => {
        if (bytes > work.limits.memoryMaxBytes) end({ error: sandboxError('memory', work.limits) });
      });
    }, MEMORY_LOOK_MS);
    const settle = (code: number | null, signal: NodeJS.Signals | null): void => {
      clearTimeout(wall);
      clearInterval(memory);
      hooks.signal.removeEventListener('abort', onAbort);
      resolve(ending ?? { error: deathError({ code, signal, stderr }, work) });
    };
    hooks.signal.addEventListener('abort', onAbort);
    child.stderr?.on('data', (bytes: Buffer) => {
      stderr = (stderr + bytes.toString('utf8')).slice(-STDERR_KEPT_BYTES);
    });
    child.on('error', (cause) => {
      ending ??= { error: sandboxError('crashed', work.limits, cause) };
      settle(null, null);
    });
    child.on('exit', () => {
      killGroup(child);
      setTimeout(() => closePipes(child), CLOSE_WAIT_MS).unref();
    });
    child.on('close', settle);
    talk(child, work, hooks, end);
  });
}

function closePipes(child: ChildProcess): void {
  for (const pipe of child.stdio) pipe?.destroy();
}

/** How a child that gave no answer ended. */
function deathError(
  death: { code: number | null; signal: string | null; stderr: string },
  work: SandboxWork,
): AgentError {
  const cause = new Error(`child ended with code ${death.code}, signal ${death.signal}: ${death.stderr}`);
  // V8 aborts when its heap is full; the line it leaves is the only sign that tells this from other aborts.
  if (death.stderr.includes('JavaScript heap out of memory')) return sandboxError('memory', work.limits, cause);
  return sandboxError('crashed', work.limits, cause);
}

/** Gives the child its order and reads its answer. */
function talk(child: ChildProcess, work: SandboxWork, hooks: SandboxHooks, end: (ending: Ending) => void): void {
  // stdio[3] was asked for as a pipe, which Node makes a two-way socket.
  const channel = child.stdio[3] as Duplex;
  const reader = createFrameReader(work.limits.outputMaxBytes ?? OUTPUT_MAX_BYTES);
  // A child that dies while it is written to breaks the pipe; its death is judged from its exit.
  channel.on('error', () => undefined);
  channel.on('data', (chunk: Buffer) => {
    const frames = reader.push(chunk);
    if (frames === 'too-large') return end({ error: sandboxError('output', work.limits) });
    if (frames === 'garbled') return end({ error: sandboxError('crashed', work.limits) });
    const answer = frames.find((frame) => frame.kind !== 'progress');
    // Only the newest of a chunk: a child that floods the channel costs one parse per chunk.
    const progress = frames.findLast((frame) => frame.kind === 'progress');
    if (progress) tellProgress(progress, hooks);
    if (answer) end(endingOf(answer, work));
  });
  channel.end(JSON.stringify({ entry: work.entry.href, input: work.input, writeDir: work.writeDir }));
}

function endingOf(frame: Frame, work: SandboxWork): Ending {
  try {
    // JSON.parse returns JSON.
    const body = JSON.parse(frame.body.toString('utf8')) as Json;
    return frame.kind === 'result' ? { value: body } : { error: failureToError(body, work.limits) };
  } catch (cause) {
    return { error: sandboxError('crashed', work.limits, cause) };
  }
}

function tellProgress(frame: Frame, hooks: SandboxHooks): void {
  let body: { done?: unknown; total?: unknown; note?: unknown };
  try {
    body = JSON.parse(frame.body.toString('utf8'));
  } catch {
    return; // A broken note loses nothing but the note.
  }
  if (typeof body?.done !== 'number') return;
  hooks.onProgress(
    body.done,
    typeof body.total === 'number' ? body.total : undefined,
    typeof body.note === 'string' ? body.note : undefined,
  );
}
