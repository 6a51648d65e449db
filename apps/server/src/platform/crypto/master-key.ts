/** Where master keys come from: a setting, else a file of their own that the first start makes. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { GuildhallError } from '../errors/index.ts';
import { cryptoErrors } from './errors.ts';
import type { Secret } from './secret.ts';

const KEY_BYTES = 32;
const FILE_NAME = 'master.key';
const BASE64 = /^[A-Za-z0-9+/]{43}=?$/;
const BASE64URL = /^[A-Za-z0-9_-]{43}=?$/;
// 32 random bytes hold about 30 distinct values; fewer than 16 happens with a chance below 10^-15.
const DISTINCT_MIN = 16;

const refuse = (detail: string, cause?: unknown): GuildhallError =>
  new GuildhallError(cryptoErrors.masterKey, { detail, ...(cause === undefined ? {} : { cause }) });

function isWeak(key: Buffer): boolean {
  const steps = new Set<number>();
  for (let i = 1; i < key.length; i += 1) steps.add(((key[i] ?? 0) - (key[i - 1] ?? 0)) & 0xff);
  // A typed sentence: 32 random bytes are all printable with a chance of 10^-14.
  const isText = key.every((byte) => byte >= 0x20 && byte < 0x7f);
  return new Set(key).size < DISTINCT_MIN || steps.size === 1 || isText;
}

/** 32 bytes from base64. Refuses any other length and anything that is visibly not random. */
export function parseMasterKey(text: string): Buffer {
  const trimmed = text.trim();
  if (!BASE64.test(trimmed) && !BASE64URL.test(trimmed))
    throw refuse(`The master key must be ${KEY_BYTES} bytes in base64 (44 characters).`);
  const key = Buffer.from(trimmed, 'base64');
  if (key.length !== KEY_BYTES) throw refuse(`The master key must be ${KEY_BYTES} bytes in base64 (44 characters).`);
  if (isWeak(key)) throw refuse('The master key is not random.');
  return key;
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A complete file under a name that nobody looks for. */
async function writeDraft(directory: string, keys: readonly Buffer[]): Promise<string> {
  const draft = path.join(directory, `.${FILE_NAME}.${randomBytes(8).toString('hex')}`);
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(keys.map((key) => `${key.toString('base64')}\n`).join(''));
    await handle.sync();
  } finally {
    await handle.close();
  }
  return draft;
}

/** Linking a complete file under the final name is atomic and fails when the name exists: of two racing processes one wins, whole. */
async function createFile(directory: string, file: string): Promise<void> {
  const draft = await writeDraft(directory, [randomBytes(KEY_BYTES)]);
  try {
    await link(draft, file);
    await syncDirectory(directory);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Renaming a complete file over the old one is atomic: a reader sees the one or the other, whole, also after a crash. */
async function replaceFile(directory: string, keys: readonly Buffer[]): Promise<void> {
  const draft = await writeDraft(directory, keys);
  try {
    await rename(draft, path.join(directory, FILE_NAME));
    await syncDirectory(directory);
  } finally {
    await rm(draft, { force: true });
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** One key a line, newest first. */
function readKeyFile(file: string): readonly Buffer[] {
  const { mode } = statSync(file);
  if ((mode & 0o077) !== 0) throw refuse(`${file} can be read by others. Run: chmod 600 ${file}`);
  const lines = readFileSync(file, 'utf8').split('\n');
  const keys = lines.filter((line) => line.trim() !== '').map(parseMasterKey);
  if (keys.length === 0) throw refuse(`${file} holds no key.`);
  return keys;
}

export interface MasterKeys {
  /** Newest first. */
  readonly keys: readonly Buffer[];
  /** Reads them again: there may be a new one meanwhile. Undefined where they stay as they are for the life of this process. */
  readonly reload: (() => readonly Buffer[]) | undefined;
}

export interface ConfiguredKeys {
  readonly key?: Secret | undefined;
  /** Several, between commas. */
  readonly previous?: Secret | undefined;
  /** They lie where they are read again, so another key may come while this process lives. */
  readonly mayChange?: boolean;
}

/** Former keys as their setting holds them, between commas. */
export const parseMasterKeys = (text: string): readonly Buffer[] =>
  text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(parseMasterKey);

/**
 * The master keys: the configured one when it is given, else those of the file `master.key` in `directory`, which is made (0600) when there
 * is none; then the previous ones. Any number of processes may call it at once and all get the same keys. Whoever loses them loses every
 * stored secret.
 */
export async function loadMasterKeys(directory: string, configured: ConfiguredKeys = {}): Promise<MasterKeys> {
  const { key, previous, mayChange = false } = configured;
  const older = (): readonly Buffer[] => parseMasterKeys(previous?.reveal() ?? '');
  if (key !== undefined) {
    const read = (): readonly Buffer[] => [parseMasterKey(key.reveal()), ...older()];
    return { keys: read(), reload: mayChange ? read : undefined };
  }
  const file = path.join(directory, FILE_NAME);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const reload = (): readonly Buffer[] => [...readKeyFile(file), ...older()];
  try {
    return { keys: reload(), reload };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  await createFile(directory, file);
  return { keys: reload(), reload };
}

/** Puts a new key before those of the file; it seals only once the root has been moved to it. */
export async function addMasterKey(directory: string): Promise<void> {
  await replaceFile(directory, [randomBytes(KEY_BYTES), ...readKeyFile(path.join(directory, FILE_NAME))]);
}

/** Leaves the newest key alone in the file. What is sealed under the others can never be read again. */
export async function dropOlderMasterKeys(directory: string): Promise<void> {
  await replaceFile(directory, readKeyFile(path.join(directory, FILE_NAME)).slice(0, 1));
}
