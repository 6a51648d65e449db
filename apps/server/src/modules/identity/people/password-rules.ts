/** Which passwords are refused. Length decides; characters need not be of certain kinds. */

// ASVS 5.0, 6.2.1: eight where a second factor stands beside it, fifteen where nothing does.
export const PASSWORD_MIN = 15;
export const PASSWORD_MIN_WITH_FACTOR = 8;
export const PASSWORD_MAX = 128;
// Shorter pieces of an address stand in many good passwords by chance.
const PIECE_MIN = 4;
// One key held down; from here on nobody guesses how long.
const REPEATED_MAX = 32;
const PRODUCT_WORDS = ['guildhall'];

/** The smallest part that a text repeats: `abcabc` is `abc`. */
function unitOf(text: string): string {
  const at = (text + text).indexOf(text, 1);
  return text.slice(0, at);
}

/** Whether it is long enough only beside a second factor. */
export const isShort = (password: string): boolean => [...password].length < PASSWORD_MIN;

/** Whose password it is to be. */
export interface PasswordOwner {
  readonly email: string;
  readonly hasFactor: boolean;
}

function lengthFault(password: string, { hasFactor }: PasswordOwner): string | undefined {
  const length = [...password].length;
  const min = hasFactor ? PASSWORD_MIN_WITH_FACTOR : PASSWORD_MIN;
  if (length < min) return `must have at least ${min} characters`;
  return length > PASSWORD_MAX ? `must have at most ${PASSWORD_MAX} characters` : undefined;
}

/** What is left besides the address and the product must be a password by itself. */
function isMadeOf(lower: string, email: string): boolean {
  const [local = '', domain = ''] = email.toLowerCase().split('@');
  const pieces = [...PRODUCT_WORDS, local, domain.split('.')[0] ?? ''].filter((piece) => piece.length >= PIECE_MIN);
  const rest = pieces.reduce((text, piece) => text.replaceAll(piece, ''), lower);
  return rest !== lower && [...rest].length < PASSWORD_MIN_WITH_FACTOR;
}

/** What is wrong with a password, in words that follow its name; undefined when nothing is. */
export function findPasswordFault(
  password: string,
  owner: PasswordOwner,
  isCommon: (lower: string) => boolean,
): string | undefined {
  const fault = lengthFault(password, owner);
  if (fault !== undefined) return fault;
  const lower = password.toLowerCase();
  const unit = unitOf(lower);
  if ([...unit].length < PIECE_MIN && [...lower].length < REPEATED_MAX)
    return 'must be more than a few characters repeated';
  if (isCommon(lower) || isCommon(unit)) return 'is among those that are tried first';
  return isMadeOf(lower, owner.email) ? 'must not be made of your address or the name of this product' : undefined;
}
