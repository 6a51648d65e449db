/** What single sign-on by SAML can refuse. */
import { defineErrors } from '../../../platform/errors/index.ts';

export const samlErrors = defineErrors('saml', {
  notFound: [
    'not-found',
    404,
    'There is no such SAML connection.',
    'List yours with GET /v1/organisation/saml-connections.',
  ],
  // One answer for whatever is wrong with a response; the reason stands in the audit trail of the organisation.
  refused: [
    'refused',
    403,
    'The answer of the identity provider was not accepted.',
    'Start again from the sign-in page. If it fails again, an admin of your organisation finds the reason in its audit trail.',
  ],
  // One answer for unknown, expired and used requests, and for another browser.
  noRequest: [
    'no-request',
    403,
    'This sign-in was not begun in this browser, or took longer than ten minutes.',
    'Start again from the sign-in page.',
  ],
  invalidCertificate: [
    'invalid-certificate',
    422,
    'This is not the certificate of an identity provider that can be used.',
    'Give one or two X.509 certificates in PEM form, each with an RSA key of at least 2048 bits.',
  ],
  tooMany: [
    'too-many',
    409,
    'The organisation has as many SAML connections as one can have.',
    'Delete one that is not used any more.',
  ],
});
