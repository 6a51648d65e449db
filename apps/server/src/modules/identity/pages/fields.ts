/** The fields that several pages have. */
import type { Words } from './words.ts';

type Field = (words: Words) => string;

export const emailField: Field = (words) =>
  `<label>${words.email}<input name="email" type="email" autocomplete="username" required dir="ltr"></label>`;

export const nameField: Field = (words) =>
  `<label>${words.name}<input name="name" autocomplete="name" required dir="auto"></label>`;

export const passwordField: Field = (words) =>
  `<label>${words.password}<input name="password" type="password" autocomplete="current-password" required dir="ltr"></label>`;

export const newPasswordField: Field = (words) =>
  `<label>${words.password}<input name="password" type="password" autocomplete="new-password" required dir="ltr"><small>${words.passwordHint}</small></label>`;

/** Says where the mails of a machine without a mail server are, when there are such. */
export const mailboxLink: Field = (words) => `<a href="/dev/mailbox" id="mailbox" hidden>${words.devMailbox}</a>`;

/** For a code of an app, or a recovery code in its place. */
export const codeField: Field = (words) =>
  `<label>${words.code}<input name="code" autocomplete="one-time-code" required dir="ltr"></label>`;
