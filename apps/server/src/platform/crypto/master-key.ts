/** Where the master key comes from: a setting, else a file of its own that the first start makes. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { GuildhallError } from '../errors/index.ts';
import { cryptoErrors } from './errors.ts';

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

/** Linking a complete file under the final name is atomic and fails when the name exists: of two racing processes one wins, whole. */
async function createFile(directory: string, file: string): Promise<void> {
  const draft = path.join(directory, `.${FILE_NAME}.${randomBytes(8).toString('hex')}`);
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(`${randomBytes(KEY_BYTES).toString('base64')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(draft, file);
    await syncDirectory(directory);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

async function readKeyFile(file: string): Promise<Buffer> {
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) throw refuse(`${file} can be read by others. Run: chmod 600 ${file}`);
  return parseMasterKey(await readFile(file, 'utf8'));
}

/**
 * The master key: `configured` when it is given, else the file `master.key` in `directory`, which is made (0600) when there is none.
 * Any number of processes may call it at once and all get the same key. Whoever loses the key loses every stored secret.
 */
export async function loadMasterKey(directory: string, configured?: string): Promise<Buffer> {
  if (configured !== undefined) return parseMasterKey(configured);
  const file = path.join(directory, FILE_NAME);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    return await readKeyFile(file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  await createFile(directory, file);
  return readKeyFile(file);
}
