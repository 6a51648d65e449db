/** What can go wrong with stored bytes. */
import { defineErrors } from '../errors/index.ts';

export const storageErrors = defineErrors('storage', {
  missing: [
    'missing',
    404,
    'The file is not there.',
    'It may have been deleted or have passed its retention. Upload it again.',
  ],
  tooLarge: [
    'too-large',
    413,
    'The file is larger than allowed.',
    'Nothing was stored. Send a smaller file, or split it.',
  ],
  full: [
    'full',
    507,
    'There is no room left to store the file.',
    'Nothing was stored. Try again later; the operator has to make room.',
  ],
  unavailable: ['unavailable', 503, 'The file storage does not answer.', 'Nothing was lost. Try again in a moment.'],
  corrupt: ['corrupt', 503, 'The stored file is damaged.', 'It was not used. Upload it again, and tell the operator.'],
});
