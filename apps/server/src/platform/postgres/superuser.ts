/**
 * A new password for the superuser of the embedded server. Both passwords stand in the data folder while it changes, so whoever connects
 * meanwhile finds the right one; killed at any point, the next change goes on where this one was.
 */
import { scramVerifier, withOwner } from '../db/index.ts';
import { lock } from './file-lock.ts';
import { type Folder, newPassword, readAccess, writeAccess } from './folder.ts';
import { SUPERUSER } from './server.ts';

const START_LOCK_MS = 120_000;

/** @param ownerUrl reaches the server that runs on the folder. */
export async function rotateSuperuser(folder: Folder, ownerUrl: () => readonly string[]): Promise<void> {
  const release = await lock(folder.startLock, 'exclusive', START_LOCK_MS);
  try {
    const { nextPassword = newPassword(), ...access } = readAccess(folder);
    writeAccess(folder, { ...access, nextPassword });
    await withOwner(ownerUrl, (client) =>
      client.query(`alter role ${SUPERUSER} with password '${scramVerifier(nextPassword)}'`),
    );
    writeAccess(folder, { ...access, password: nextPassword });
  } finally {
    release();
  }
}
