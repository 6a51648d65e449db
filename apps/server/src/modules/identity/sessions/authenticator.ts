/** From the token of a session to its principal, on the path of every request of a person. */
import { timingSafeEqual } from 'node:crypto';
import type { Scope } from '@guildhall/contract';
import { type ErrorCode, GuildhallError } from '../../../platform/errors/index.ts';
import type { Principal } from '../../../platform/http/index.ts';
import { authErrors, entryErrors } from '../errors.ts';
import { createMemory } from '../memory.ts';
import { ROLE_SCOPES } from '../rules.ts';
import type { IdentityDeps, Role } from '../types.ts';
import { sessionErrors } from './errors.ts';
import { type FoundSession, findSession, findSessionById, touchSessions } from './store.ts';

export const SESSIONS_CHANNEL = 'guildhall_sessions';
export const SESSION_PURPOSE = 'session';

// The idle time is exact to this.
const USED_EVERY_MS = 1_000;

type Find = () => Promise<FoundSession | undefined>;

export interface SessionAuthenticator {
  /** @throws 401 `sessions.invalid`; 404 `sessions.organisation-not-found` for one that the person is not a member of. */
  authenticate(token: string, organisation: string | undefined): Promise<Principal>;
  /**
   * The same for a session that a signed token names, in the one organisation that the token is for, or in none. Undefined when the session, or
   * the membership, is no good.
   */
  authenticateNamed(named: NamedSession): Promise<Principal | undefined>;
  /** What this process remembers of a person. After a change of theirs, so that their next request does not overtake its announcement. */
  forget(personId: string): void;
  /** Begins to hear announcements, and from then on to remember. The result stops both and writes what is left of `flushUsed`. */
  start(): Promise<() => Promise<void>>;
  /** Writes which sessions were used since the last call; otherwise done by itself a second after a use. */
  flushUsed(): Promise<void>;
}

/** What a token says that we signed. */
export interface NamedSession {
  readonly sessionId: string;
  readonly personId: string;
  readonly organisation: string | undefined;
}

type AuthenticatorDeps = Pick<IdentityDeps, 'db' | 'clock' | 'keyring' | 'log'>;

const asOperator = (scopes: readonly Scope[]): readonly Scope[] => Object.freeze([...scopes, 'operator' as const]);
const scopesOf = (role: Role, isOperator: boolean): readonly Scope[] =>
  isOperator ? asOperator(ROLE_SCOPES[role]) : ROLE_SCOPES[role];

function refusalOf({ outside, closed }: FoundSession, orgId: string): ErrorCode | undefined {
  if (outside.includes(orgId)) return entryErrors.ssoRequired;
  return closed.includes(orgId) ? authErrors.secondFactorRequired : undefined;
}

/** The person as a member of the organisation they named, else of the active one, else of that of their oldest membership. */
function principalOf(found: FoundSession, organisation: string | undefined, authenticatedAt: Date): Principal {
  const { memberships, activeOrg, personId } = found;
  const named = memberships.find(({ orgId }) => orgId === organisation);
  if (organisation !== undefined && !named) throw new GuildhallError(sessionErrors.organisationNotFound);
  const member = named ?? memberships.find(({ orgId }) => orgId === activeOrg) ?? memberships[0];
  const person = {
    personId,
    sessionId: found.id,
    authenticatedAt,
    isVerified: found.isVerified,
    mode: 'live' as const,
  };
  if (!member) return { ...person, orgId: '', keyId: personId, scopes: [] };
  const { id, orgId, role } = member;
  const refusal = refusalOf(found, orgId);
  return {
    ...person,
    ...(refusal && { refusal }),
    orgId,
    keyId: id,
    memberId: id,
    role,
    scopes: scopesOf(role, found.isOperator),
  };
}

export function createSessionAuthenticator({ db, clock, keyring, log }: AuthenticatorDeps): SessionAuthenticator {
  const forget = (personId: string): void => memory.forget((found) => found.personId === personId);
  const memory = createMemory<FoundSession>({
    db,
    clock,
    log,
    channel: SESSIONS_CHANNEL,
    uses: {
      idOf: ({ id }) => id,
      everyMs: USED_EVERY_MS,
      write: (ids) => db.system((tx) => touchSessions(tx, ids)),
    },
    onAnnouncement(personId) {
      if (personId !== undefined) forget(personId);
    },
  });

  const findByToken = async (token: string): Promise<FoundSession | undefined> => {
    const hashes = keyring.macs(SESSION_PURPOSE, token);
    const found = await db.system((tx) => findSession(tx, hashes));
    return found && hashes.some((hash) => timingSafeEqual(hash, found.tokenHash)) ? found : undefined;
  };

  /** The session, and when a factor was shown in it. */
  const use = async (name: string, find: Find): Promise<{ found: FoundSession; authenticatedAt: Date }> => {
    const entry = await memory.find(name, async () => {
      const found = await find();
      if (!found) throw new GuildhallError(sessionErrors.invalid);
      return found;
    });
    memory.markUsed(entry);
    const agoMs = entry.found.authenticatedAgoMs + (clock.monotonicMs() - entry.lookedUpMs);
    return { found: entry.found, authenticatedAt: new Date(clock.now().getTime() - agoMs) };
  };

  return {
    async authenticate(token, organisation) {
      const hashText = keyring.mac(SESSION_PURPOSE, token).toString('latin1');
      const { found, authenticatedAt } = await use(hashText, () => findByToken(token));
      return principalOf(found, organisation, authenticatedAt);
    },
    async authenticateNamed({ sessionId, personId, organisation }) {
      try {
        const { found, authenticatedAt } = await use(sessionId, () =>
          db.system((tx) => findSessionById(tx, sessionId)),
        );
        if (found.personId !== personId) return undefined;
        const memberships = found.memberships.filter(({ orgId }) => orgId === organisation);
        return principalOf({ ...found, memberships }, organisation, authenticatedAt);
      } catch (error) {
        if (error instanceof GuildhallError && error.spec.status < 500) return undefined;
        throw error;
      }
    },
    forget,
    start: memory.start,
    flushUsed: memory.flushUsed,
  };
}
