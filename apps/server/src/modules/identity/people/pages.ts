/**
 * The pages that links in mails lead to. Being fetched they do nothing, so a scanner that opens them uses nothing up: what the link is for
 * happens when its reader says so. The token stands behind the #, reaches no log, and leaves the address bar at once.
 */
import { z } from 'zod';
import { randomName } from '../../../platform/crypto/index.ts';
import { pageHeaders, type RouteDefinition, route } from '../../../platform/http/index.ts';
import type { LinkKind, Locale } from './types.ts';

type PageKind = LinkKind | 'admin' | 'waiting-list';
type Field = 'email' | 'name' | 'password';

interface Page {
  /** Where the form goes, with the token and its fields. */
  readonly action: string;
  readonly fields: readonly Field[];
  /** Asked without a token: where it goes then, with an address alone. */
  readonly request?: string;
  /** The page to go on to when it is done. */
  readonly next?: 'sign-in' | 'account';
}

const PAGES: Readonly<Record<PageKind, Page>> = {
  verify: { action: '/v1/auth/verify', fields: [], request: '/v1/auth/verification', next: 'sign-in' },
  reset: { action: '/v1/auth/reset/confirm', fields: ['password'], request: '/v1/auth/reset', next: 'sign-in' },
  magic: { action: '/v1/auth/magic-link/confirm', fields: [], request: '/v1/auth/magic-link' },
  email: { action: '/v1/auth/email/confirm', fields: [], next: 'account' },
  admin: { action: '/v1/auth/admin-link', fields: ['email', 'name', 'password'], next: 'sign-in' },
  'waiting-list': { action: '/v1/auth/waiting-list/confirm', fields: [], request: '/v1/auth/waiting-list' },
};

interface Words {
  readonly titles: Readonly<Record<PageKind, string>>;
  readonly fields: Readonly<Record<Field, string>>;
  readonly go: string;
  readonly done: string;
  readonly mailed: string;
  readonly failed: string;
  readonly next: Readonly<Record<'sign-in' | 'account', string>>;
}

const WORDS: Readonly<Record<Locale, Words>> = {
  en: {
    titles: {
      verify: 'Verify your address',
      reset: 'Set a new password',
      magic: 'Sign in',
      email: 'Confirm your new address',
      admin: 'Become the owner of this installation',
      'waiting-list': 'Join the waiting list',
    },
    fields: { email: 'E-mail address', name: 'Name', password: 'Password' },
    go: 'Continue',
    done: 'Done.',
    mailed: 'If that can be done for this address, a mail with a link is on its way.',
    failed: 'That did not work. Try again in a moment.',
    next: { 'sign-in': 'Sign in', account: 'Your account' },
  },
  ar: {
    titles: {
      verify: 'تأكيد عنوانك',
      reset: 'تعيين كلمة مرور جديدة',
      magic: 'تسجيل الدخول',
      email: 'تأكيد عنوانك الجديد',
      admin: 'كن مالك هذا التثبيت',
      'waiting-list': 'انضم إلى قائمة الانتظار',
    },
    fields: { email: 'البريد الإلكتروني', name: 'الاسم', password: 'كلمة المرور' },
    go: 'متابعة',
    done: 'تم.',
    mailed: 'إن أمكن ذلك لهذا العنوان فرسالة تحمل رابطًا في الطريق إليه.',
    failed: 'لم ينجح ذلك. حاول مرة أخرى بعد قليل.',
    next: { 'sign-in': 'تسجيل الدخول', account: 'حسابك' },
  },
};

const STYLE = `:root{color-scheme:light dark}body{margin:0;font:16px/1.6 system-ui,"Noto Sans Arabic",sans-serif}
main{max-width:26rem;margin:0 auto;padding-block:4rem;padding-inline:1.25rem}label{display:block;margin-block:1rem}
input,button{box-sizing:border-box;width:100%;font:inherit;padding:.6rem .75rem;border:1px solid GrayText;border-radius:.5rem}
button{margin-block-start:1rem;font-weight:600}input:focus-visible,button:focus-visible{outline:3px solid Highlight;outline-offset:2px}`;

const SCRIPT = `
const token = new URLSearchParams(location.hash.slice(1)).get('token');
history.replaceState(null, '', location.pathname + location.search);
const status = document.querySelector('[role=status]');
const form = (!token && document.getElementById('request')) || document.getElementById('act');
form.hidden = false;
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const body = Object.fromEntries(new FormData(form));
  if (form.id === 'act') body.token = token ?? '';
  const headers = { 'content-type': 'application/json', 'guildhall-request': '1' };
  const answer = await fetch(form.action, { method: 'POST', headers, body: JSON.stringify(body) }).catch(() => undefined);
  const problem = answer?.ok ? undefined : await answer?.json().catch(() => undefined);
  const faults = (problem?.errors ?? []).map(({ path, message }) => path.slice(1) + ' ' + message).join('; ');
  status.textContent = answer?.ok ? form.dataset.done : problem ? problem.title + ' ' + (faults || problem.detail) : form.dataset.failed;
  if (!answer?.ok) return;
  form.hidden = true;
  const { status: outcome, challenge } = await answer.json().catch(() => ({}));
  const language = '?lang=' + document.documentElement.lang;
  if (challenge) location.assign('/auth/second-factor' + language + '#challenge=' + challenge);
  else if (outcome === 'signed-in') location.assign('/auth/account' + language);
  else document.getElementById('next').hidden = form.id !== 'act';
});`;

const INPUTS: Readonly<Record<Field, string>> = {
  email: 'type="email" autocomplete="username" dir="ltr"',
  name: 'type="text" autocomplete="name" dir="auto"',
  password: 'type="password" autocomplete="new-password" dir="ltr"',
};

interface FormInput {
  readonly id: 'act' | 'request';
  readonly action: string;
  readonly fields: readonly Field[];
  readonly done: string;
}

function formOf(words: Words, { id, action, fields, done }: FormInput): string {
  const inputs = fields.map(
    (name) => `<label>${words.fields[name]}<input name="${name}" required ${INPUTS[name]}></label>`,
  );
  return `<form id="${id}" method="post" action="${action}" data-done="${done}" data-failed="${words.failed}" hidden>${inputs.join('')}<button>${words.go}</button></form>`;
}

/** Nothing in it comes from the request but the choice of the language. */
function pageOf(kind: PageKind, language: Locale, nonce: string): string {
  const [page, words] = [PAGES[kind], WORDS[language]];
  const act = formOf(words, { id: 'act', action: page.action, fields: page.fields, done: words.done });
  const { request } = page;
  const ask = request ? formOf(words, { id: 'request', action: request, fields: ['email'], done: words.mailed }) : '';
  const next = page.next ? `<a href="/auth/${page.next}?lang=${language}">${words.next[page.next]}</a>` : '';
  return `<!doctype html>
<html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${words.titles[kind]}</title><style nonce="${nonce}">${STYLE}</style></head>
<body><main><h1>${words.titles[kind]}</h1>${act}${ask}<p role="status"></p><p id="next" hidden>${next}</p></main><script nonce="${nonce}">${SCRIPT}</script></body></html>`;
}

/** One page for every kind of link. */
export function linkPages(): readonly RouteDefinition[] {
  return Object.keys(PAGES).map((kind) =>
    route({
      method: 'GET',
      path: `/auth/${kind}`,
      summary: `The page that a link leads to: ${WORDS.en.titles[kind as PageKind].toLowerCase()}`,
      tag: 'Pages',
      scope: 'public',
      query: z.looseObject({ lang: z.enum(['en', 'ar']).optional().catch(undefined) }),
      responses: { 200: null },
      handler: async ({ query, reply, raw }) => {
        const language = query.lang ?? (/^ar\b/i.test(raw.headers['accept-language'] ?? '') ? 'ar' : 'en');
        const nonce = randomName();
        // The keys are those of the table.
        await reply.headers(pageHeaders({ nonce })).send(pageOf(kind as PageKind, language, nonce));
        return undefined;
      },
    }),
  );
}
