/** Stored forms of passwords. Nothing here blocks the event loop: both libraries work in threads of their own. */
import { hash as argon2, verify as verifyArgon2 } from '@node-rs/argon2';
import { verify as verifyBcrypt } from '@node-rs/bcrypt';

// Argon2id, the library's default. 19 MiB and two passes: the least that OWASP names, about 15 ms on one core.
const OPTIONS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const CURRENT = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/;
const BCRYPT = /^\$2[aby]\$/;

export interface Passwords {
  hash(password: string): Promise<string>;
  /** False, after the same work, where there is no hash to compare with. */
  verify(hash: string | undefined, password: string): Promise<boolean>;
  /** Whether a hash was made in a form that is not used any more: imported, or with weaker parameters. */
  isOutdated(hash: string): boolean;
}

export function createPasswords(random: (size: number) => Uint8Array): Passwords {
  let dummy: Promise<string> | undefined;
  const hash = (password: string): Promise<string> => argon2(password, OPTIONS);
  return {
    hash,
    async verify(stored, password) {
      dummy ??= hash(Buffer.from(random(16)).toString('hex'));
      if (stored === undefined) return (await verifyArgon2(await dummy, password)) && false;
      return BCRYPT.test(stored) ? verifyBcrypt(password, stored) : verifyArgon2(stored, password);
    },
    isOutdated: (stored) => !CURRENT.test(stored),
  };
}
