/**
 * Who an identity at a provider is here. Issuer and subject are the identity. An address counts once, when somebody comes for the first time, and only
 * as far as whoever states it may: a provider that has verified it makes a new person, never takes over one; the provider of an organisation speaks
 * for the addresses of its verified domains.
 */
import { isUniqueViolation, type Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Domains } from '../domains/index.ts';
import { findStandingOf } from '../members/store.ts';
import { getPerson } from '../people/account.ts';
import { recordPerson } from '../people/deps.ts';
import { type Email, parseEmail } from '../people/email.ts';
import type { Links } from '../people/links.ts';
import { findPeople, forgetPending, insertPerson } from '../people/store.ts';
import { admitMember } from '../provision.ts';
import { entering } from '../sessions/entering.ts';
import type { SignIn, SignInOutcome } from '../sessions/sign-in.ts';
import { asOrganisation } from '../store.ts';
import type { Admission, Attempt, Guard, IdentityDeps } from '../types.ts';
import { federationErrors } from './errors.ts';
import { findIdentity, insertLink } from './store.ts';
import type { MappedRole, OidcConnection, OutsideIdentity, Provider } from './types.ts';

export interface ArrivalDeps extends Pick<IdentityDeps, 'db' | 'ids' | 'audit'> {
  readonly guard: Guard;
  readonly admission: Pick<Admission, 'askProven'>;
  /** Whether the directory of the organisation of a transaction has switched this person off. */
  readonly isSwitchedOff: (tx: Tx, personId: string) => Promise<boolean>;
  readonly domains: Pick<Domains, 'ownerOf'>;
  readonly finish: SignIn['finish'];
  readonly links: Pick<Links, 'mail'>;
}

/** The provider, its connection where it is one, and who came. */
export interface Arrival {
  readonly provider: Provider;
  readonly connection: OidcConnection | undefined;
  readonly identity: OutsideIdentity;
  readonly attempt: Attempt;
}

/** Highest first: of several values of a claim the highest role counts. */
const RANKED: readonly MappedRole[] = ['admin', 'developer', 'billing', 'viewer'];

/** The role that the claims of an identity give; undefined where no rule speaks of them. */
export function roleFrom(
  connection: OidcConnection,
  claims: Readonly<Record<string, unknown>>,
): MappedRole | undefined {
  const value = connection.roleClaim === undefined ? undefined : claims[connection.roleClaim];
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const given = values.map((one) =>
    typeof one === 'string' && Object.hasOwn(connection.roleByValue, one) ? connection.roleByValue[one] : undefined,
  );
  return RANKED.find((role) => given.includes(role));
}

const NAME_MAX = 100;
const nameOf = ({ name, email }: OutsideIdentity): string => {
  const plain = (name ?? '').replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '').trim();
  return (plain || (email ?? '').split('@')[0] || 'New member').slice(0, NAME_MAX).normalize('NFC');
};

export interface Arrivals {
  /** Signs in who is known, makes who is new. @throws the errors of `federationErrors` */
  arrive(arrival: Arrival): Promise<SignInOutcome>;
  /** Links the identity to a person who is there, and mails them so. In their transaction. @throws 409 `federation.linked-elsewhere` */
  link(tx: Tx, personId: string, arrival: Arrival): Promise<void>;
}

export function createArrivals(deps: ArrivalDeps): Arrivals {
  const { db, ids, guard, admission, isSwitchedOff, domains, finish } = deps;

  const write: Arrivals['link'] = async (tx, personId, { provider, identity, attempt }) => {
    const { issuer, subject, email } = identity;
    try {
      await insertLink(tx, personId, { id: ids.make('idl'), provider: provider.id, issuer, subject, email });
    } catch (error) {
      if (isUniqueViolation(error, 'identity_link_issuer_subject_key'))
        throw new GuildhallError(federationErrors.linkedElsewhere);
      throw error;
    }
    const { requestId } = attempt;
    await recordPerson(deps, tx, {
      personId,
      action: 'identity-link.create',
      requestId,
      data: { issuer, provider: provider.id },
    });
  };

  const link: Arrivals['link'] = async (tx, personId, arrival) => {
    await write(tx, personId, arrival);
    const reader = { ...(await getPerson(tx, personId)), personId };
    await deps.links.mail(tx, reader, 'account-linked', { provider: arrival.provider.name });
  };

  /** Whether the organisation of this connection has verified the domain of the address. */
  const mayState = async (connection: OidcConnection, email: Email | undefined): Promise<boolean> =>
    email !== undefined && (await domains.ownerOf(email.folded))?.orgId === connection.orgId;

  /** The address that may be believed for somebody who is not known yet. */
  const believed = async ({ connection, identity }: Arrival): Promise<Email> => {
    const email = identity.email === undefined ? undefined : parseEmail(identity.email);
    if (connection) {
      if (email === undefined || !(await mayState(connection, email)))
        throw new GuildhallError(federationErrors.notOfOrganisation);
      if (identity.claims.email_verified !== false) return email;
    } else if (email !== undefined && identity.isEmailVerified) return email;
    throw new GuildhallError(federationErrors.emailNotVerified);
  };

  /** Makes somebody a member of the organisation of the connection they came through, in the role that its rules say. */
  const join = (tx: Tx, personId: string, connection: OidcConnection, arrival: Arrival): Promise<void> =>
    asOrganisation(tx, connection.orgId, async () => {
      if (await isSwitchedOff(tx, personId)) throw new GuildhallError(federationErrors.refused);
      const mapped = roleFrom(connection, arrival.identity.claims);
      await admitMember(deps, tx, { connection, personId, mapped, requestId: arrival.attempt.requestId });
    });

  /** The last steps of everybody, in the person's transaction. */
  const enter = async (tx: Tx, personId: string, arrival: Arrival, email: string): Promise<SignInOutcome> => {
    const { connection } = arrival;
    if (connection) await join(tx, personId, connection, arrival);
    return finish(tx, { personId, method: 'oidc', attempt: { ...arrival.attempt, email }, via: connection?.orgId });
  };

  const isMember = (personId: string, orgId: string): Promise<boolean> =>
    db.tenant(orgId, async (tx) => (await findStandingOf(tx, personId)) !== undefined);

  const create = async (arrival: Arrival, email: Email): Promise<SignInOutcome> => {
    const { attempt, identity } = arrival;
    await guard.admit('sign-up', { ...attempt, email: email.folded });
    // Whoever an organisation sends is a member of it; nobody else asked for them.
    if (!arrival.connection) await admission.askProven(email);
    // Whoever signed up with this address and never verified it may know its password.
    await db.system((tx) => forgetPending(tx, email.folded));
    const personId = ids.make('usr');
    try {
      return await db.tenant(personId, async (tx) => {
        await insertPerson(tx, {
          id: personId,
          email: email.written,
          emailFolded: email.folded,
          name: nameOf(identity),
          locale: 'en',
          passwordHash: undefined,
          firstOrganisation: undefined,
          isVerified: true,
        });
        await recordPerson(deps, tx, {
          personId,
          action: 'person.sign-up',
          requestId: attempt.requestId,
          data: { provider: arrival.provider.id },
        });
        await write(tx, personId, arrival);
        return enter(tx, personId, arrival, email.folded);
      });
    } catch (error) {
      if (isUniqueViolation(error, 'person_by_email')) throw new GuildhallError(federationErrors.linkNeeded);
      throw error;
    }
  };

  return {
    link,
    async arrive(arrival) {
      const { connection, identity } = arrival;
      const email = identity.email === undefined ? undefined : parseEmail(identity.email);
      const known = await db.system((tx) => findIdentity(tx, identity.issuer, identity.subject));
      if (known) {
        const { personId, isDisabled } = known;
        if (isDisabled) throw new GuildhallError(federationErrors.refused);
        if (connection && !(await mayState(connection, email)) && !(await isMember(personId, connection.orgId)))
          throw new GuildhallError(federationErrors.notOfOrganisation);
        return entering(deps, personId, arrival.attempt, (tx) => enter(tx, personId, arrival, email?.folded ?? ''));
      }
      const address = await believed(arrival);
      const candidates = await db.system((tx) => findPeople(tx, address.folded));
      const person = candidates.find(({ isVerified }) => isVerified);
      if (!person) return create(arrival, address);
      if (!connection) throw new GuildhallError(federationErrors.linkNeeded);
      if (person.isDisabled) throw new GuildhallError(federationErrors.refused);
      return db.tenant(person.personId, async (tx) => {
        await link(tx, person.personId, arrival);
        return enter(tx, person.personId, arrival, address.folded);
      });
    },
  };
}
