/** A process that changes the master key and dies as by a power cut after so many batches. */
import { createDb } from '../db/index.ts';
import { openKeyring, rotateMasterKey } from './index.ts';

const [appUrl = '', systemUrl = '', ownerUrl = '', masterKeys = '', deadline = ''] = process.argv.slice(2);
const die = (): void => void process.kill(process.pid, 'SIGKILL');

const db = createDb({
  appUrl,
  systemUrl,
  appPoolMax: 2,
  systemPoolMax: 2,
  applicationName: 'rotation',
  onIdleError: () => {},
});
const keys = masterKeys.split(',').map((key) => Buffer.from(key, 'base64'));
const keyring = await openKeyring(ownerUrl, { keys, reload: undefined });
let batches = Number(deadline);
if (batches === 0) die();
const [target = Buffer.alloc(0)] = keyring.keyIds();
await rotateMasterKey({
  db,
  keyring,
  target,
  onProgress: () => {
    batches -= 1;
    if (batches === 0) die();
  },
});
