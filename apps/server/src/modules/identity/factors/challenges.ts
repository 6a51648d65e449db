/** What a second factor is shown for: good for five minutes, once, for the person and from where it was asked for. */
import { timingSafeEqual } from 'node:crypto';
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { sourceOf } from '../../../platform/http/index.ts';
import type { Attempt, IdentityDeps } from '../types.ts';
import { factorErrors } from './errors.ts';
import { findChallenge, insertChallenge, lockChallenge, type StoredChallenge, type StoredPurpose } from './store.ts';

const PURPOSE = 'challenge';
const OPEN_PURPOSE = 'challenge-open';
const SOURCE_PURPOSE = 'challenge-source';
const TOKEN_BYTES = 32;
const TTL_SECONDS = 300;
const TIME_BYTES = 6;

/** Where a request comes from, as far as it must stay the same. */
export type Source = Pick<Attempt, 'ip' | 'userAgent'>;

export interface Challenges {
  /** Its token, 256 random bits, is what a passkey signs, too. In the person's transaction. */
  make(
    tx: Tx,
    challenge: {
      readonly personId: string;
      readonly purpose: StoredPurpose;
      readonly method?: StoredChallenge['method'];
      readonly via?: StoredChallenge['via'];
      readonly sessionId?: string | undefined;
      readonly source: Source;
    },
  ): Promise<string>;
  /** Whose it is. @throws 401 `factors.invalid-challenge` */
  find(token: string): Promise<{ readonly id: string; readonly personId: string }>;
  /** For the rest of the person's transaction nobody else answers it. @throws 401 `factors.invalid-challenge` */
  lock(tx: Tx, id: string, source: Source): Promise<StoredChallenge>;
  /** One for somebody who is not known yet. Nothing is stored, so that strangers cannot fill a table. */
  makeOpen(source: Source): Buffer;
  /** Uses up an open one, now that the person is known. In their transaction. @throws 401 `factors.invalid-challenge` */
  useOpen(tx: Tx, personId: string, token: string, source: Source): Promise<void>;
}

type ChallengesDeps = Pick<IdentityDeps, 'db' | 'ids' | 'clock' | 'keyring' | 'random'>;

const refusal = (): GuildhallError => new GuildhallError(factorErrors.invalidChallenge);

export function createChallenges({ db, ids, clock, keyring, random }: ChallengesDeps): Challenges {
  const textOf = ({ ip, userAgent }: Source): string => `${sourceOf(ip)}\u0000${userAgent}`;
  const isFrom = (source: Source, hash: Buffer): boolean =>
    keyring.macs(SOURCE_PURPOSE, textOf(source)).some((known) => timingSafeEqual(known, hash));
  const openMessage = (head: Buffer, source: Source): Buffer => Buffer.concat([head, Buffer.from(textOf(source))]);

  const isOpenGood = (token: string, source: Source): boolean => {
    const bytes = Buffer.from(token, 'base64url');
    const head = bytes.subarray(0, TIME_BYTES + TOKEN_BYTES);
    const mac = bytes.subarray(TIME_BYTES + TOKEN_BYTES);
    // The decoder overlooks stray characters; only the one canonical spelling counts.
    if (mac.length !== 32 || bytes.toString('base64url') !== token) return false;
    const isOurs = keyring.macs(OPEN_PURPOSE, openMessage(head, source)).some((known) => timingSafeEqual(known, mac));
    return isOurs && clock.now().getTime() < head.readUIntBE(0, TIME_BYTES);
  };

  const row = (personId: string, token: string, source: Source) => ({
    id: ids.make('chl'),
    personId,
    tokenHash: keyring.mac(PURPOSE, token),
    source: keyring.mac(SOURCE_PURPOSE, textOf(source)),
    ttlSeconds: TTL_SECONDS,
  });

  return {
    async make(tx, { personId, purpose, method, via, sessionId, source }) {
      const token = Buffer.from(random(TOKEN_BYTES)).toString('base64url');
      await insertChallenge(tx, { ...row(personId, token, source), purpose, method, via, sessionId, isUsed: false });
      return token;
    },
    async find(token) {
      const found = await db.system((tx) => findChallenge(tx, keyring.macs(PURPOSE, token)));
      if (!found) throw refusal();
      return found;
    },
    async lock(tx, id, source) {
      const found = await lockChallenge(tx, id);
      if (!found || !isFrom(source, found.source)) throw refusal();
      return found;
    },
    makeOpen(source) {
      const time = Buffer.alloc(TIME_BYTES);
      time.writeUIntBE(clock.now().getTime() + TTL_SECONDS * 1_000, 0, TIME_BYTES);
      const head = Buffer.concat([time, random(TOKEN_BYTES)]);
      return Buffer.concat([head, keyring.mac(OPEN_PURPOSE, openMessage(head, source))]);
    },
    async useOpen(tx, personId, token, source) {
      if (!isOpenGood(token, source)) throw refusal();
      // Its hash stands once in the table: of two with the same answer, the second fails.
      const isFirst = await insertChallenge(tx, { ...row(personId, token, source), purpose: 'passkey', isUsed: true });
      if (!isFirst) throw refusal();
    },
  };
}
