/** Files of a test run: inputs given as paths or bytes, artifacts kept on disk. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { copyFile, mkdir, realpath, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, extname, join, sep } from 'node:path';
import { AgentError } from '../agent-error.ts';
import type { FileRef, NewArtifact, RunFile } from '../types.ts';
import { type TestArtifact, type TestFile, TestSetupError } from './types.ts';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.tsv': 'text/tab-separated-values',
  '.txt': 'text/plain',
  '.md': 'text/markdown',
  '.html': 'text/html',
  '.json': 'application/json',
  '.ndjson': 'application/x-ndjson',
  '.xml': 'application/xml',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.parquet': 'application/vnd.apache.parquet',
  '.xlsx': 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
};

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

const ROOT_PREFIX = 'guildhall-testkit-';

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false; // No such process.
  }
}

/** Test workers are often killed rather than ended, so each one clears what dead ones left. */
function sweepDeadRoots(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(ROOT_PREFIX) ? Number(name.slice(ROOT_PREFIX.length).split('-')[0]) : Number.NaN;
    if (Number.isInteger(pid) && !isAlive(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

// One folder for all runs of a process, so that one listener removes it at the end.
let root: string | undefined;

function kitRoot(): string {
  if (root !== undefined) return root;
  sweepDeadRoots();
  const made = mkdtempSync(join(tmpdir(), `${ROOT_PREFIX}${process.pid}-`));
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  root = made;
  return made;
}

/** A folder of this run that is removed when the process ends. */
export function makeRunFolder(): string {
  return mkdtempSync(join(kitRoot(), 'run-'));
}

/** The file a test gave for this reference. */
export async function openTestFile(
  ref: FileRef,
  files: Readonly<Record<string, TestFile>>,
  folder: string,
): Promise<RunFile> {
  const given = Object.hasOwn(files, ref.file) ? files[ref.file] : undefined;
  if (given === undefined) throw new AgentError('file-missing', `There is no file ${ref.file}.`);
  const { content, ...named } = typeof given === 'string' || given instanceof Uint8Array ? { content: given } : given;
  const path = typeof content === 'string' ? content : join(folder, 'files', ref.file);
  if (typeof content !== 'string') {
    await mkdir(join(folder, 'files'), { recursive: true });
    await writeFile(path, content);
  }
  const name = named.name ?? basename(path);
  const mediaType = named.mediaType ?? MEDIA_TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream';
  return { id: ref.file, name, mediaType, size: (await stat(path)).size, sha256: await sha256Of(path), path };
}

/** Keeps an artifact beside the run; a path must lie in the step's workdir, as on the platform. */
export async function keepArtifact(
  input: NewArtifact,
  at: { readonly id: string; readonly step: string; readonly workdir: string; readonly folder: string },
): Promise<TestArtifact> {
  const path = join(at.folder, 'artifacts', at.id);
  await mkdir(join(at.folder, 'artifacts'), { recursive: true });
  if (input.content instanceof Uint8Array) {
    await writeFile(path, input.content);
  } else {
    const from = await realpath(input.content.path);
    if (!from.startsWith((await realpath(at.workdir)) + sep)) {
      throw new TestSetupError(`artifact ${input.name}: ${from} is not inside the step's workdir`);
    }
    await copyFile(from, path);
  }
  const { name, mediaType } = input;
  const size = (await stat(path)).size;
  return {
    id: at.id,
    name,
    mediaType,
    size,
    sha256: await sha256Of(path),
    step: at.step,
    path,
    get bytes() {
      return readFileSync(path);
    },
  };
}
