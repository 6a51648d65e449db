/** A process that changes the master key and dies as by a power cut after so many batches. */
import { createDb } from '../db/index.ts';
import { openKeyring, rotateMasterKey } from './index.ts';

const { APP_URL = '', SYSTEM_URL = '', OWNER_URL = '', KEYS = '', BATCHES = '' } = process.env;
const die = (): void => void process.kill(process.pid, 'SIGKILL');

const db = createDb({
  appUrl: APP_URL,
  systemUrl: SYSTEM_URL,
  appPoolMax: 2,
  systemPoolMax: 2,
  applicationName: 'rotation',
  onIdleError: () => {},
});
const keys = KEYS.split(',').map((key) => Buffer.from(key, 'base64'));
const keyring = await openKeyring(OWNER_URL, { keys, reload: undefined });
let batches = Number(BATCHES);
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
