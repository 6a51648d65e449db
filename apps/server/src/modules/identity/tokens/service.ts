/**
 * Tokens in place of a cookie, for clients that are no browser. They stand for a session of their own, which is made from a session and ends with
 * it. The refresh token changes with every use; one that comes again tells that somebody has a copy, and ends the session.
 */
import type { Tokens } from '@guildhall/contract';
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Principal } from '../../../platform/http/index.ts';
import { getPerson } from '../people/account.ts';
import { recordPerson } from '../people/deps.ts';
import type { Links } from '../people/links.ts';
import { sessionErrors } from '../sessions/errors.ts';
import type { SessionService } from '../sessions/service.ts';
import { endSession, touchSessions } from '../sessions/store.ts';
import type { Attempt, IdentityDeps, Self } from '../types.ts';
import { ACCESS_TOKEN_SECONDS, type AccessClaims, type AccessTokens } from './access.ts';
import { tokenErrors } from './errors.ts';
import {
  exchangeRefreshToken,
  type FoundRefreshToken,
  findOrigin,
  findRefreshToken,
  findTokenOrganisation,
  insertTokenSession,
} from './store.ts';

export interface TokenService {
  /** A session of tokens, made from the one that the request comes from. In the person's transaction. @throws 401 `sessions.invalid` */
  issue(tx: Tx, self: Self, orgId: string | undefined, attempt: Attempt): Promise<Tokens>;
  /**
   * New tokens for a refresh token, which is good no more.
   * @throws 401 `tokens.invalid-refresh`, also for one that comes again, which ends the session; 409 `tokens.already-refreshed`
   */
  refresh(refreshToken: string, requestId: string): Promise<Tokens>;
  /** @throws 401 `tokens.invalid`; 404 when the request names another organisation than the token is for. */
  authenticate(accessToken: string, organisation: string | undefined): Promise<Principal>;
}

export const REFRESH_PURPOSE = 'refresh-token';
const TOKEN_BYTES = 32;

export interface TokenServiceDeps extends Pick<IdentityDeps, 'db' | 'audit' | 'keyring' | 'random'> {
  readonly access: AccessTokens;
  readonly sessions: Pick<SessionService, 'begin'> & {
    authenticateNamed(named: AccessClaims): Promise<Principal | undefined>;
  };
  readonly links: Pick<Links, 'mail'>;
}

export function createTokenService(deps: TokenServiceDeps): TokenService {
  const { db, keyring, random, access, sessions, links } = deps;

  const mint = () => {
    const token = Buffer.from(random(TOKEN_BYTES)).toString('base64url');
    return { token, hash: keyring.mac(REFRESH_PURPOSE, token) };
  };

  const answer = async (claims: AccessClaims, refreshToken: string): Promise<Tokens> => ({
    accessToken: await access.sign(claims),
    tokenType: 'Bearer',
    expiresInSeconds: ACCESS_TOKEN_SECONDS,
    refreshToken,
    sessionId: claims.sessionId,
    organisationId: claims.organisation ?? null,
  });

  /** Somebody has a copy: whoever they are, the session is over, and its owner is told. */
  const endStolen = async (tx: Tx, { personId, sessionId }: FoundRefreshToken, requestId: string): Promise<void> => {
    await endSession(tx, sessionId);
    await links.mail(tx, { ...(await getPerson(tx, personId)), personId }, 'tokens-stolen');
    await recordPerson(deps, tx, { personId, action: 'token.reuse', requestId, data: { session: sessionId } });
  };

  return {
    async issue(tx, { personId, sessionId: madeFrom, requestId }, organisation, attempt) {
      const origin = madeFrom === undefined ? undefined : await findOrigin(tx, madeFrom);
      if (madeFrom === undefined || origin === undefined) throw new GuildhallError(sessionErrors.invalid);
      // The session of the browser goes on beside that of the tokens.
      const beside = { ...attempt, session: undefined };
      const { sessionId } = await sessions.begin(tx, { ...origin, personId, attempt: beside });
      const { token, hash } = mint();
      await insertTokenSession(tx, { sessionId, personId, madeFrom, organisation, refreshHash: hash });
      await recordPerson(deps, tx, {
        personId,
        action: 'token.issue',
        requestId,
        data: { session: sessionId, ...(organisation === undefined ? {} : { organisation }) },
      });
      return answer({ personId, sessionId, organisation }, token);
    },
    async refresh(refreshToken, requestId) {
      const found = await db.system((tx) => findRefreshToken(tx, keyring.macs(REFRESH_PURPOSE, refreshToken)));
      if (!found) throw new GuildhallError(tokenErrors.invalidRefresh);
      const { personId, sessionId } = found;
      const { token, hash } = mint();
      const { outcome, organisation } = await db.tenant(personId, async (tx) => {
        const outcome = await exchangeRefreshToken(tx, found, hash);
        if (outcome === 'reused') await endStolen(tx, found, requestId);
        if (outcome === 'rotated')
          await recordPerson(deps, tx, { personId, action: 'token.refresh', requestId, data: { session: sessionId } });
        return { outcome, organisation: await findTokenOrganisation(tx, sessionId) };
      });
      if (outcome === 'busy')
        throw new GuildhallError(tokenErrors.alreadyRefreshed, { members: { retryAfterSeconds: 5 } });
      if (outcome !== 'rotated') throw new GuildhallError(tokenErrors.invalidRefresh);
      await db.system((tx) => touchSessions(tx, [sessionId]));
      return answer({ personId, sessionId, organisation }, token);
    },
    async authenticate(accessToken, organisation) {
      const claims = await access.read(accessToken);
      const principal = await sessions.authenticateNamed(claims);
      if (!principal) throw new GuildhallError(tokenErrors.invalid);
      if (organisation !== undefined && organisation !== claims.organisation)
        throw new GuildhallError(sessionErrors.organisationNotFound);
      return principal;
    },
  };
}
