/** What can go wrong with a mail. */
import { defineErrors } from '../errors/index.ts';

export const mailErrors = defineErrors('mail', {
  unavailable: [
    'unavailable',
    503,
    'The mail server does not take mail at the moment.',
    'It is tried again by itself; if it lasts, check SMTP_URL with guildhall doctor.',
  ],
  refused: ['refused', 422, 'The mail server refuses this mail for good.', 'Check the address, and MAIL_FROM.'],
});
