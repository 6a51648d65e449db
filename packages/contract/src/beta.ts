/** Who may sign up: waiting list and invitation codes as the interface shows them. */
import { z } from 'zod';
import { instant, pageOf, pageQuery } from './common.ts';
import { email, locale } from './people.ts';

export const signUpMode = z.enum(['open', 'invite', 'closed']);
export type SignUpMode = z.infer<typeof signUpMode>;

export const waitingListBody = z.strictObject({ email, locale: locale.default('en') });
export const onWaitingList = z.object({ status: z.literal('confirmed') }).meta({ id: 'OnWaitingList' });

/** What an operator sees before deciding whom to let in. */
export const betaStatus = z
  .object({
    signUp: signUpMode,
    people: z.number().int(),
    peopleMax: z.number().int().nullable(),
    /** Who confirmed their address and was not invited yet. */
    waiting: z.number().int(),
    invited: z.number().int(),
  })
  .meta({ id: 'BetaStatus' });
export type BetaStatus = z.infer<typeof betaStatus>;

export const waitingPerson = z
  .object({ id: z.string(), email: z.string(), locale, createdAt: instant, confirmedAt: instant })
  .meta({ id: 'WaitingPerson' });
export type WaitingPerson = z.infer<typeof waitingPerson>;
export const waitingPage = pageOf(waitingPerson);
export const waitingPageQuery = pageQuery.extend({ cursor: z.string().max(64).optional() });

/** The first so many of the line, or those named. */
export const inviteWaitingBody = z
  .strictObject({
    count: z.number().int().min(1).max(100).optional(),
    ids: z.array(z.string().max(64)).min(1).max(100).optional(),
  })
  .refine(({ count, ids }) => (count === undefined) !== (ids === undefined), 'names either count or ids');
export const invitedWaiting = z.object({ invited: z.number().int() }).meta({ id: 'InvitedWaiting' });

export const signUpCodeBody = z.strictObject({
  note: z.string().trim().max(200).default(''),
  usesMax: z.number().int().min(1).max(100_000).default(1),
  expiresAt: z.iso.datetime().nullish(),
});
export const signUpCode = z
  .object({
    id: z.string(),
    note: z.string(),
    usesMax: z.number().int(),
    uses: z.number().int(),
    createdAt: instant,
    createdBy: z.string(),
    expiresAt: instant.nullable(),
    revokedAt: instant.nullable(),
  })
  .meta({ id: 'SignUpCode' });
export type SignUpCode = z.infer<typeof signUpCode>;
/** The code is shown this once. */
export const newSignUpCode = signUpCode.extend({ code: z.string().nullable() }).meta({ id: 'NewSignUpCode' });
export const signUpCodePage = pageOf(signUpCode);
export const signUpCodeParams = z.strictObject({ id: z.string().max(64) });
