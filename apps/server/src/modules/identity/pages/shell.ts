/** The frame of the pages of people: one look, one way to ask the interface. They use the same routes as everybody. */
import type { Locale } from '../people/types.ts';
import { faultsIn, problemsIn } from './problems.ts';
import { SCRIPT } from './script.ts';
import { WORDS, type Words } from './words.ts';

const STYLE = `:root{color-scheme:light dark;--ink:#16202b;--soft:#4a5766;--line:#7b8794;--paper:#fbfcfd;--card:#fff;--link:#0b4f8a;--on:#fff;--bad:#a3211b}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#a9b6c4;--line:#77859a;--paper:#10161d;--card:#17202a;--link:#8ec5ff;--on:#10161d;--bad:#ff8f87}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,"Noto Sans Arabic",sans-serif}
main{max-width:30rem;margin:0 auto;padding-block:3rem;padding-inline:1.25rem}main.wide{max-width:46rem}h1{font-size:1.9rem;line-height:1.25;margin:0 0 1rem}h2{font-size:1.15rem;margin:2.25rem 0 .5rem}
label{display:block;margin-block:1rem;font-weight:600}label small{display:block;font-weight:400;color:var(--soft)}
input,select,button{font:inherit;padding:.55rem .75rem;border:1px solid var(--line);border-radius:.5rem;background:var(--card);color:var(--ink)}label input,label select{display:block;width:100%;margin-block-start:.25rem;font-weight:400}
button{cursor:pointer;font-weight:600}button.main{background:var(--link);color:var(--on);border-color:var(--link)}form>button.main{width:100%;margin-block-start:.5rem}button:disabled{opacity:.6;cursor:progress}[aria-invalid=true]{border-color:var(--bad)}
a{color:var(--link)}a:focus-visible,input:focus-visible,select:focus-visible,button:focus-visible{outline:3px solid var(--link);outline-offset:2px}
ul{list-style:none;margin:0;padding:0;display:grid;gap:.5rem}li{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .9rem;display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;justify-content:space-between;overflow-wrap:anywhere}
li>span:first-child{flex:1 1 12rem}.row{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end;margin-block-start:.75rem}.row label{margin:0;flex:1 1 10rem}nav,.links{display:flex;flex-wrap:wrap;gap:1rem;margin-block:1rem}
[role=status]{position:sticky;inset-block-start:0;z-index:1;margin:0;background:var(--paper)}[role=status]:not(:empty){padding-block:.5rem}[role=status].bad{color:var(--bad)}[role=status]:focus-visible{outline:3px solid var(--link);outline-offset:4px}html{scroll-padding-block-start:4rem}code{overflow-wrap:anywhere}pre{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem;white-space:pre-wrap}
.or{display:flex;align-items:center;gap:.75rem;color:var(--soft);margin-block:1.5rem 1rem}.or::before,.or::after{content:"";flex:1;border-block-start:1px solid var(--line)}.ways{display:grid;gap:.6rem}summary{cursor:pointer;font-weight:600;padding:.55rem .75rem;border:1px solid var(--line);border-radius:.5rem;background:var(--card);text-align:center;list-style:none}summary::-webkit-details-marker{display:none}summary:focus-visible,pre:focus-visible{outline:3px solid var(--link);outline-offset:2px}
dialog::backdrop{background:rgb(0 0 0/.5)}dialog h2{margin-block-start:.5rem}dialog{max-width:24rem;color:inherit;background:var(--paper);border:1px solid var(--line);border-radius:.75rem}img{display:block;background:#fff;padding:.5rem;border-radius:.5rem;width:14rem;max-width:100%}[hidden]{display:none!important}`;

/** A small guild hall, drawn in the page itself: browsers that find none ask for a file. */
const ICON = `<link rel="icon" href="data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#0b4f8a" d="M8 1 1 5v2h14V5zM2 8h2v5H2zm5 0h2v5H7zm5 0h2v5h-2zM1 14h14v1H1z"/></svg>')}">`;

/** What is a page's own. */
export interface Content {
  readonly title: keyof Words;
  readonly content: (words: Words) => string;
  readonly script: string;
  readonly isWide?: boolean;
}

export interface Page extends Content {
  readonly language: Locale;
  readonly nonce: string;
  /** Where it can be asked for in another language; left out for what is shown once. */
  readonly path?: string;
  /** The host that passkeys belong to; left out, none are asked for. */
  readonly passkeyHost?: string;
}

/** What a browser asks for first. */
export const languageOf = (acceptLanguage = ''): Locale => (/^ar\b/i.test(acceptLanguage) ? 'ar' : 'en');

/** Text as HTML that says the same, also within quotes. */
export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');

/** Nothing in it comes from the request but the choice of the language, unless its content says so. */
export function pageOf({
  language,
  nonce,
  path,
  passkeyHost = '',
  title,
  content,
  script,
  isWide = false,
}: Page): string {
  const words = WORDS[language];
  const other = language === 'en' ? 'ar' : 'en';
  const nav = path
    ? `<nav><a href="${path}?lang=${other}" lang="${other}" hreflang="${other}" id="other">${words.other}</a></nav>`
    : '';
  return `<!doctype html>
<html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${words[title]}</title>${ICON}<style nonce="${nonce}">${STYLE}</style></head>
<body data-words="${escapeHtml(JSON.stringify(words))}" data-problems="${escapeHtml(JSON.stringify({ says: problemsIn(language), faults: faultsIn(language) }))}" data-passkey-host="${escapeHtml(passkeyHost)}"><main${isWide ? ' class="wide"' : ''}>
<h1>${words[title]}</h1>
<p id="status" role="status" tabindex="-1"></p>
${content(words)}
<noscript><p>${words.noScript}</p></noscript>
${nav}
</main><script nonce="${nonce}">${SCRIPT}${script}</script></body></html>`;
}
