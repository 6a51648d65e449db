/** What the crypto part answers when it cannot do its work. */
import { defineErrors } from '../errors/index.ts';

export const cryptoErrors = defineErrors('crypto', {
  unreadable: [
    'unreadable',
    500,
    'A stored secret could not be read.',
    'Nothing was charged. Store the secret again; if it stays unreadable, ask the operator to check the master key.',
  ],
  masterKey: [
    'master-key',
    503,
    'The master key cannot be used.',
    'Set it to 32 random bytes in base64 (openssl rand -base64 32), or leave it unset to have one made in the data directory.',
  ],
});
