/** Keys that lay in the open: whoever found one posts it, and it ends at once. */
import { createHash } from 'node:crypto';
import type { LeakedKey, LeakVerdict } from '@guildhall/contract';
import type { Principal } from '../../../platform/http/index.ts';
import { KEY_PURPOSE, parseKey } from '../key-format.ts';
import { lockKey, revokeKey } from '../store.ts';
import type { IdentityDeps } from '../types.ts';
import { mailReaders, readersOf } from './mails.ts';
import { findLeakedKey } from './store.ts';

/** Who says so: a scanner whose signature was checked, or somebody with a key of their own. */
export type Reporter =
  | { readonly type: 'scanner'; readonly requestId: string }
  | { readonly type: 'key'; readonly principal: Principal; readonly requestId: string };

export type LeaksDeps = Pick<IdentityDeps, 'db' | 'keyring' | 'audit' | 'mailQueue' | 'publicUrl' | 'operatorEmail'>;

/**
 * Revokes each key that is one of ours, expired ones too, and mails its people. Each in a transaction of its own: one that fails leaves
 * those before it ended. To somebody with a test key, live keys do not exist.
 */
export async function reportLeaks(
  deps: LeaksDeps,
  tokens: readonly LeakedKey[],
  reporter: Reporter,
): Promise<LeakVerdict[]> {
  const verdicts: LeakVerdict[] = [];
  for (const { token, type = 'guildhall_api_key' } of tokens) {
    const isOurs = await end(deps, token, reporter);
    verdicts.push({
      token_hash: createHash('sha256').update(token).digest('hex'),
      token_type: type,
      label: isOurs ? 'true_positive' : 'false_positive',
    });
  }
  return verdicts;
}

async function end(deps: LeaksDeps, token: string, reporter: Reporter): Promise<boolean> {
  const { db, keyring, audit } = deps;
  if (!parseKey(token)) return false;
  const found = await db.system((tx) => findLeakedKey(tx, keyring.macs(KEY_PURPOSE, token)));
  if (!found || (found.mode === 'live' && reporter.type === 'key' && reporter.principal.mode === 'test')) return false;
  const { id, orgId } = found;
  // A stranger's key is none of this organisation's business.
  const own = reporter.type === 'key' && reporter.principal.orgId === orgId ? reporter.principal.keyId : undefined;
  const before = await db.tenant(orgId, (tx) => lockKey(tx, id));
  const readers = before ? await readersOf(deps, before) : [];
  await db.tenant(orgId, async (tx) => {
    const key = await lockKey(tx, id);
    if (!key || key.revokedAt) return;
    await revokeKey(tx, id);
    await mailReaders(deps, tx, { kind: 'key-leaked', key, readers, about: 'once' });
    await audit.append(tx, {
      orgId,
      actorType: own === undefined ? 'system' : 'key',
      actorId: own ?? (reporter.type === 'scanner' ? 'secret-scanner' : 'leak-report'),
      requestId: reporter.requestId,
      action: 'key.leak',
      targetType: 'key',
      targetId: id,
      data: { mode: key.mode, prefix: key.prefix, last4: key.last4, mails: readers.length },
    });
  });
  return true;
}
