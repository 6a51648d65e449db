/**
 * The pages that links in mails lead to. Being fetched they do nothing, so a scanner that opens them uses nothing up: what the link is for
 * happens when its reader says so. The token stands behind the #, reaches no log, and leaves the address bar at once.
 */
import { emailField, mailboxLink, nameField, newPasswordField } from './fields.ts';
import type { Content } from './shell.ts';
import type { Words } from './words.ts';

interface LinkPage {
  readonly title: keyof Words;
  /** Where the form goes, with the token and its fields. */
  readonly action: string;
  readonly fields?: readonly ((words: Words) => string)[];
  /** Asked without a token: where it goes then, with an address alone. */
  readonly request?: string;
  /** The page to go on to when it is done. */
  readonly next?: 'signIn' | 'account';
}

const PAGES: Readonly<Record<string, LinkPage>> = {
  verify: { title: 'verify', action: '/v1/auth/verify', request: '/v1/auth/verification', next: 'signIn' },
  reset: {
    title: 'reset',
    action: '/v1/auth/reset/confirm',
    fields: [newPasswordField],
    request: '/v1/auth/reset',
    next: 'signIn',
  },
  magic: { title: 'signIn', action: '/v1/auth/magic-link/confirm', request: '/v1/auth/magic-link' },
  email: { title: 'newEmail', action: '/v1/auth/email/confirm', next: 'account' },
  admin: {
    title: 'firstOwner',
    action: '/v1/auth/admin-link',
    fields: [emailField, nameField, newPasswordField],
    next: 'signIn',
  },
  'waiting-list': {
    title: 'waitingList',
    action: '/v1/auth/waiting-list/confirm',
    request: '/v1/auth/waiting-list',
  },
};

const HREFS = { signIn: '/auth/sign-in', account: '/auth/account' } as const;

const formOf = (words: Words, id: string, action: string, fields: LinkPage['fields'] = []): string =>
  `<form id="${id}" data-action="${action}" hidden>${fields.map((field) => field(words)).join('')}<button class="main">${words.continue}</button></form>`;

const contentOf =
  ({ action, fields, request, next }: LinkPage): Content['content'] =>
  (words) =>
    `${formOf(words, 'act', action, fields)}${request ? formOf(words, 'request', request, [emailField]) : ''}
<div class="links">${next ? `<a href="${HREFS[next]}" id="next" hidden>${words[next]}</a>` : ''}${request ? mailboxLink(words) : ''}</div>`;

const SCRIPT = `
const token = fragment('token');
$(!token && $('request') ? 'request' : 'act').hidden = false;
onSubmit('act', async (body, form) => {
  const { problem, body: got } = await send('POST', form.dataset.action, { ...body, token });
  if (/\\.invalid-link$/.test(problem?.code) && $('request')) { form.hidden = true; $('request').hidden = false; }
  if (problem) return tell(problem, form);
  if (got.challenge) return go('/auth/second-factor', '#challenge=' + got.challenge);
  if (got.status === 'signed-in') return go('/auth/account');
  form.hidden = true;
  say(words.done);
  if ($('next')) { $('next').hidden = false; $('next').focus(); }
});
onSubmit('request', async (body, form) => {
  const more = form.dataset.action === '/v1/auth/waiting-list' ? { locale: language } : {};
  const { problem } = await send('POST', form.dataset.action, { ...body, ...more });
  if (problem) return tell(problem, form);
  form.hidden = true;
  say(words.mailedIfSo);
  await showMailbox();
});`;

/** One for every kind of link, by the address it stands at. */
export const LINK_PAGES: Readonly<Record<string, Content>> = Object.fromEntries(
  Object.entries(PAGES).map(([kind, page]) => [
    `/auth/${kind}`,
    { title: page.title, content: contentOf(page), script: SCRIPT },
  ]),
);
