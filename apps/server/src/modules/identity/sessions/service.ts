/** The life of a session, from its beginning to its end. Whoever let somebody in by another way begins theirs here too. */
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { listMembershipsOf } from '../people/store.ts';
import { asOrganisation } from '../store.ts';
import type { Attempt, Guard, IdentityDeps, Self } from '../types.ts';
import { SESSION_PURPOSE } from './authenticator.ts';
import { sessionErrors } from './errors.ts';
import {
  endSession,
  endSessions,
  findSession,
  insertSession,
  listSessions,
  renewSession,
  setActiveOrganisation,
} from './store.ts';
import type { Session, SessionMethod } from './types.ts';

/** A session as its owner gets it: the tokens go into cookies and exist nowhere else. */
export interface Begun {
  readonly sessionId: string;
  readonly personId: string;
  readonly token: string;
  /** For a device that was not known. */
  readonly deviceToken: string | undefined;
}

export interface SessionService {
  /**
   * Lets a person in, and ends the session that their browser had, whosever it was. In their transaction, after every factor they need was shown.
   * `via` is the organisation whose own identity provider let them in; their requests are for it, as long as they choose no other.
   */
  begin(
    tx: Tx,
    input: {
      readonly personId: string;
      readonly method: SessionMethod;
      readonly attempt: Attempt;
      readonly via?: string | undefined;
    },
  ): Promise<Begun>;
  /** A factor was shown again: a new token takes the place of the old one. In the person's transaction. @throws 401 `sessions.invalid` */
  renew(tx: Tx, self: Self): Promise<Begun>;
  /** Those that are good now, newest first. */
  list(tx: Tx): Promise<readonly Session[]>;
  /** Everywhere within a second of the commit. @throws 404 `sessions.not-found` */
  end(tx: Tx, self: Self, id: string): Promise<void>;
  /** All of the person, but the one they do it from when `keepsCurrent`; tells how many. */
  endAll(tx: Tx, self: Self, keepsCurrent: boolean): Promise<number>;
  /** Requests of this session that name no organisation are for this one from now on. @throws 404 `sessions.organisation-not-found` */
  chooseOrganisation(tx: Tx, self: Self, orgId: string): Promise<void>;
}

const TOKEN_BYTES = 32;
const USER_AGENT_MAX = 300;
// More than anybody has devices; a script that signs in for every request ends here.
const LISTED_MAX = 200;

type SessionDeps = Pick<IdentityDeps, 'db' | 'ids' | 'keyring' | 'random' | 'audit'> & { readonly guard: Guard };

export function createSessionService(deps: SessionDeps): SessionService {
  const { db, ids, keyring, random, guard } = deps;
  const mint = () => {
    const token = Buffer.from(random(TOKEN_BYTES)).toString('base64url');
    return { token, tokenHash: keyring.mac(SESSION_PURPOSE, token) };
  };
  const record = (tx: Tx, self: Self, action: string, data?: Readonly<Record<string, string | number>>) =>
    deps.audit.append(tx, {
      orgId: self.personId,
      actorType: 'member',
      actorId: self.personId,
      requestId: self.requestId,
      action,
      targetType: 'session',
      targetId: self.sessionId,
      data,
    });
  /** What it was, where it was their own; the end of anybody else's stands in the chain of that person. */
  const endFormer = async (tx: Tx, personId: string, { session, requestId }: Attempt): Promise<string | undefined> => {
    if (session === undefined) return undefined;
    const hashes = keyring.macs(SESSION_PURPOSE, session);
    const former = await db.system((system) => findSession(system, hashes));
    if (!former) return undefined;
    const { id: sessionId, personId: whose } = former;
    await asOrganisation(tx, whose, async () => {
      if ((await endSession(tx, sessionId)) && whose !== personId)
        await record(tx, { personId: whose, sessionId, requestId }, 'session.end');
    });
    return whose === personId ? sessionId : undefined;
  };
  return {
    async begin(tx, { personId, method, attempt, via }) {
      const { token, tokenHash } = mint();
      const sessionId = ids.make('ses');
      const userAgent = attempt.userAgent.slice(0, USER_AGENT_MAX);
      await insertSession(tx, { id: sessionId, personId, tokenHash, method, ip: attempt.ip, userAgent, via });
      const deviceToken = await guard.noteSuccess(tx, attempt, { personId, sessionId });
      const ended = await endFormer(tx, personId, attempt);
      const data = { method, ...(ended === undefined ? {} : { ended }) };
      await record(tx, { personId, sessionId, requestId: attempt.requestId }, 'session.begin', data);
      return { sessionId, personId, token, deviceToken };
    },
    async renew(tx, self) {
      const { personId, sessionId } = self;
      const { token, tokenHash } = mint();
      if (sessionId === undefined || !(await renewSession(tx, sessionId, tokenHash)))
        throw new GuildhallError(sessionErrors.invalid);
      await record(tx, self, 'session.step-up');
      return { sessionId, personId, token, deviceToken: undefined };
    },
    list: (tx) => listSessions(tx, LISTED_MAX),
    async end(tx, self, id) {
      if (!(await endSession(tx, id))) throw new GuildhallError(sessionErrors.notFound);
      await record(tx, { ...self, sessionId: id }, 'session.end');
    },
    async endAll(tx, self, keepsCurrent) {
      const ended = await endSessions(tx, keepsCurrent ? self.sessionId : undefined);
      await record(tx, self, 'session.end-all', { ended });
      return ended;
    },
    async chooseOrganisation(tx, self, orgId) {
      const memberships = await db.system((system) => listMembershipsOf(system, self.personId));
      if (self.sessionId === undefined || !memberships.some((one) => one.orgId === orgId))
        throw new GuildhallError(sessionErrors.organisationNotFound);
      await setActiveOrganisation(tx, self.sessionId, orgId);
      await record(tx, self, 'session.choose-organisation', { organisation: orgId });
    },
  };
}
