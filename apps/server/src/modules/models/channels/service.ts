/** Use cases of providers and provider keys. What asks the network comes first; the transaction that stores its outcome comes after. */
import type { CreateProviderBody, CreateProviderKeyBody, UpdateProviderBody } from '@guildhall/contract';
import type { Tx } from '../../../platform/db/index.ts';
import { egressErrors } from '../../../platform/egress/index.ts';
import { type ErrorCode, GuildhallError } from '../../../platform/errors/index.ts';
import type { ProviderKind } from '../types.ts';
import { providerErrors } from './errors.ts';
import { KIND_NAMES } from './kinds.ts';
import { isWorking, probe } from './probe.ts';
import { assertKeyed, baseUrlFor, checkFailure, last4, toStored } from './rules.ts';
import { keyPlace, openKey, providerPlace, sealKey } from './sealing.ts';
import * as store from './store.ts';
import type { Actor, ChannelsDeps, Check, KeyRecord, ProviderRecord } from './types.ts';

/** Far more accounts than any operator has; each call looks at all of them. */
export const PROVIDERS_MAX = 100;
/** Active ones of an organisation. */
export const KEYS_MAX = 50;

type ServiceDeps = Pick<ChannelsDeps, 'db' | 'ids' | 'clock' | 'keyring' | 'audit' | 'egress'>;

export type ProviderService = ReturnType<typeof createProviderService>;

interface Tried {
  readonly kind: ProviderKind;
  readonly baseUrl: string;
  readonly key: string | undefined;
}

/** Tries addresses that others named, before a key of theirs is stored for it. */
function createTrier({ egress, clock }: Pick<ServiceDeps, 'egress' | 'clock'>) {
  /** What can be judged without asking a name server; each call is judged again where it connects. */
  const assertCallable = (url: string): void => {
    try {
      egress.check(url);
    } catch (cause) {
      if (!(cause instanceof GuildhallError) || cause.spec !== egressErrors.denied) throw cause;
      const message = cause.details.detail ?? egressErrors.denied.title;
      throw new GuildhallError(providerErrors.addressRefused, {
        detail: message,
        errors: [{ path: '/baseUrl', message }],
        cause,
      });
    }
  };
  return {
    assertCallable,
    /** @throws providers.check-failed unless it works or is forced; an address that must not be called is never forced. */
    async tryOut(tried: Tried, isForced: boolean): Promise<Check> {
      assertCallable(tried.baseUrl);
      const check = await probe(egress, clock, tried);
      if (!isWorking(check) && (!isForced || check.outcome === 'address-refused')) throw checkFailure(check);
      return check;
    },
    check: (tried: Tried): Promise<Check> => probe(egress, clock, tried),
  };
}

type Trier = ReturnType<typeof createTrier>;

export function createProviderService(deps: ServiceDeps) {
  const trier = createTrier(deps);
  return { ...operatorUseCases(deps, trier), ...keyUseCases(deps, trier), assertCallable: trier.assertCallable };
}

interface Change {
  readonly action: string;
  readonly id: string;
  readonly data?: Readonly<Record<string, string | number>>;
}

const noteWith =
  (audit: ServiceDeps['audit'], targetType: string) =>
  (tx: Tx, actor: Actor, { action, id, data }: Change): Promise<void> =>
    audit.append(tx, {
      orgId: actor.orgId,
      actorType: actor.type,
      actorId: actor.keyId,
      action: `${targetType}.${action}`,
      targetType,
      targetId: id,
      requestId: actor.requestId,
      data,
    });

function operatorUseCases({ db, ids, keyring, audit }: ServiceDeps, trier: Trier) {
  const note = noteWith(audit, 'provider');
  const found = (record: ProviderRecord | undefined): ProviderRecord => {
    if (!record) throw new GuildhallError(providerErrors.notFound);
    return record;
  };
  const keyOf = (record: ProviderRecord): string | undefined => openKey(keyring, providerPlace(record.id), record);

  return {
    listProviders: () => db.open(store.listProviders),
    getProvider: async (id: string) => found(await db.open((tx) => store.findProvider(tx, id))),

    /** Tries it; the result stores it in the transaction it is given. */
    async prepareProvider(body: CreateProviderBody) {
      const { kind, key, force, name, baseUrl: given, ...rest } = body;
      const baseUrl = baseUrlFor(kind, given);
      assertKeyed(kind, key);
      const check = await trier.tryOut({ kind, baseUrl, key }, force);
      return async (tx: Tx, actor: Actor): Promise<{ record: ProviderRecord; check: Check }> => {
        if ((await store.countProviders(tx)) >= PROVIDERS_MAX)
          throw new GuildhallError(providerErrors.tooMany, { detail: `The limit is ${PROVIDERS_MAX} providers.` });
        const id = ids.make('prv');
        const record = await store.putProvider(tx, {
          ...rest,
          id,
          kind,
          baseUrl,
          name: name ?? KIND_NAMES[kind],
          sealed: key === undefined ? undefined : sealKey(keyring, providerPlace(id), baseUrl, key),
          keyLast4: last4(key),
          requestsPerMinute: rest.requestsPerMinute ?? undefined,
          tokensPerMinute: rest.tokensPerMinute ?? undefined,
          concurrencyMax: rest.concurrencyMax ?? undefined,
          lastCheck: toStored(check),
        });
        await note(tx, actor, { action: 'create', id, data: { kind, outcome: check.outcome } });
        return { record, check };
      };
    },

    /**
     * A changed address or key is tried first. An address is changed together with its key alone, so that nobody can send a key that
     * they do not know to a place of their own.
     */
    async prepareUpdate(id: string, body: UpdateProviderBody) {
      const { key, force, baseUrl: given, ...rest } = body;
      const before = await db.open((tx) => store.findProvider(tx, id));
      if (!before) return refuseWith(providerErrors.notFound);
      const baseUrl = given === undefined ? before.baseUrl : baseUrlFor(before.kind, given);
      if (baseUrl !== before.baseUrl && key === undefined && before.sealed)
        throw new GuildhallError(providerErrors.keyMissing, {
          detail: 'Another address needs the key again.',
          errors: [{ path: '/key', message: 'is missing' }],
        });
      const isTried = baseUrl !== before.baseUrl || key !== undefined;
      const check = isTried ? await trier.tryOut({ kind: before.kind, baseUrl, key }, force) : undefined;
      return async (tx: Tx, actor: Actor): Promise<{ record: ProviderRecord; check: Check | undefined }> => {
        const now = found(await store.lockProvider(tx, id));
        const record = await store.putProvider(tx, {
          ...now,
          name: rest.name ?? now.name,
          weight: rest.weight ?? now.weight,
          priority: rest.priority ?? now.priority,
          regions: rest.regions ?? now.regions,
          retainsData: rest.retainsData ?? now.retainsData,
          enabled: rest.enabled ?? now.enabled,
          requestsPerMinute: changed(rest.requestsPerMinute, now.requestsPerMinute),
          tokensPerMinute: changed(rest.tokensPerMinute, now.tokensPerMinute),
          concurrencyMax: changed(rest.concurrencyMax, now.concurrencyMax),
          // Key and address go together: what was tried is what is stored.
          ...(isTried ? { baseUrl } : {}),
          ...(key === undefined
            ? {}
            : { sealed: sealKey(keyring, providerPlace(id), baseUrl, key), keyLast4: last4(key) }),
          lastCheck: check ? toStored(check) : now.lastCheck,
        });
        await note(tx, actor, { action: 'update', id, data: { changed: Object.keys(body).join(' ') } });
        return { record, check };
      };
    },

    async removeProvider(tx: Tx, actor: Actor, id: string): Promise<void> {
      if (!(await store.deleteProvider(tx, id))) throw new GuildhallError(providerErrors.notFound);
      await note(tx, actor, { action: 'delete', id });
    },

    /** Tries a stored provider; the result writes down how it went. */
    async prepareProviderTest(id: string) {
      const record = await db.open((tx) => store.findProvider(tx, id));
      if (!record) return refuseWith(providerErrors.notFound);
      const check = await trier.check({ ...record, key: keyOf(record) });
      return async (tx: Tx, actor: Actor): Promise<Check> => {
        await store.noteProviderCheck(tx, id, toStored(check));
        await note(tx, actor, { action: 'test', id, data: { outcome: check.outcome } });
        return check;
      };
    },
  };
}

/** Refuses inside the transaction, where a repeated request has already been answered as the first time, or as a conflict. */
const refuseWith = (spec: ErrorCode) => async (): Promise<never> => {
  throw new GuildhallError(spec);
};

/** Null takes a limit away; undefined leaves it. */
const changed = (wanted: number | null | undefined, now: number | undefined): number | undefined =>
  wanted === undefined ? now : (wanted ?? undefined);

function keyUseCases({ db, ids, keyring, audit }: ServiceDeps, trier: Trier) {
  const note = noteWith(audit, 'provider-key');
  const found = (record: KeyRecord | undefined): KeyRecord => {
    if (!record) throw new GuildhallError(providerErrors.keyNotFound);
    return record;
  };
  return {
    listKeys: store.listKeys,
    getKey: async (tx: Tx, id: string) => found(await store.findKey(tx, id)),

    /** Tries it; the result stores it in the transaction it is given. */
    async prepareKey(body: CreateProviderKeyBody) {
      const { kind, key, force, name, baseUrl: given, weight, priority } = body;
      const baseUrl = baseUrlFor(kind, given);
      const check = await trier.tryOut({ kind, baseUrl, key }, force);
      return async (tx: Tx, actor: Actor): Promise<{ record: KeyRecord; check: Check }> => {
        if ((await store.countKeys(tx, actor.orgId)) >= KEYS_MAX)
          throw new GuildhallError(providerErrors.tooMany, { detail: `The limit is ${KEYS_MAX} active keys.` });
        const id = ids.make('pvk');
        const record = await store.insertKey(tx, {
          id,
          orgId: actor.orgId,
          kind,
          name: name ?? KIND_NAMES[kind],
          baseUrl,
          sealed: sealKey(keyring, keyPlace(actor.orgId, id), baseUrl, key),
          keyLast4: last4(key),
          weight,
          priority,
          lastCheck: toStored(check),
          createdBy: actor.keyId,
        });
        await note(tx, actor, { action: 'create', id, data: { kind, outcome: check.outcome } });
        return { record, check };
      };
    },

    /** Ends it at once and for ever; a key already revoked stays as it was. */
    async revokeKey(tx: Tx, actor: Actor, id: string): Promise<void> {
      found(await store.findKey(tx, id));
      if (await store.revokeKey(tx, id)) await note(tx, actor, { action: 'revoke', id });
    },

    /** Tries a stored key; the result writes down how it went. */
    async prepareKeyTest(orgId: string, id: string) {
      const record = await db.tenant(orgId, (tx) => store.findKey(tx, id));
      if (!record) return refuseWith(providerErrors.keyNotFound);
      if (!record.sealed) return refuseWith(providerErrors.keyRevoked);
      const key = openKey(keyring, keyPlace(orgId, id), record);
      const check = await trier.check({ ...record, key });
      return async (tx: Tx, actor: Actor): Promise<Check> => {
        await store.noteKeyCheck(tx, id, toStored(check));
        await note(tx, actor, { action: 'test', id, data: { outcome: check.outcome } });
        return check;
      };
    },
  };
}
