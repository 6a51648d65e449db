/** The first page, until there is a console: state, first steps, the agents. In English and Arabic, without any script. */
import type { Readiness } from './health.ts';

type Language = 'en' | 'ar';

export interface PageInput {
  readonly language: Language;
  /** Lets the page's own style in. */
  readonly nonce: string;
  readonly version: string;
  readonly url: string;
  readonly state: Readiness;
  readonly agents: readonly { readonly id: string; readonly title: string; readonly summary: string }[];
}

/** A small guild hall, drawn in the page itself. */
export const ICON = `<link rel="icon" href="data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#0b4f8a" d="M8 1 1 5v2h14V5zM2 8h2v5H2zm5 0h2v5H7zm5 0h2v5h-2zM1 14h14v1H1z"/></svg>')}">`;

const TEXT = {
  en: {
    title: 'Guildhall',
    lead: 'Agents as a paid service: every run durable, metered and billed to the last nano-dollar.',
    ready: 'Ready',
    notReady: 'Not ready',
    checks: 'State',
    steps: 'First steps',
    keyWhere: 'Your API key is in ready.json in the data folder. Put it into your shell:',
    runOne: 'Run an agent:',
    balance: 'See what it cost:',
    reference: 'API reference',
    agents: 'Agents',
    other: 'العربية',
    version: 'Version',
    names: { database: 'Database', queue: 'Queue', files: 'Files' },
    ok: 'answers',
    failed: 'does not answer',
  },
  ar: {
    title: 'Guildhall',
    lead: 'الوكلاء خدمةً مدفوعة: كل تشغيل محفوظ ومقيس ومفوتر حتى آخر نانو دولار.',
    ready: 'جاهز',
    notReady: 'غير جاهز',
    checks: 'الحالة',
    steps: 'الخطوات الأولى',
    keyWhere: 'مفتاح الواجهة في الملف ready.json داخل مجلد البيانات. ضعه في الطرفية:',
    runOne: 'شغّل وكيلاً:',
    balance: 'اطّلع على التكلفة:',
    reference: 'مرجع الواجهة البرمجية',
    agents: 'الوكلاء',
    other: 'English',
    version: 'الإصدار',
    names: { database: 'قاعدة البيانات', queue: 'قائمة الانتظار', files: 'الملفات' },
    ok: 'تجيب',
    failed: 'لا تجيب',
  },
} as const;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
const ltr = (text: string): string => `<bdi dir="ltr">${escapeHtml(text)}</bdi>`;
const code = (text: string): string => `<pre dir="ltr" tabindex="0"><code>${escapeHtml(text)}</code></pre>`;

const STYLE = `
:root{color-scheme:light dark;--ink:#16202b;--soft:#4a5766;--line:#d8dee6;--paper:#fbfcfd;--card:#fff;--good:#0b6b3a;--bad:#a3211b;--link:#0b4f8a}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#a9b6c4;--line:#2d3947;--paper:#10161d;--card:#17202a;--good:#5fd39a;--bad:#ff8f87;--link:#8ec5ff}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,"Noto Sans Arabic",sans-serif}
main{max-width:52rem;margin:0 auto;padding-block:3rem;padding-inline:1.25rem}h1{font-size:2.25rem;line-height:1.2;margin:0}h2{font-size:1.15rem;margin:2.25rem 0 .75rem}
p{margin:.5rem 0}.lead{color:var(--soft);font-size:1.125rem}.badge{display:inline-block;border:1px solid currentColor;border-radius:999px;padding:.1rem .75rem;font-weight:600}
.good{color:var(--good)}.bad{color:var(--bad)}pre{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.85rem 1rem;overflow-x:auto;font-size:.875rem;line-height:1.5}
ul{list-style:none;margin:0;padding:0;display:grid;gap:.75rem}li{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem}
a{color:var(--link)}a:focus-visible,pre:focus-visible{outline:3px solid var(--link);outline-offset:2px}nav{display:flex;gap:1.25rem;flex-wrap:wrap;margin-block:1rem}
footer{margin-block-start:3rem;color:var(--soft);font-size:.875rem}`;

function checksList(input: PageInput): string {
  const text = TEXT[input.language];
  const names: Readonly<Record<string, string>> = text.names;
  return Object.entries(input.state.checks)
    .map(([name, { status }]) => {
      const [word, colour] = status === 'ok' ? [text.ok, 'good'] : [text.failed, 'bad'];
      return `<li><strong>${escapeHtml(names[name] ?? name)}</strong> <span class="${colour}">${word}</span></li>`;
    })
    .join('');
}

function firstSteps(input: PageInput): string {
  const text = TEXT[input.language];
  const run = `curl -s '${input.url}/v1/agents/data-processor/runs?wait=30' \\
  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -d '{"input":{"sources":[{"name":"sales","format":"csv","data":"city,amount\\nRiyadh,120\\nJeddah,80\\n"}]}}'`;
  return `<p>${text.keyWhere}</p>${code(`KEY=$(node -p "require('./.guildhall/ready.json').apiKey")`)}
<p>${text.runOne}</p>${code(run)}<p>${text.balance}</p>${code(`curl -s ${input.url}/v1/balance -H "Authorization: Bearer $KEY"`)}`;
}

/** The page as HTML. Every value is escaped; nothing is fetched from anywhere else. */
export function homePage(input: PageInput): string {
  const text = TEXT[input.language];
  const other = input.language === 'en' ? 'ar' : 'en';
  const { ready } = input.state;
  const agents = input.agents
    .map(
      (agent) =>
        `<li><strong>${escapeHtml(agent.title)}</strong> <code>${ltr(agent.id)}</code><p>${escapeHtml(agent.summary)}</p></li>`,
    )
    .join('');
  return `<!doctype html>
<html lang="${input.language}" dir="${input.language === 'ar' ? 'rtl' : 'ltr'}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${text.title}</title>${ICON}<style nonce="${input.nonce}">${STYLE}</style></head>
<body><main>
<h1>${ltr(text.title)}</h1><p class="lead">${text.lead}</p>
<p><span class="badge ${ready ? 'good' : 'bad'}">${ready ? text.ready : text.notReady}</span></p>
<nav><a href="/docs/api">${text.reference}</a><a href="/?lang=${other}" lang="${other}" hreflang="${other}">${text.other}</a></nav>
<h2>${text.checks}</h2><ul>${checksList(input)}</ul>
<h2>${text.steps}</h2>${firstSteps(input)}
<h2>${text.agents}</h2><ul lang="en" dir="ltr">${agents}</ul>
<footer>${text.version} ${ltr(input.version)}</footer>
</main></body></html>`;
}
