/** What channels can refuse. */
import { defineErrors } from '../../../platform/errors/index.ts';

export const providerErrors = defineErrors('providers', {
  notFound: ['not-found', 404, 'There is no such provider.', 'List them with GET /v1/operator/providers.'],
  keyNotFound: ['key-not-found', 404, 'There is no such provider key.', 'List your own with GET /v1/provider-keys.'],
  keyRevoked: ['key-revoked', 409, 'This provider key was revoked.', 'Add the key again with POST /v1/provider-keys.'],
  fromSettings: [
    'from-settings',
    409,
    'This provider comes from the settings of the server.',
    'Change it there, or add another with POST /v1/operator/providers.',
  ],
  checkFailed: [
    'check-failed',
    422,
    'The provider was tried and does not work.',
    'Correct what is named here. To store it nevertheless, send force: true.',
  ],
  addressMissing: [
    'address-missing',
    422,
    'This kind of provider has no usual address.',
    'Give its baseUrl, for example https://models.example.com/v1.',
  ],
  addressRefused: [
    'address-refused',
    422,
    'This address must not be called.',
    'Use an http or https address of a public host. The operator can open private networks with EGRESS_ALLOW_PRIVATE.',
  ],
  keyMissing: ['key-missing', 422, 'The key of the provider is missing.', 'Send it as key; it is never shown again.'],
  requestKeyUnfit: [
    'request-key-unfit',
    422,
    'The provider key of this request cannot be used.',
    'Send 8 to 1024 printable characters in x-provider-key, and name a model as provider/name.',
  ],
  tooMany: ['too-many', 409, 'There are too many of them.', 'Delete or revoke what is not used any more.'],
});
