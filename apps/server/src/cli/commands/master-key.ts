/** `guildhall keys rotate-master`: a new master key, while everything goes on. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Settings } from '../../config/index.ts';
import {
  addMasterKey,
  assertKnownEverywhere,
  countByKey,
  dropOlderMasterKeys,
  type KeyUse,
  rotateMasterKey,
} from '../../platform/crypto/index.ts';
import { assert } from '../../platform/errors/index.ts';
import type { OpenPlatform } from '../books.ts';
import { type CliContext, type JsonOption, leaf, show } from '../context.ts';
import { CliError, EXIT, usageError } from '../exit-codes.ts';

// Loaded when it is used: the platform takes half a second to load.
const books = () => import('../books.ts');

interface RotateOptions extends JsonOption {
  readonly finish?: boolean;
}

interface Rotated {
  /** Names the key without telling anything about it. */
  readonly keyId: string;
  readonly moved: number;
  readonly secrets: bigint;
  /** Keys beside it that are still known. */
  readonly former: number;
  readonly inFile: boolean;
}

const newestOf = ([first]: readonly Buffer[]): Buffer => {
  assert(first, 'a keyring knows a key');
  return first;
};

const isUnder = (uses: readonly KeyUse[], key: Buffer): boolean =>
  uses.every(({ keyId }) => keyId === key.toString('hex'));

// The first may have begun before the key was changed where it lies.
const READINGS = 2;

/** Processes read a key that lies in a file or store by and by, and meet nothing under the new one before. */
const isReadAgain = ({ secrets }: Settings): boolean =>
  secrets.settings.some(({ name, from }) => name === 'GUILDHALL_MASTER_KEY' && from !== 'environment');

const isBegun = (uses: readonly KeyUse[], key: Buffer): boolean =>
  uses.some(({ keyId }) => keyId === key.toString('hex'));

/** Where nothing is left to do a new one is made, in the file; a key of the settings is the operator's to make. */
async function targetOf({ foundation }: OpenPlatform): Promise<Buffer> {
  const { db, keyring, settings } = foundation;
  const newest = newestOf(keyring.keyIds());
  if (!isUnder(await countByKey(db), newest)) return newest;
  if (settings.masterKey === undefined) {
    await addMasterKey(settings.dataDir);
    return newestOf(keyring.refresh());
  }
  if (keyring.keyIds().length > 1) return newest;
  throw usageError(
    'The master key comes from the settings. Give every process a new one in GUILDHALL_MASTER_KEY (openssl rand -base64 32) and the present one in GUILDHALL_MASTER_KEYS_PREVIOUS, restart them where these stand in the environment itself, then run this command with the same settings.',
  );
}

async function rotate(open: OpenPlatform, note: (text: string) => void): Promise<Rotated> {
  const { db, keyring, settings } = open.foundation;
  const target = await targetOf(open);
  await assertKnownEverywhere(db, target);
  if (isReadAgain(settings) && !isBegun(await countByKey(db), target)) {
    const waitMs = settings.secretsRefreshMs * READINGS;
    note(`waiting ${waitMs / 1_000} s, so that every process has read the new key\n`);
    await pause(waitMs);
  }
  const moved = await rotateMasterKey({
    db,
    keyring,
    target,
    onProgress: (progress) => note(`${progress.moved} moved (${progress.column.table})\n`),
  });
  const uses = await countByKey(db);
  return {
    keyId: target.toString('hex'),
    moved,
    secrets: uses.reduce((sum, { envelopes }) => sum + envelopes, 0n),
    former: keyring.keyIds().length - 1,
    inFile: settings.masterKey === undefined,
  };
}

/** Whether every secret lies under the newest key is looked at last, for what comes then cannot be taken back. */
async function finish({ foundation }: OpenPlatform): Promise<Rotated> {
  const { db, keyring, settings } = foundation;
  const target = newestOf(keyring.keyIds());
  const uses = await countByKey(db);
  if (!isUnder(uses, target))
    throw new CliError(
      EXIT.refused,
      'Some secrets still lie under a former master key. Run: guildhall keys rotate-master',
    );
  const inFile = settings.masterKey === undefined;
  if (inFile) await dropOlderMasterKeys(settings.dataDir);
  const secrets = uses.reduce((sum, { envelopes }) => sum + envelopes, 0n);
  return { keyId: target.toString('hex'), moved: 0, secrets, former: 0, inFile };
}

function told({ keyId, moved, secrets, former, inFile }: Rotated): string {
  const lines = [`${moved} secrets moved; all ${secrets} lie under master key ${keyId}.`];
  if (inFile && former > 0)
    lines.push(
      'The former keys stay in master.key, so that backups can be read. To forget them: guildhall keys rotate-master --finish',
    );
  if (!inFile) lines.push('GUILDHALL_MASTER_KEYS_PREVIOUS can be removed now. Keep it for backups made before.');
  return `${lines.join('\n')}\n`;
}

export function addRotateMaster(keys: Command, context: CliContext): void {
  leaf(
    keys,
    'rotate-master',
    'seal every stored secret under a new master key, while the server runs (works on the database); run it again when it was interrupted',
    ['keys rotate-master', 'keys rotate-master --finish'],
  )
    .option('--finish', 'forget the former master keys, when nothing lies under them any more')
    .action(async (options: RotateOptions) => {
      const { withPlatform } = await books();
      const done = await withPlatform(context, (open) =>
        options.finish ? finish(open) : rotate(open, context.terminal.note),
      );
      show(context, options, done, () => told(done));
    });
}
