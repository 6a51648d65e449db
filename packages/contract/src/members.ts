/** Organisations, their members and invitations as the interface shows them. */
import { z } from 'zod';
import { instant, pageOf, pageQuery } from './common.ts';
import { email, linkToken, locale, personName, role } from './people.ts';

const id = z.string().max(64);
const name = personName;

/** An organisation as a person who belongs to it sees it. */
export const ownOrganisation = z
  .object({
    id: z.string(),
    name: z.string(),
    memberId: z.string(),
    role,
    memberSince: instant,
    /** Set while it is deleted and an owner may still bring it back, until `erasedAfter`. */
    deletedAt: instant.nullable(),
    erasedAfter: instant.nullable(),
  })
  .meta({ id: 'OwnOrganisation' });
export type OwnOrganisation = z.infer<typeof ownOrganisation>;
export const ownOrganisationList = z.object({ data: z.array(ownOrganisation) });

export const organisationParams = z.strictObject({ id });
export const organisationBody = z.strictObject({ name });
export const organisation = z
  .object({ id: z.string(), name: z.string(), createdAt: instant })
  .meta({ id: 'Organisation' });
export const transferBody = z.strictObject({ memberId: id });
export const deletedOrganisation = z
  .object({ id: z.string(), deletedAt: instant, erasedAfter: instant })
  .meta({ id: 'DeletedOrganisation' });

/** A person in an organisation, or a service account, which has no person and no address. */
export const member = z
  .object({
    id: z.string(),
    type: z.enum(['person', 'service-account']),
    name: z.string(),
    email: z.string().nullable(),
    role,
    /** True while an operator keeps the person out. */
    isDisabled: z.boolean(),
    createdAt: instant,
    createdBy: z.string(),
  })
  .meta({ id: 'Member' });
export type Member = z.infer<typeof member>;
export const memberPage = pageOf(member);
export const memberPageQuery = pageQuery.extend({ cursor: id.optional() });
export const memberParams = z.strictObject({ id });
export const memberBody = z.strictObject({ role });

export const serviceAccountBody = z.strictObject({ name, role });

const DAY_SECONDS = 86_400;
export const INVITATION_SECONDS_MAX = 30 * DAY_SECONDS;

/** By mail for one person when it has an address, else a link for up to `usesMax` people. */
export const invitationBody = z
  .strictObject({
    role,
    email: email.optional(),
    /** The language of the mail. */
    locale: locale.default('en'),
    usesMax: z.number().int().min(1).max(1_000).default(1),
    expiresInSeconds: z
      .number()
      .int()
      .min(60)
      .max(INVITATION_SECONDS_MAX)
      .default(7 * DAY_SECONDS),
  })
  .refine((body) => body.email === undefined || body.usesMax === 1, {
    path: ['usesMax'],
    message: 'is 1 for an invitation by mail',
  });
export type InvitationBody = z.output<typeof invitationBody>;

export const invitation = z
  .object({
    id: z.string(),
    role,
    email: z.string().nullable(),
    usesMax: z.number().int(),
    uses: z.number().int(),
    status: z.enum(['open', 'used', 'expired', 'revoked']),
    createdAt: instant,
    createdBy: z.string(),
    expiresAt: instant,
  })
  .meta({ id: 'Invitation' });
export type Invitation = z.infer<typeof invitation>;
/** `url` is the link, shown this once; `null` when it was mailed, and in the answer to a retry. */
export const newInvitation = invitation.extend({ url: z.string().nullable() }).meta({ id: 'NewInvitation' });
export const invitationPage = pageOf(invitation);
export const invitationPageQuery = pageQuery.extend({ cursor: id.optional() });
export const invitationParams = z.strictObject({ id });

export const invitationTokenBody = z.strictObject({ token: linkToken });
/** What an invitation offers, to whoever holds its link. */
export const invitationOffer = z
  .object({ organisation: z.string(), role, email: z.string().nullable(), expiresAt: instant })
  .meta({ id: 'InvitationOffer' });
