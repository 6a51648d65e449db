/** What the domain of an organisation can be refused. */
import { defineErrors } from '../../../platform/errors/index.ts';

export const domainErrors = defineErrors('domains', {
  notFound: ['not-found', 404, 'There is no such domain.', 'List yours with GET /v1/organisation/domains.'],
  invalid: [
    'invalid',
    422,
    'This is not a domain that an organisation can own.',
    'Give what stands behind the @ of your addresses, such as example.com.',
  ],
  known: ['known', 409, 'This domain is on your list already.', 'Verify the one that is there.'],
  notVerified: [
    'not-verified',
    409,
    'The record that proves the domain was not found.',
    'Add the TXT record that the domain shows to its DNS, wait until it is published, and try again.',
  ],
  taken: [
    'taken',
    409,
    'Another organisation has verified this domain.',
    'Ask its owner to release it, or write to the operator.',
  ],
  unreachable: [
    'unreachable',
    502,
    'The name servers of the domain did not answer.',
    'Try again in a minute; if it stays so, check the name servers of the domain.',
  ],
});
