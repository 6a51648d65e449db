/** The first page, until there is a console: state, first steps, the agents. In English and Arabic, without any script. */
import type { Readiness } from './health.ts';
import { code, escapeHtml, ICON, type Language, ltr, STYLE } from './page-parts.ts';

export interface PageInput {
  readonly language: Language;
  /** Lets the page's own style in. */
  readonly nonce: string;
  readonly version: string;
  readonly url: string;
  readonly state: Readiness;
  readonly agents: readonly { readonly id: string; readonly title: string; readonly summary: string }[];
}

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
    signUp: 'Sign up',
    signIn: 'Sign in',
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
    signUp: 'إنشاء حساب',
    signIn: 'تسجيل الدخول',
    agents: 'الوكلاء',
    other: 'English',
    version: 'الإصدار',
    names: { database: 'قاعدة البيانات', queue: 'قائمة الانتظار', files: 'الملفات' },
    ok: 'تجيب',
    failed: 'لا تجيب',
  },
} as const;

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
<nav><a href="/auth/sign-up?lang=${input.language}">${text.signUp}</a><a href="/auth/sign-in?lang=${input.language}">${text.signIn}</a><a href="/docs/api">${text.reference}</a><a href="/?lang=${other}" lang="${other}" hreflang="${other}">${text.other}</a></nav>
<h2>${text.checks}</h2><ul>${checksList(input)}</ul>
<h2>${text.steps}</h2>${firstSteps(input)}
<h2>${text.agents}</h2><ul lang="en" dir="ltr">${agents}</ul>
<footer>${text.version} ${ltr(input.version)}</footer>
</main></body></html>`;
}
