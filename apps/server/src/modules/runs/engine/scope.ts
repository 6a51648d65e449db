/** What a step may use: scratch space, artifacts, progress, sandbox, network. */
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import {
  AgentError,
  type Artifact,
  type Json,
  type NewArtifact,
  type SandboxWork,
  type StepFetchInit,
  type StepFetchResponse,
  type StepScope,
} from '@guildhall/agent-sdk';
import { runInSandbox } from '@guildhall/agent-sdk/sandbox';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { RunsDeps } from '../deps.ts';
import { storableText } from '../rules.ts';
import type { ArtifactWrite } from '../store/steps.ts';
import type { NewEvent } from '../types.ts';
import type { Attempt, StepSlot } from './attempt.ts';
import { assertRightsWithin } from './rights.ts';

// A few updates a second are as much as an eye follows.
const TELL_EVERY_MS = 250;
const FETCH_TIMEOUT_MS = 30_000;
const FETCH_MAX_BYTES = 10 * 1024 * 1024;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const ARTIFACTS_MAX = 100;
const LOG_MAX = 1_000;

export interface OpenScope {
  readonly scope: StepScope;
  readonly artifacts: readonly ArtifactWrite[];
  /** Rejects on timeout or abort, whatever the work does. */
  bounded<T>(work: Promise<T>): Promise<T>;
  tellSoon(event: NewEvent): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface ScopeInput {
  readonly name: string;
  readonly slot: StepSlot;
  readonly tryNumber: number;
  readonly kind: string;
  readonly timeoutMs: number | undefined;
  /** May the platform do it again after a timeout? */
  readonly repeatable: boolean;
}

/** Gathers events and tells them at most every TELL_EVERY_MS; a newer progress replaces an older one. */
function createTeller(attempt: Attempt): { soon(event: NewEvent, replaces?: string): void; flush(): Promise<void> } {
  const pending: { event: NewEvent; replaces: string | undefined }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();
  const send = (): void => {
    timer = undefined;
    if (pending.length === 0) return;
    const events = pending.splice(0).map((entry) => entry.event);
    sending = sending.then(() => attempt.tell(events));
  };
  return {
    soon(event, replaces) {
      const older = replaces === undefined ? -1 : pending.findIndex((entry) => entry.replaces === replaces);
      if (older >= 0) pending.splice(older, 1);
      pending.push({ event, replaces });
      timer ??= setTimeout(send, TELL_EVERY_MS);
    },
    async flush() {
      clearTimeout(timer);
      send();
      await sending;
    },
  };
}

export function openScope(deps: RunsDeps, attempt: Attempt, input: ScopeInput): OpenScope {
  const { run } = attempt;
  const artifacts: ArtifactWrite[] = [];
  const teller = createTeller(attempt);
  const timeout = new AbortController();
  const signal = AbortSignal.any([attempt.abort.signal, timeout.signal]);
  const timer =
    input.timeoutMs === undefined ? undefined : setTimeout(() => timeout.abort(stepTimeout(input)), input.timeoutMs);
  const workdir = path.join(
    deps.settings.workDir,
    run.id,
    `${attempt.fence}`,
    `${input.slot.index}-${input.tryNumber}`,
  );
  let workdirMade = false;
  let logs = 0;

  const scope: StepScope = {
    attempt: input.tryNumber,
    signal,
    idempotencyKey: `${run.id}:${input.slot.key}`,
    now: () => deps.clock.now(),
    get workdir() {
      if (!workdirMade) mkdirSync(workdir, { recursive: true, mode: 0o700 });
      workdirMade = true;
      attempt.usedScratch = true;
      return workdir;
    },
    artifact: async (artifact) => {
      if (artifacts.length >= ARTIFACTS_MAX)
        throw new AgentError('too-many-artifacts', `A step may keep at most ${ARTIFACTS_MAX} artifacts.`);
      const kept = await keepArtifact(deps, run.org_id, artifact, workdir);
      artifacts.push(kept);
      return kept;
    },
    progress: (done, total, note) =>
      teller.soon(
        {
          type: 'step',
          data: {
            index: input.slot.index,
            name: input.name,
            kind: input.kind,
            status: 'running',
            progress: { done, total: total ?? null, note: note ?? null },
          },
        },
        'progress',
      ),
    log: (level, message, data) => {
      logs += 1;
      if (logs <= LOG_MAX)
        teller.soon({
          type: 'log',
          data: { level, step: input.name, message: message.slice(0, 2_000), ...(data === undefined ? {} : { data }) },
        });
    },
    sandbox: <Output extends Json>(work: SandboxWork) =>
      deps.sandboxGate.pass(signal, () =>
        runInSandbox<Output>(work, { signal, onProgress: (done, total, note) => scope.progress(done, total, note) }),
      ),
    fetch: async (url, init) => {
      await assertRightsWithin(deps, attempt);
      return guardedFetch(deps, url, init, { signal, orgId: run.org_id });
    },
  };
  return {
    scope,
    artifacts,
    bounded: (work) => bounded(work, signal),
    tellSoon: (event) => teller.soon(event),
    flush: () => teller.flush(),
    close: async () => {
      clearTimeout(timer);
      await teller.flush();
      if (workdirMade) await rm(workdir, { recursive: true, force: true });
    },
  };
}

const stepTimeout = (input: ScopeInput) =>
  new AgentError('step-timeout', `The step "${input.name}" took longer than ${input.timeoutMs} ms.`, {
    retryable: input.repeatable,
    advice: 'Give it less work, or try again later.',
  });

/** Work that ignores its signal is left behind: its writes are refused by the fence or thrown away with its scope. */
function bounded<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

async function keepArtifact(deps: RunsDeps, orgId: string, artifact: NewArtifact, workdir: string): Promise<Artifact> {
  const { content } = artifact;
  if ('path' in content && !path.resolve(content.path).startsWith(`${workdir}${path.sep}`))
    throw new Error("an artifact must lie inside its step's workdir");
  const source = 'path' in content ? content : Readable.from([content]);
  const { sha256, size } = await deps.files.put(orgId, source);
  return {
    id: deps.ids.make('art'),
    name: storableText(artifact.name.slice(0, 255)),
    mediaType: artifact.mediaType,
    size,
    sha256,
  };
}

async function guardedFetch(
  deps: RunsDeps,
  url: string,
  init: StepFetchInit | undefined,
  caller: { readonly signal: AbortSignal; readonly orgId: string },
): Promise<StepFetchResponse> {
  const method = METHODS.find((known) => known === (init?.method ?? 'GET').toUpperCase());
  if (!method)
    throw new AgentError('fetch-method', `The method ${init?.method} is not offered.`, {
      advice: `Use one of ${METHODS.join(', ')}.`,
    });
  try {
    const response = await deps.egress.request(url, {
      method,
      headers: init?.headers ?? {},
      ...(init?.body === undefined ? {} : { body: init.body }),
      totalMs: Math.min(init?.timeoutMs ?? FETCH_TIMEOUT_MS, FETCH_TIMEOUT_MS),
      maxBytes: Math.min(init?.bytesMax ?? FETCH_MAX_BYTES, FETCH_MAX_BYTES),
      ...caller,
    });
    return { status: response.status, headers: response.headers, body: await response.bytes() };
  } catch (error) {
    throw exchangeFailure(error);
  }
}

/** A failed exchange is the agent's to judge, as `agent.fetch-timeout` and the like; what ended the attempt itself passes through. */
function exchangeFailure(error: unknown): unknown {
  if (!(error instanceof GuildhallError)) return error;
  const { code, kind, title, advice } = error.spec;
  const reason = code.slice(code.indexOf('.') + 1);
  return new AgentError(`fetch-${reason}`, title, { advice, retryable: kind === 'fault', cause: error });
}
