/** A person's own factors: setting up, listing, removing. All in the person's transaction. */
import type { PasskeyRegistration } from '@guildhall/contract';
import { isUniqueViolation, type Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { getPerson } from '../people/account.ts';
import type { Self } from '../types.ts';
import type { Source } from './challenges.ts';
import { type FactorDeps, recordFactor } from './deps.ts';
import { factorErrors } from './errors.ts';
import { challengeIn } from './passkeys.ts';
import { placeOf, useCode } from './proof.ts';
import { CODES, hashCode, mintCode, SALT_BYTES } from './recovery.ts';
import {
  confirmTotp,
  countRecoveryCodes,
  deleteFactor,
  deleteRecoveryCodes,
  findTotp,
  hasFactor,
  hasShortPassword,
  insertPasskey,
  insertTotp,
  listFactors,
  listPasskeys,
  replaceRecoveryCodes,
  useChallenge,
} from './store.ts';
import { SECRET_BYTES, setUpOf } from './totp.ts';
import type { Factor } from './types.ts';

/** A factor that is in use now, and codes for the day it is lost where there were none. */
export interface Confirmed {
  readonly factor: Factor;
  readonly recoveryCodes: readonly string[] | undefined;
}

export interface FactorService {
  list(tx: Tx, personId: string): Promise<{ readonly factors: readonly Factor[]; readonly recoveryCodesLeft: number }>;
  /** A code generator that is good for nothing before a code of it was shown; the one before it goes on until then. */
  beginTotp(
    tx: Tx,
    self: Self,
    name: string,
  ): Promise<{ readonly factor: Factor; readonly secret: string; readonly uri: string; readonly qrCode: string }>;
  /** @throws 404 `factors.not-found`, 422 `factors.wrong-code` */
  confirmTotp(tx: Tx, self: Self, input: { readonly id: string; readonly code: string }): Promise<Confirmed>;
  /** Options for the browser, and in them a challenge. @throws 409 `factors.too-many` */
  beginPasskey(tx: Tx, self: Self, source: Source): Promise<object>;
  /** @throws 401 `factors.invalid-challenge`, 422 `factors.passkey-refused` */
  addPasskey(
    tx: Tx,
    self: Self,
    input: { readonly name: string; readonly passkey: PasskeyRegistration; readonly source: Source },
  ): Promise<Confirmed>;
  /** Tells the person by mail. With the last factor go the recovery codes. @throws 404 `factors.not-found`, 409 `factors.short-password` */
  remove(tx: Tx, self: Self, id: string): Promise<void>;
  /** New codes in the place of all there were. @throws 409 `factors.none` */
  renewCodes(tx: Tx, self: Self): Promise<readonly string[]>;
}

// More than anybody has devices.
const PASSKEYS_MAX = 20;

export function createFactorService(deps: FactorDeps): FactorService {
  const { random } = deps;

  const mintCodes = async (tx: Tx, personId: string): Promise<readonly string[]> => {
    const codes = Array.from({ length: CODES }, () => mintCode(random));
    const salt = Buffer.from(random(SALT_BYTES));
    const hashes = await Promise.all(codes.map((code) => hashCode(code, salt)));
    await replaceRecoveryCodes(tx, personId, { salt, hashes });
    return codes;
  };

  const mail = async (tx: Tx, personId: string, kind: 'factor-added' | 'factor-removed', name: string) =>
    deps.links.mail(tx, { ...(await getPerson(tx, personId)), personId }, kind, { factor: name });

  /** What follows whichever factor came into use. */
  const welcome = async (tx: Tx, self: Self, factor: Factor): Promise<Confirmed> => {
    const { personId } = self;
    const hasCodes = (await countRecoveryCodes(tx, personId)) > 0;
    const recoveryCodes = hasCodes ? undefined : await mintCodes(tx, personId);
    await mail(tx, personId, 'factor-added', factor.name);
    const { id: factorId, kind } = factor;
    await recordFactor(deps, tx, self, { action: 'factor.confirm', factorId, data: { kind } });
    return { factor, recoveryCodes };
  };

  return {
    async list(tx, personId) {
      return { factors: await listFactors(tx), recoveryCodesLeft: await countRecoveryCodes(tx, personId) };
    },
    async remove(tx, self, id) {
      const { personId } = self;
      const factor = await deleteFactor(tx, id);
      if (!factor) throw new GuildhallError(factorErrors.notFound);
      if (!(await hasFactor(tx, personId))) {
        if (await hasShortPassword(tx, personId)) throw new GuildhallError(factorErrors.shortPassword);
        await deleteRecoveryCodes(tx, personId);
      }
      if (factor.confirmedAt) await mail(tx, personId, 'factor-removed', factor.name);
      await recordFactor(deps, tx, self, { action: 'factor.delete', factorId: id, data: { kind: factor.kind } });
    },
    async renewCodes(tx, self) {
      const { personId } = self;
      if (!(await hasFactor(tx, personId))) throw new GuildhallError(factorErrors.noFactor);
      const codes = await mintCodes(tx, personId);
      await recordFactor(deps, tx, self, { action: 'recovery-codes.create' });
      return codes;
    },
    ...totpUseCases(deps, welcome),
    ...passkeyUseCases(deps, welcome),
  };
}

type Welcome = (tx: Tx, self: Self, factor: Factor) => Promise<Confirmed>;

function totpUseCases(deps: FactorDeps, welcome: Welcome): Pick<FactorService, 'beginTotp' | 'confirmTotp'> {
  const { ids, keyring, random } = deps;
  return {
    async beginTotp(tx, self, name) {
      const { personId } = self;
      const id = ids.make('fac');
      const bytes = Buffer.from(random(SECRET_BYTES));
      const { email } = await getPerson(tx, personId);
      const secret = keyring.encrypt(placeOf(personId, id), bytes);
      const factor = await insertTotp(tx, { id, personId, name, secret });
      await recordFactor(deps, tx, self, { action: 'factor.create', factorId: id, data: { kind: 'totp' } });
      return { factor, ...setUpOf(bytes, email) };
    },
    async confirmTotp(tx, self, { id, code }) {
      const pending = await findTotp(tx, { isConfirmed: false, id });
      if (!pending) throw new GuildhallError(factorErrors.notFound);
      if (!(await useCode(deps, tx, self.personId, { ...pending, code })))
        throw new GuildhallError(factorErrors.wrongCode, { errors: [{ path: '/code', message: 'is not right' }] });
      const factor = await confirmTotp(tx, id);
      if (!factor) throw new GuildhallError(factorErrors.notFound);
      return welcome(tx, self, factor);
    },
  };
}

function passkeyUseCases(deps: FactorDeps, welcome: Welcome): Pick<FactorService, 'beginPasskey' | 'addPasskey'> {
  const { ids, challenges, passkeys } = deps;
  return {
    async beginPasskey(tx, self, source) {
      const { personId, sessionId } = self;
      const known = await listPasskeys(tx);
      if (known.length >= PASSKEYS_MAX) throw new GuildhallError(factorErrors.tooMany);
      const { email, name } = await getPerson(tx, personId);
      const token = await challenges.make(tx, { personId, purpose: 'register', sessionId, source });
      await recordFactor(deps, tx, self, { action: 'passkey.begin' });
      const challenge = Buffer.from(token, 'base64url');
      return passkeys.registrationOptions({ personId, email, name, challenge, known });
    },
    async addPasskey(tx, self, { name, passkey, source }) {
      const { personId } = self;
      const token = challengeIn(passkey.response.clientDataJSON);
      const found = await challenges.find(token);
      const challenge = await challenges.lock(tx, found.id, source);
      if (challenge.purpose !== 'register') throw new GuildhallError(factorErrors.invalidChallenge);
      await useChallenge(tx, found.id);
      const made = await passkeys.register(passkey, token);
      if (!made) throw new GuildhallError(factorErrors.passkeyRefused);
      try {
        const factor = await insertPasskey(tx, { ...made, id: ids.make('fac'), personId, name });
        return await welcome(tx, self, factor);
      } catch (error) {
        if (isUniqueViolation(error, 'factor_credential_id_key'))
          throw new GuildhallError(factorErrors.passkeyRefused, { cause: error });
        throw error;
      }
    },
  };
}
