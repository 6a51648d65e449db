/** Access and refresh tokens as the interface shows them. */
import { z } from 'zod';

/** Tokens in place of a cookie. Both are shown this once: a retry of the same request gets `null` in their place. */
export const tokens = z
  .object({
    accessToken: z.string().nullable(),
    tokenType: z.literal('Bearer'),
    /** How long the access token lasts. */
    expiresInSeconds: z.number().int(),
    /** Good for one exchange; the next one comes with it. */
    refreshToken: z.string().nullable(),
    sessionId: z.string(),
    /** The one organisation that the access token is for. */
    organisationId: z.string().nullable(),
  })
  .meta({ id: 'Tokens' });
export type Tokens = z.infer<typeof tokens>;

export const refreshBody = z.strictObject({ refreshToken: z.string().min(1).max(256) });

/** The public halves of the keys that access tokens are signed with (RFC 7517). */
export const jwks = z
  .object({
    keys: z.array(
      z.object({
        kty: z.literal('OKP'),
        crv: z.literal('Ed25519'),
        x: z.string(),
        kid: z.string(),
        alg: z.literal('EdDSA'),
        use: z.literal('sig'),
      }),
    ),
  })
  .meta({ id: 'Jwks' });
export type Jwks = z.infer<typeof jwks>;
