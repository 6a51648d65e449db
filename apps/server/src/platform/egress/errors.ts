/** Why a request to the outside did not happen or did not end well. */
import { defineErrors } from '../errors/index.ts';

export const egressErrors = defineErrors('egress', {
  denied: [
    'denied',
    422,
    'This address must not be called.',
    'Use an http or https address of a public host on an allowed port. The operator can open private networks with EGRESS_ALLOW_PRIVATE.',
  ],
  unreachable: [
    'unreachable',
    502,
    'The other side could not be reached.',
    'Check the address and try again; the other side may be down.',
  ],
  connectTimeout: [
    'connect-timeout',
    504,
    'The other side could not be reached in time.',
    'Check the address and try again; the other side may be down.',
  ],
  timeout: ['timeout', 504, 'The other side took too long.', 'Try again; the other side may be slow or down.'],
  tooLarge: ['too-large', 502, 'The other side sent more than is allowed.', 'Ask it for less, or use another source.'],
  badResponse: [
    'bad-response',
    502,
    'The other side sent an answer that cannot be read.',
    'The other side has to be repaired.',
  ],
  tooManyRedirects: ['too-many-redirects', 502, 'The other side redirects too often.', 'Use the final address.'],
});
