/** Refusals of the HTTP edge itself. */
import { defineErrors } from '../errors/index.ts';

export const httpErrors = defineErrors('http', {
  malformedJson: [
    'malformed-json',
    400,
    'The body is not valid JSON.',
    'Send a JSON body, encoded as UTF-8, with content-type application/json.',
  ],
  duplicateKey: [
    'duplicate-key',
    400,
    'A key stands twice in one object of the body.',
    'Send it once: which of two values counts would be a guess.',
  ],
  malformedForm: [
    'malformed-form',
    400,
    'The form is broken, cut off, or holds more than one file.',
    'Send multipart/form-data with its boundary in content-type and one file in a field named "file".',
  ],
  malformedRequest: [
    'malformed-request',
    400,
    'The request is not valid HTTP.',
    'Check the method, the headers, and the escapes in the address.',
  ],
  headersTooLarge: [
    'headers-too-large',
    431,
    'The headers of the request are too large.',
    'Send fewer or shorter headers, and long values in the body.',
  ],
  invalidRequest: [
    'invalid-request',
    422,
    'The request does not fit the schema of this route.',
    'Correct the members named in `errors` and send it again.',
  ],
  unsupportedMediaType: [
    'unsupported-media-type',
    415,
    'This content type is not accepted here.',
    'Use the content type that the reference names for this route.',
  ],
  bodyTooLarge: [
    'body-too-large',
    413,
    'The body is larger than this route accepts.',
    'Send less, or upload the data as a file and refer to it.',
  ],
  httpsRequired: [
    'https-required',
    403,
    'This installation answers over https alone.',
    'Use the address with https. A key that was sent in clear may have been read: replace it. Operator: the proxy in front must be named in TRUSTED_PROXIES and set X-Forwarded-Proto.',
  ],
  notFound: [
    'not-found',
    404,
    'There is nothing at this address.',
    'Compare the address and the id with the reference at /docs/api.',
  ],
  methodNotAllowed: [
    'method-not-allowed',
    405,
    'This address does not accept this method.',
    'Use a method listed in the reference at /docs/api.',
  ],
  overloaded: [
    'overloaded',
    503,
    'There are more requests at the moment than can be answered.',
    'Wait as long as Retry-After says, then send the same request again, with the same Idempotency-Key.',
  ],
  unavailable: [
    'unavailable',
    503,
    'The service cannot reach its database at the moment.',
    'Send the same request again in a few seconds, with the same Idempotency-Key.',
  ],
  timeout: [
    'timeout',
    408,
    'The request did not arrive in time.',
    'Send it again; for large files use a faster connection.',
  ],
  internal: [
    'internal',
    500,
    'Something failed on our side.',
    'Send it again; if it fails again, report the request id to the operator.',
  ],
});

export const authErrors = defineErrors('auth', {
  missing: [
    'missing-key',
    401,
    'This route needs an API key.',
    'Send it as `Authorization: Bearer <key>` or `x-api-key: <key>`.',
  ],
  scope: [
    'missing-scope',
    403,
    'This key may not do that.',
    'Use a key with the scope named in detail; an owner can create one under /v1/keys.',
  ],
  notSignedIn: ['not-signed-in', 401, 'Nobody is signed in.', 'Sign in with POST /v1/auth/sign-in.'],
  personNeeded: [
    'person-needed',
    403,
    'Only a person can do that.',
    'Sign in as a person; an API key has no account of its own.',
  ],
  directoryNeeded: [
    'directory-needed',
    403,
    'Only the directory of an organisation can do that.',
    'Send a SCIM token; an owner makes one with POST /v1/organisation/scim-tokens.',
  ],
  notVerified: [
    'not-verified',
    403,
    'The address of this account is not verified yet.',
    'Open the link in the mail that was sent to it, or ask for another with POST /v1/auth/verification.',
  ],
  stepUpRequired: [
    'step-up-required',
    401,
    'This needs your password or second factor again.',
    'Send it to POST /v1/auth/step-up, then repeat the request within ten minutes.',
  ],
  crossSite: [
    'cross-site',
    403,
    'This request does not come from a page of ours.',
    'Send it from a page of an allowed origin, with the header `guildhall-request: 1`.',
  ],
  keyInUrl: [
    'key-in-url',
    400,
    'An API key must never stand in an address.',
    'Send it in a header. Revoke this key now: addresses end up in logs.',
  ],
});

export const idempotencyErrors = defineErrors('idempotency', {
  conflict: [
    'conflict',
    422,
    'This Idempotency-Key was used with another request.',
    'Use a new key for a new request, or repeat the first request exactly.',
  ],
  inProgress: [
    'in-progress',
    409,
    'A request with this Idempotency-Key is still being worked on.',
    'Wait a second and send the same request again.',
  ],
  invalid: [
    'invalid-key',
    400,
    'The Idempotency-Key is empty or longer than 255 characters.',
    'Use a random text of at most 255 visible characters.',
  ],
});
