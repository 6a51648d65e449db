/** Where mail goes while there is no server: a folder that keeps the latest, so that links in them can be used without one. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../clock/index.ts';
import type { KeptMail, Mail } from './types.ts';

/** More than a developer looks through; a few hundred kilobytes. */
export const KEPT_MAX = 100;
const ID_CHARS = 32;

export interface MailboxOptions {
  readonly directory: string;
  readonly from: string;
  readonly clock: Clock;
}

/** A repeated mail replaces itself, as in a real mailbox. */
export function createMailbox({ directory, from, clock }: MailboxOptions): Mail {
  const read = async (name: string): Promise<KeptMail | undefined> => {
    try {
      // Written by `send` below.
      const kept = JSON.parse(await readFile(path.join(directory, name), 'utf8')) as KeptMail & { at: string };
      return { ...kept, at: new Date(kept.at) };
    } catch (error) {
      // Another process has just removed it as too old.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  };
  const list = async (): Promise<KeptMail[]> => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const names = (await readdir(directory)).filter((name) => name.endsWith('.json'));
    const kept = (await Promise.all(names.map(read))).filter((mail) => mail !== undefined);
    return kept.sort((a, b) => b.at.getTime() - a.at.getTime() || (a.id < b.id ? 1 : -1));
  };
  return {
    send: async (message) => {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const id = createHash('sha256').update(message.idempotencyKey).digest('hex').slice(0, ID_CHARS);
      const kept: KeptMail = { ...message, id, from, at: clock.now() };
      const file = path.join(directory, `${id}.json`);
      await writeFile(`${file}.${process.pid}`, JSON.stringify(kept), { mode: 0o600 });
      await rename(`${file}.${process.pid}`, file);
      for (const old of (await list()).slice(KEPT_MAX))
        await rm(path.join(directory, `${old.id}.json`), { force: true });
    },
    verify: async () => `no SMTP_URL: mails are kept in ${directory}, unsent`,
    listKept: list,
    close: () => {},
  };
}
