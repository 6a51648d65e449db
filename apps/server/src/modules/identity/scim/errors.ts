/** What provisioning by SCIM can refuse, and how SCIM writes a refusal. */
import type { Problem } from '@guildhall/contract';
import { defineErrors } from '../../../platform/errors/index.ts';

export const scimErrors = defineErrors('scim', {
  // One answer for unknown, expired and revoked tokens.
  invalidToken: [
    'invalid-token',
    401,
    'This is no SCIM token that is good now.',
    'Make one with POST /v1/organisation/scim-tokens and give it to your directory.',
  ],
  tokenNotFound: [
    'token-not-found',
    404,
    'There is no such SCIM token.',
    'List yours with GET /v1/organisation/scim-tokens.',
  ],
  tooManyTokens: [
    'too-many-tokens',
    409,
    'The organisation has as many SCIM tokens as one can have.',
    'Revoke one that is not used any more.',
  ],
  tokenRotated: [
    'token-rotated',
    409,
    'This SCIM token was rotated or has ended.',
    'Rotate the one that took its place, or make another.',
  ],
  notFound: ['not-found', 404, 'There is no such resource.', 'Look it up by userName, displayName or externalId.'],
  uniqueness: ['uniqueness', 409, 'Another resource has this name.', 'Look it up and change that one.'],
  invalidFilter: [
    'invalid-filter',
    400,
    'This filter is not understood.',
    'Compare userName, externalId, id, emails.value, active or displayName by `eq`, joined by `and`.',
  ],
  invalidValue: ['invalid-value', 400, 'A value is missing or not what it must be.', 'Correct it and send it again.'],
  invalidPath: ['invalid-path', 400, 'This path is not understood.', 'Name an attribute of the schema.'],
  noTarget: ['no-target', 400, 'The operation has nothing to work on.', 'Name a path.'],
  invalidSyntax: [
    'invalid-syntax',
    400,
    'The request is not as SCIM writes it.',
    'Compare it with RFC 7644, and with /scim/v2/Schemas.',
  ],
  tooMany: ['too-many', 400, 'This is more than is taken at once or in all.', 'Send less.'],
  keepsOwner: [
    'keeps-owner',
    409,
    'The last owner of the organisation cannot be taken out of it.',
    'Make another member an owner first.',
  ],
});

const SCIM_TYPES: Readonly<Record<string, string>> = {
  'scim.uniqueness': 'uniqueness',
  'scim.invalid-filter': 'invalidFilter',
  'scim.invalid-value': 'invalidValue',
  'scim.invalid-path': 'invalidPath',
  'scim.no-target': 'noTarget',
  'scim.invalid-syntax': 'invalidSyntax',
  'scim.too-many': 'tooMany',
  'scim.keeps-owner': 'mutability',
  'http.malformed-json': 'invalidSyntax',
  'http.duplicate-key': 'invalidSyntax',
  'http.invalid-request': 'invalidValue',
};

/** RFC 7644 §3.12. The request id stands in the header of every answer. */
export const scimProblem = ({ status, code, detail }: Problem): object => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
  status: String(status),
  ...(SCIM_TYPES[code] === undefined ? {} : { scimType: SCIM_TYPES[code] }),
  detail,
});
