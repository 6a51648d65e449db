/**
 * From the token of a session to its principal, on the path of every request of a person. Good sessions are remembered in the process; it
 * remembers only while it hears the channel on which changes are announced, so a sign-out or a change of role reaches it in milliseconds.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Scope } from '@guildhall/contract';
import { LRUCache } from 'lru-cache';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Principal } from '../../../platform/http/index.ts';
import { ROLE_SCOPES } from '../rules.ts';
import type { IdentityDeps, Role } from '../types.ts';
import { sessionErrors } from './errors.ts';
import { type FoundSession, findSession, findSessionById, touchSessions } from './store.ts';

export const SESSIONS_CHANNEL = 'guildhall_sessions';
export const SESSION_PURPOSE = 'session';

// Bounds the harm of an announcement lost on a dead connection that nobody has noticed yet.
const REMEMBER_MS = 10_000;
// About 10 MB when full.
const REMEMBERED_MAX = 10_000;
// The idle time is exact to this.
const USED_EVERY_MS = 1_000;

type Find = () => Promise<FoundSession | undefined>;

interface Remembered {
  readonly found: FoundSession;
  readonly lookedUpMs: number;
  /** On the monotonic clock: the end of the memory or of the session, whichever comes first. */
  readonly goodUntilMs: number;
  usedMarkedMs: number;
}

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
  const needsFactor = found.closed.includes(orgId) ? { needsSecondFactor: true } : {};
  return { ...person, ...needsFactor, orgId, keyId: id, memberId: id, role, scopes: scopesOf(role, found.isOperator) };
}

export function createSessionAuthenticator({ db, clock, keyring, log }: AuthenticatorDeps): SessionAuthenticator {
  const good = new LRUCache<string, Remembered>({ max: REMEMBERED_MAX });
  const lookups = new Map<string, Promise<Remembered>>();
  const used = new Set<string>();
  let remembering = false;
  // Raised by every announcement: a look-up that began before it must not be remembered after it.
  let epoch = 0;
  let flushTimer: NodeJS.Timeout | undefined;

  const flushUsed = async (): Promise<void> => {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    if (used.size === 0) return;
    const ids = [...used];
    used.clear();
    await db.system((tx) => touchSessions(tx, ids));
  };

  const markUsed = (entry: Remembered, nowMs: number): void => {
    if (nowMs - entry.usedMarkedMs < USED_EVERY_MS) return;
    entry.usedMarkedMs = nowMs;
    used.add(entry.found.id);
    // A lost use may end a session early by the time until the next one: a blemish, and the request goes on.
    flushTimer ??= setTimeout(() => {
      flushUsed().catch((error: unknown) => log.warn({ err: error }, 'uses of sessions were not written'));
    }, USED_EVERY_MS).unref();
  };

  const lookUp = async (hashText: string, find: Find): Promise<Remembered> => {
    const begunIn = epoch;
    const found = await find();
    if (!found) throw new GuildhallError(sessionErrors.invalid);
    const nowMs = clock.monotonicMs();
    const entry = {
      found,
      lookedUpMs: nowMs,
      goodUntilMs: nowMs + Math.min(REMEMBER_MS, found.validForMs),
      usedMarkedMs: good.get(hashText)?.usedMarkedMs ?? Number.NEGATIVE_INFINITY,
    };
    if (remembering && epoch === begunIn) good.set(hashText, entry);
    return entry;
  };

  const findByToken = async (token: string): Promise<FoundSession | undefined> => {
    const hashes = keyring.macs(SESSION_PURPOSE, token);
    const found = await db.system((tx) => findSession(tx, hashes));
    return found && hashes.some((hash) => timingSafeEqual(hash, found.tokenHash)) ? found : undefined;
  };

  const remembered = (hashText: string, nowMs: number, find: Find): Remembered | Promise<Remembered> => {
    const entry = good.get(hashText);
    if (entry && entry.goodUntilMs > nowMs) return entry;
    const before = lookups.get(hashText);
    if (before !== undefined) return before;
    const lookup = lookUp(hashText, find);
    lookups.set(hashText, lookup);
    const done = () => {
      if (lookups.get(hashText) === lookup) lookups.delete(hashText);
    };
    lookup.then(done, done);
    return lookup;
  };

  const forget = (personId: string): void => {
    epoch += 1;
    lookups.clear();
    for (const [hashText, { found }] of good.entries()) if (found.personId === personId) good.delete(hashText);
  };

  const forgetAll = (): void => {
    epoch += 1;
    lookups.clear();
    good.clear();
  };

  /** The session, and when a factor was shown in it. */
  const use = async (name: string, find: Find): Promise<{ found: FoundSession; authenticatedAt: Date }> => {
    const nowMs = clock.monotonicMs();
    const entry = await remembered(name, nowMs, find);
    markUsed(entry, nowMs);
    const agoMs = entry.found.authenticatedAgoMs + (nowMs - entry.lookedUpMs);
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
    async start() {
      const stop = await db.listen([SESSIONS_CHANNEL], (_channel, personId) => forget(personId), forgetAll);
      remembering = true;
      return async () => {
        remembering = false;
        forgetAll();
        await stop();
        await flushUsed();
      };
    },
    flushUsed,
  };
}
