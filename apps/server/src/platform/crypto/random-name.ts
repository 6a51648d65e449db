/** Names that nobody has used and nobody can guess. */
import { randomBytes } from 'node:crypto';

const NAME_BYTES = 16;

/** 128 random bits in hexadecimal, for a file or another thing that needs a name and no meaning. */
export const randomName = (): string => randomBytes(NAME_BYTES).toString('hex');
