/** What a browser is shown that another site sent back to us, and whose sign-in failed: a person cannot read a problem document. */
import type { Problem } from '@guildhall/contract';
import { randomName } from '../../../platform/crypto/index.ts';
import { type PageAnswer, pageHeaders } from '../../../platform/http/index.ts';
import { problemsIn } from './problems.ts';
import { escapeHtml, languageOf, pageOf } from './shell.ts';
import type { Words } from './words.ts';

export function failurePage({ code, status, requestId }: Problem, acceptLanguage: string | undefined): PageAnswer {
  const language = languageOf(acceptLanguage);
  const says = problemsIn(language);
  // What is wrong with fields is of no use to who filled in none.
  const known = says[code]?.includes('{faults}') ? undefined : says[code];
  const content = (
    words: Words,
  ): string => `<p>${known ?? (status < 500 ? words.failedAdvice : says['http.internal'])}</p>
<p>${words.requestId} <code dir="ltr">${escapeHtml(requestId)}</code></p>
<div class="links"><a href="/auth/sign-in">${words.signIn}</a><a href="/auth/account">${words.account}</a></div>`;
  const nonce = randomName();
  const html = pageOf({ language, nonce, title: 'failedTitle', content, script: '' });
  return { headers: pageHeaders({ nonce }), html };
}
