/** How often an address may try to become somebody. Each counts one network of people, not one account: those are guarded apart. */
import type { RouteLimit } from '../../platform/http/index.ts';

const perMinute = (name: string, max: number, per: RouteLimit['per'] = 'ip'): readonly RouteLimit[] => [
  // A quarter of it in each process while the shared count fails: a broken store opens nothing to a guesser.
  { name, per, max, windowSeconds: 60, onStoreFailure: 'closed' },
];

export const SIGN_IN = perMinute('sign-in', 5);
/** A password, or what a passkey says, with room: this much is read also of who comes too often. */
export const SIGN_IN_MAX_BYTES = 65_536;
export const SIGN_UP = perMinute('sign-up', 3);
/** Codes of six digits, of which three are good at a time; one account is guarded apart. */
export const SECOND_FACTOR = perMinute('second-factor', 10);
/** A password, or a code, shown again by somebody who is signed in. */
export const STEP_UP = perMinute('step-up', 5, 'person');
/** Whoever may have mails sent to others must not flood their mailbox. */
export const ACCOUNT_MAIL = perMinute('account-mail', 5);
/** Tokens of 256 bits cannot be guessed; this bounds what trying costs us. */
export const LINK = perMinute('account-link', 20);
export const REFRESH = perMinute('token-refresh', 120);
/** What comes back from an identity provider cannot be guessed; a whole company may sit behind one address. */
export const SIGN_IN_BY_SSO = perMinute('sign-in-by-sso', 60);
