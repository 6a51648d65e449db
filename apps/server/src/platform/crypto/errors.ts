/** What the crypto part answers when it cannot do its work. */
import { defineErrors } from '../errors/index.ts';

export const cryptoErrors = defineErrors('crypto', {
  unreadable: [
    'unreadable',
    500,
    'A stored secret could not be read.',
    'Nothing was charged. Store the secret again; if it stays unreadable, ask the operator to check the master key.',
  ],
  wrongMasterKey: [
    'wrong-master-key',
    503,
    'The secrets in this database are sealed under a master key that is not known here.',
    'Set GUILDHALL_MASTER_KEY, or master.key in the data folder, to the key that this database was used with; after a change name the former one in GUILDHALL_MASTER_KEYS_PREVIOUS.',
  ],
  rotationOvertaken: [
    'rotation-overtaken',
    409,
    'Another change of the master key has begun meanwhile.',
    'Let that one end, then run the command again.',
  ],
  rotationUnknown: [
    'rotation-unknown',
    409,
    'Some processes do not know the new master key yet.',
    'Restart them with the new key in GUILDHALL_MASTER_KEY and the former one in GUILDHALL_MASTER_KEYS_PREVIOUS, then run the command again.',
  ],
  masterKey: [
    'master-key',
    503,
    'The master key cannot be used.',
    'Set it to 32 random bytes in base64 (openssl rand -base64 32), or leave it unset to have one made in the data directory.',
  ],
});
