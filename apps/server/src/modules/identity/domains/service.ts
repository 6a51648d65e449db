/** Which domains are an organisation's own. What lets people in by the address that a provider states asks here whose address it is. */
import { getDomain, getPublicSuffix } from 'tldts';
import { isUniqueViolation, type Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Principal } from '../../../platform/http/index.ts';
import { parseEmail } from '../people/email.ts';
import type { IdentityDeps } from '../types.ts';
import { domainErrors } from './errors.ts';
import { deleteDomain, findDomain, findDomainById, insertDomain, listDomains, verifyDomain } from './store.ts';
import type { Domain, ResolveTxt } from './types.ts';

/** Who changes the domains of the organisation of a transaction. */
export interface DomainActor {
  readonly principal: Principal;
  readonly requestId: string;
}

export interface Domains {
  /** In the organisation's transaction, as all that take `tx`. @throws 422 `domains.invalid`, 409 `domains.known` */
  claim(tx: Tx, actor: DomainActor, domain: string): Promise<Domain>;
  list(tx: Tx): Promise<readonly Domain[]>;
  /** Asks DNS, outside of any transaction. Undefined where there is no such domain. @throws 502 `domains.unreachable` */
  isProven(orgId: string, id: string): Promise<boolean | undefined>;
  /** Marks what DNS has proven. @throws `domains.not-found`, `domains.not-verified`, `domains.taken` */
  verify(tx: Tx, actor: DomainActor, id: string, isProven: boolean | undefined): Promise<Domain>;
  /** From now on it is nobody's. @throws `domains.not-found` */
  release(tx: Tx, actor: DomainActor, id: string): Promise<void>;
  /** The organisation that has verified the domain of a folded address. */
  ownerOf(email: string): Promise<{ readonly orgId: string; readonly isSsoRequired: boolean } | undefined>;
}

/** Where the record stands that proves a domain. */
export const recordName = (domain: string): string => `_guildhall.${domain}`;

const CHALLENGE_BYTES = 24;
const LABEL = 'guildhall-domain-verification=';

/** In ASCII and lower case; undefined for what no organisation can own, such as `co.uk`. */
export function parseDomain(text: string): string | undefined {
  const domain = parseEmail(`x@${text.trim().replace(/\.$/, '')}`)?.folded.slice(2);
  if (domain === undefined || getDomain(domain, { allowPrivateDomains: true }) === null) return undefined;
  return getPublicSuffix(domain, { allowPrivateDomains: true }) === domain ? undefined : domain;
}

export interface DomainsDeps extends Pick<IdentityDeps, 'db' | 'ids' | 'audit' | 'random'> {
  readonly resolveTxt: ResolveTxt;
}

export function createDomains({ db, ids, audit, random, resolveTxt }: DomainsDeps): Domains {
  const record = (tx: Tx, { principal, requestId }: DomainActor, action: string, { id, domain }: Domain) =>
    audit.append(tx, {
      orgId: principal.orgId,
      actorType: principal.personId === undefined ? 'key' : 'member',
      actorId: principal.keyId,
      requestId,
      action,
      targetType: 'domain',
      targetId: id,
      data: { domain },
    });

  const get = async (tx: Tx, id: string): Promise<Domain> => {
    const found = await findDomainById(tx, id);
    if (!found) throw new GuildhallError(domainErrors.notFound);
    return found;
  };

  return {
    async claim(tx, actor, text) {
      const domain = parseDomain(text);
      if (domain === undefined)
        throw new GuildhallError(domainErrors.invalid, { errors: [{ path: '/domain', message: 'is no such domain' }] });
      const challenge = `${LABEL}${Buffer.from(random(CHALLENGE_BYTES)).toString('base64url')}`;
      const { orgId, keyId } = actor.principal;
      try {
        const made = await insertDomain(tx, { id: ids.make('dom'), orgId, domain, challenge, createdBy: keyId });
        if (!made) throw new Error('the statement gave no row');
        await record(tx, actor, 'domain.claim', made);
        return made;
      } catch (error) {
        if (isUniqueViolation(error, 'domain_org_id_domain_key')) throw new GuildhallError(domainErrors.known);
        throw error;
      }
    },
    list: (tx) => listDomains(tx),
    async isProven(orgId, id) {
      const claimed = await db.tenant(orgId, (tx) => findDomainById(tx, id));
      if (!claimed) return undefined;
      try {
        return (await resolveTxt(recordName(claimed.domain))).some((text) => text.trim() === claimed.challenge);
      } catch (cause) {
        throw new GuildhallError(domainErrors.unreachable, { cause });
      }
    },
    async verify(tx, actor, id, isProven) {
      await get(tx, id);
      if (!isProven) throw new GuildhallError(domainErrors.notVerified);
      try {
        const verified = await verifyDomain(tx, id);
        if (!verified) throw new GuildhallError(domainErrors.notFound);
        await record(tx, actor, 'domain.verify', verified);
        return verified;
      } catch (error) {
        if (isUniqueViolation(error, 'domain_verified_once')) throw new GuildhallError(domainErrors.taken);
        throw error;
      }
    },
    async release(tx, actor, id) {
      const domain = await get(tx, id);
      await deleteDomain(tx, id);
      await record(tx, actor, 'domain.release', domain);
    },
    ownerOf: (email) => db.system((tx) => findDomain(tx, email.slice(email.lastIndexOf('@') + 1))),
  };
}
