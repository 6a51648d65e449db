/**
 * Access tokens: what is written, and that nothing else is read. A token is taken only when its header is, to the letter, the one that we write,
 * so that it cannot name an algorithm, a key or an extension of its own.
 */
import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Clock } from '../../../platform/clock/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { IdentityDeps } from '../types.ts';
import { tokenErrors } from './errors.ts';
import { ALGORITHM, type SigningKeys } from './signing-keys.ts';

export const ACCESS_TOKEN_SECONDS = 300;
export const ACCESS_TOKEN_TYPE = 'at+jwt';

// Clocks of processes differ by less.
const BEFORE_SECONDS = 10;
const LENGTH_MAX = 2_048;
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]{86}$/;
const HEADER = /^\{"alg":"EdDSA","typ":"at\+jwt","kid":"([\w-]{43})"\}$/;

/** Whose token it is, the session it stands for, and the one organisation that it is for. */
export interface AccessClaims {
  readonly personId: string;
  readonly sessionId: string;
  readonly organisation: string | undefined;
}

export interface AccessTokens {
  sign(claims: AccessClaims): Promise<string>;
  /** Whether the session is still good is another question. @throws 401 `tokens.invalid` */
  read(token: string): Promise<AccessClaims>;
}

const claimsOf = z.strictObject({
  iss: z.string(),
  aud: z.string(),
  sub: z.string().regex(/^usr_[0-9a-z]{26}$/),
  sid: z.string().regex(/^ses_[0-9a-z]{26}$/),
  org: z
    .string()
    .regex(/^org_[0-9a-z]{26}$/)
    .optional(),
  jti: z.string(),
  iat: z.number().int(),
  nbf: z.number().int(),
  exp: z.number().int(),
});

/** Neither a key of ours nor anything else that is sent as a credential holds a point. */
export const looksLikeToken = (presented: string): boolean => presented.includes('.');

/** The text of a part in its one spelling; undefined for another spelling of the same bytes. */
function textOf(part: string): string | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes.toString('utf8') : undefined;
}

export interface AccessTokenDeps extends Pick<IdentityDeps, 'ids' | 'publicUrl'> {
  readonly clock: Clock;
  readonly keys: Pick<SigningKeys, 'current' | 'find'>;
}

export function createAccessTokens({ ids, clock, publicUrl, keys }: AccessTokenDeps): AccessTokens {
  const audienceOf = (issuer: string): string => `${issuer}/v1`;

  /** The claims of a token with an honest signature; undefined for any other. */
  const verified = async (token: string): Promise<unknown> => {
    if (token.length > LENGTH_MAX || !TOKEN.test(token)) return undefined;
    const [header = '', payload = '', signature = ''] = token.split('.');
    const id = HEADER.exec(textOf(header) ?? '')?.[1];
    const key = id === undefined || textOf(signature) === undefined ? undefined : await keys.find(id);
    if (!key) return undefined;
    const issuer = publicUrl();
    const { payload: claims } = await jwtVerify(token, key, {
      algorithms: [ALGORITHM],
      typ: ACCESS_TOKEN_TYPE,
      issuer,
      audience: audienceOf(issuer),
      currentDate: clock.now(),
      maxTokenAge: ACCESS_TOKEN_SECONDS,
    });
    // One that says something twice is another text than what was understood.
    return textOf(payload) === JSON.stringify(claims) ? claims : undefined;
  };

  return {
    async sign({ personId, sessionId, organisation }) {
      const { id: kid, key } = await keys.current();
      const issuedAt = Math.floor(clock.now().getTime() / 1_000);
      const issuer = publicUrl();
      const claims = {
        iss: issuer,
        aud: audienceOf(issuer),
        sub: personId,
        sid: sessionId,
        ...(organisation === undefined ? {} : { org: organisation }),
        jti: ids.make('tok'),
        iat: issuedAt,
        nbf: issuedAt - BEFORE_SECONDS,
        exp: issuedAt + ACCESS_TOKEN_SECONDS,
      };
      return new SignJWT(claims).setProtectedHeader({ alg: ALGORITHM, typ: ACCESS_TOKEN_TYPE, kid }).sign(key);
    },
    async read(token) {
      const claims = claimsOf.safeParse(
        await verified(token).catch((error: unknown) => {
          if (error instanceof errors.JOSEError) return undefined;
          throw error;
        }),
      );
      if (!claims.success) throw new GuildhallError(tokenErrors.invalid);
      const { sub, sid, org } = claims.data;
      return { personId: sub, sessionId: sid, organisation: org };
    },
  };
}
