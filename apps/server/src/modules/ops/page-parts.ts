/** What the pages have in common. */

export type Language = 'en' | 'ar';

/** A small guild hall, drawn in the page itself. */
export const ICON = `<link rel="icon" href="data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#0b4f8a" d="M8 1 1 5v2h14V5zM2 8h2v5H2zm5 0h2v5H7zm5 0h2v5h-2zM1 14h14v1H1z"/></svg>')}">`;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** Text as HTML that says the same. */
export const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
/** What is read from left to right in any language. */
export const ltr = (text: string): string => `<bdi dir="ltr">${escapeHtml(text)}</bdi>`;
/** A block to copy from. */
export const code = (text: string): string => `<pre dir="ltr" tabindex="0"><code>${escapeHtml(text)}</code></pre>`;

/** Of every page; the page lets it in by its nonce. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#16202b;--soft:#4a5766;--line:#d8dee6;--paper:#fbfcfd;--card:#fff;--good:#0b6b3a;--bad:#a3211b;--link:#0b4f8a}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#a9b6c4;--line:#2d3947;--paper:#10161d;--card:#17202a;--good:#5fd39a;--bad:#ff8f87;--link:#8ec5ff}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,"Noto Sans Arabic",sans-serif}
main{max-width:52rem;margin:0 auto;padding-block:3rem;padding-inline:1.25rem}h1{font-size:2.25rem;line-height:1.2;margin:0}h2{font-size:1.15rem;margin:2.25rem 0 .75rem}
p{margin:.5rem 0}.lead{color:var(--soft);font-size:1.125rem}.badge{display:inline-block;border:1px solid currentColor;border-radius:999px;padding:.1rem .75rem;font-weight:600}
.good{color:var(--good)}.bad{color:var(--bad)}pre{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.85rem 1rem;overflow-x:auto;font-size:.875rem;line-height:1.5}
ul{list-style:none;margin:0;padding:0;display:grid;gap:.75rem}li{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem}
a{color:var(--link)}a:focus-visible,pre:focus-visible{outline:3px solid var(--link);outline-offset:2px}nav{display:flex;gap:1.25rem;flex-wrap:wrap;margin-block:1rem}
footer{margin-block-start:3rem;color:var(--soft);font-size:.875rem}`;
