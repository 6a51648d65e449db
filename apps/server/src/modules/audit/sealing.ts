/**
 * The ends of all chains, once a day, signed and outside of the database: whoever can rewrite every table cannot rewrite these. A file for
 * each day: one line of JSON, and one with its Ed25519 signature. Its key comes from the installation's root and is in no database.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../platform/clock/index.ts';
import type { Keyring } from '../../platform/crypto/index.ts';
import type { Db } from '../../platform/db/index.ts';
import { type Head, listHeads, lookAt } from './store/chain.ts';
import type { BrokenChain } from './types.ts';

export interface SealDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly keyring: Pick<Keyring, 'derive'>;
  /** Where the files lie. */
  readonly directory: string;
}

/** A day whose file does not say what was signed. */
export interface BrokenSeal {
  readonly file: string;
  readonly fault: 'forged';
}

export interface SealReport {
  readonly days: number;
  readonly brokenSeals: readonly BrokenSeal[];
  readonly brokenChains: readonly BrokenChain[];
}

interface SealedDay {
  readonly madeAt: string;
  readonly publicKey: string;
  readonly heads: readonly (readonly [orgId: string, seq: string, hash: string])[];
}

const PURPOSE = 'audit-heads';
const HEADS_AT_ONCE = 1_000;
const NAME = /^\d{4}-\d{2}-\d{2}\.json$/;
// The fixed beginning of a private key of Ed25519 in DER (RFC 8410): 32 bytes follow.
const ED25519_DER = Buffer.from('302e020100300506032b657004220420', 'hex');

function signingKey(keyring: Pick<Keyring, 'derive'>): KeyObject {
  const der = Buffer.concat([ED25519_DER, keyring.derive(PURPOSE)]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

async function sealedDays(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => NAME.test(name)).toSorted();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function allHeads(db: Db): Promise<Head[]> {
  const heads: Head[] = [];
  for (;;) {
    const page = await db.system((tx) => listHeads(tx, heads.at(-1)?.orgId ?? '', HEADS_AT_ONCE));
    heads.push(...page);
    if (page.length < HEADS_AT_ONCE) return heads;
  }
}

export interface SealedFile {
  readonly file: string;
  readonly chains: number;
  /** Of the whole file, in hex. */
  readonly sha256: string;
}

/** Where they lie in the data folder. */
export const auditHeadsIn = ({ dataDir }: { readonly dataDir: string }): string => path.join(dataDir, 'audit-heads');

/** Writes today's file; undefined when it is there already. */
export async function sealHeads({ db, clock, keyring, directory }: SealDeps): Promise<SealedFile | undefined> {
  const madeAt = clock.now().toISOString();
  const name = `${madeAt.slice(0, 10)}.json`;
  if ((await sealedDays(directory)).includes(name)) return undefined;
  const key = signingKey(keyring);
  const heads = (await allHeads(db)).map(({ orgId, seq, hash }) => [orgId, seq.toString(), hash] as const);
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64');
  const line = JSON.stringify({ madeAt, publicKey, heads } satisfies SealedDay);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = path.join(directory, name);
  const text = `${line}\n${sign(null, Buffer.from(line), key).toString('base64')}\n`;
  await writeFile(`${file}.${process.pid}`, text, { mode: 0o400 });
  await rename(`${file}.${process.pid}`, file);
  return { file, chains: heads.length, sha256: createHash('sha256').update(text).digest('hex') };
}

/** Compares every sealed day with what stands in the database now. */
export async function verifySeals({ db, keyring, directory }: SealDeps): Promise<SealReport> {
  const key = createPublicKey(signingKey(keyring));
  const names = await sealedDays(directory);
  const brokenSeals: BrokenSeal[] = [];
  const broken = new Map<string, BrokenChain>();
  for (const name of names) {
    const file = path.join(directory, name);
    const [line = '', signature = ''] = (await readFile(file, 'utf8')).split('\n');
    if (!verify(null, Buffer.from(line), key, Buffer.from(signature, 'base64'))) {
      brokenSeals.push({ file, fault: 'forged' });
      continue;
    }
    // Signed by us a moment ago, so it has that shape.
    const { heads } = JSON.parse(line) as SealedDay;
    for (const fault of await faultsOf(db, heads)) {
      // The first day that contradicts names the place.
      if (!broken.has(fault.orgId)) broken.set(fault.orgId, fault);
    }
  }
  return { days: names.length, brokenSeals, brokenChains: [...broken.values()] };
}

async function faultsOf(db: Db, heads: SealedDay['heads']): Promise<BrokenChain[]> {
  const faults: BrokenChain[] = [];
  for (let start = 0; start < heads.length; start += HEADS_AT_ONCE) {
    const some = heads.slice(start, start + HEADS_AT_ONCE);
    const sealed = new Map(some.map(([orgId, , hash]) => [orgId, hash]));
    const wanted = some.map(([orgId, seq]) => ({ orgId, seq: BigInt(seq) }));
    for (const row of await db.system((tx) => lookAt(tx, wanted))) {
      if (row.isPruned || row.hash === sealed.get(row.orgId)) continue;
      const fault = row.hash === undefined ? 'truncated' : 'rewritten';
      faults.push({ orgId: row.orgId, seq: row.seq, eventId: row.eventId, fault });
    }
  }
  return faults;
}
