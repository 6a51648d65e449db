/** What somebody who tries too often is told. The same for addresses that have an account and for those that have none. */
import { defineErrors } from '../../../platform/errors/index.ts';

export const guardErrors = defineErrors('guard', {
  slowDown: [
    'slow-down',
    429,
    'This was tried too often from here.',
    'Wait as long as Retry-After says. A device that you signed in from before need not wait, and a link by mail signs you in: POST /v1/auth/magic-link.',
  ],
  locked: [
    'locked',
    429,
    'This was tried too often.',
    'Sign in from a device that you signed in from before, by a link in a mail (POST /v1/auth/magic-link), or set a new password (POST /v1/auth/reset).',
  ],
  deviceNotFound: ['device-not-found', 404, 'There is no such device.', 'List yours with GET /v1/me/devices.'],
});
