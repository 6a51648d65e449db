/** What an organisation allows of models and of providers' accounts. */
import type { ModelPolicy } from '@guildhall/contract';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Db } from '../../../platform/db/index.ts';
import type { Channel } from '../types.ts';
import { remember } from './remembered.ts';
import { findPolicy } from './store.ts';

export const NO_POLICY: ModelPolicy = Object.freeze({ refuseDataRetention: false, mayFallBack: true });

export interface Policies {
  /** What the organisation has set, else all that is possible. A change made by another process is seen within 5 s. */
  forOrg(orgId: string): Promise<ModelPolicy>;
  /** To be called after the commit of a change. */
  changed(orgId: string): void;
}

export function createPolicies({ db, clock }: { readonly db: Db; readonly clock: Clock }): Policies {
  const known = remember(clock, async (orgId) => (await db.tenant(orgId, findPolicy)) ?? NO_POLICY);
  return { forOrg: known.get, changed: known.forget };
}

/**
 * Why a channel is not to be asked; undefined when it may be. A key that the organisation stored is its own account, under terms of its own; one
 * that a request brings may lead anywhere and is held to the policy.
 */
export function faultOfChannel(policy: ModelPolicy, channel: Channel, isStoredKey: boolean): string | undefined {
  if (isStoredKey) return undefined;
  const { regions, refuseDataRetention } = policy;
  if (refuseDataRetention && channel.retainsData) return 'may keep prompts';
  const isWithin = channel.regions.length > 0 && channel.regions.every((region) => regions?.includes(region));
  return regions && !isWithin ? `does not work in ${regions.join(', ')} alone` : undefined;
}

/** `names`: the model as it was asked for and as the price list calls it. */
export const allowsModel = ({ allowedModels }: ModelPolicy, kind: string, names: readonly string[]): boolean =>
  !allowedModels ||
  allowedModels.includes(`${kind}/*`) ||
  names.some((name) => allowedModels.includes(`${kind}/${name}`));
