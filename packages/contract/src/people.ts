/** People, their sign-up, sign-in and sessions as the interface shows them. */
import { z } from 'zod';
import { instant, scope } from './common.ts';

// Characters that move the cursor or turn the direction of what follows: a name that holds them shows as another one.
const STEERING = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

export const personName = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .refine((name) => !STEERING.test(name), 'must not hold control characters')
  .transform((name) => name.normalize('NFC'));
/** Longer than any address; what it may hold is judged where it is used. */
export const email = z.string().min(3).max(320);
/** In code units, twice what a password may have in characters; its strength is judged where it is set. */
export const password = z.string().min(1).max(256);
export const locale = z.enum(['en', 'ar']);
export const role = z.enum(['owner', 'admin', 'developer', 'billing', 'viewer']);
/** 256 random bits, base64url. */
export const linkToken = z.string().max(256);

export const signUpBody = z.strictObject({
  email,
  password,
  name: personName,
  /** The name of an organisation that is made for them, with them as its owner, when the address is verified. */
  organisation: personName.optional(),
  locale: locale.default('en'),
  /** The code, or the token of an invitation by mail, where one signs up by invitation. */
  invitation: z.string().max(256).optional(),
});
export type SignUpBody = z.output<typeof signUpBody>;

/** Says the same whether or not there is such an account. */
export const mailSent = z.object({ status: z.literal('mail-sent') }).meta({ id: 'MailSent' });

export const verified = z.object({ status: z.literal('verified'), personId: z.string() }).meta({ id: 'Verified' });

export const emailBody = z.strictObject({ email });
export const linkBody = z.strictObject({ token: linkToken });
export const signInBody = z.strictObject({ email, password });

/** Somebody is signed in (the session is in the cookie), or has to show a second factor for the challenge. */
export const signedIn = z
  .object({
    status: z.enum(['signed-in', 'second-factor-required']),
    personId: z.string().optional(),
    sessionId: z.string().optional(),
    challenge: z.string().optional(),
  })
  .meta({ id: 'SignedIn' });
export type SignedIn = z.infer<typeof signedIn>;

export const membership = z
  .object({ id: z.string(), organisation: z.object({ id: z.string(), name: z.string() }), role, createdAt: instant })
  .meta({ id: 'Membership' });

/** Who is signed in, and what they may do in the organisation that their requests are for. */
export const me = z
  .object({
    id: z.string(),
    email: z.string(),
    name: z.string(),
    locale,
    isVerified: z.boolean(),
    isOperator: z.boolean(),
    hasPassword: z.boolean(),
    createdAt: instant,
    sessionId: z.string().nullable(),
    organisationId: z.string().nullable(),
    role: role.nullable(),
    scopes: z.array(scope),
    memberships: z.array(membership),
  })
  .meta({ id: 'Me' });
export type Me = z.infer<typeof me>;

export const updateMeBody = z.strictObject({ name: personName.optional(), locale: locale.optional() });
export const chooseOrganisationBody = z.strictObject({ organisationId: z.string().max(64) });
export const resetBody = z.strictObject({ token: linkToken, password });
export const passwordBody = z.strictObject({ password });
export const changeEmailBody = z.strictObject({ email });
export const stepUpBody = z.strictObject({ password });
export const adminLinkBody = z.strictObject({ token: linkToken, email, password, name: personName });

export const session = z
  .object({
    id: z.string(),
    method: z.enum(['password', 'magic-link', 'passkey', 'oidc', 'saml']),
    isCurrent: z.boolean(),
    ip: z.string(),
    userAgent: z.string(),
    /** How unusual its beginning was, from 0 to 100. */
    risk: z.number().int(),
    /** Where it began, as far as that is known. */
    country: z.string().nullable(),
    createdAt: instant,
    lastUsedAt: instant,
  })
  .meta({ id: 'Session' });
export const sessionList = z.object({ data: z.array(session) });
export const endSessionsQuery = z.strictObject({
  /** True leaves the session that asks. */
  keepCurrent: z.enum(['true', 'false']).default('false'),
});
export const sessionParams = z.strictObject({ id: z.string().max(64) });
export const endedSessions = z.object({ ended: z.number().int() }).meta({ id: 'EndedSessions' });

export const personParams = z.strictObject({ id: z.string().max(64) });
/** What is left out stays as it is. */
export const updatePersonBody = z.strictObject({
  isDisabled: z.boolean().optional(),
  isOperator: z.boolean().optional(),
});
export const personStanding = z
  .object({ id: z.string(), isDisabled: z.boolean(), isOperator: z.boolean() })
  .meta({ id: 'PersonStanding' });
