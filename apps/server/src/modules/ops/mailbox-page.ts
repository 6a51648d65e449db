/** The mails that would have been sent, while there is no server for them: for trying out sign-up and links on one's own machine. */
import type { KeptMail } from '../../platform/mail/index.ts';
import { escapeHtml, ICON, type Language, ltr, STYLE } from './page-parts.ts';

const TEXT = {
  en: {
    title: 'Development mailbox',
    lead: 'Without SMTP_URL no mail is sent. These are the latest, newest first; only this machine can see them.',
    empty: 'No mail yet. Sign up, or ask for a link, and it appears here.',
    to: 'To',
    other: 'العربية',
    refresh: 'Look again',
  },
  ar: {
    title: 'صندوق بريد التطوير',
    lead: 'من دون SMTP_URL لا يُرسل بريد. هذه أحدث الرسائل أولًا، ولا يراها إلا هذا الجهاز.',
    empty: 'لا بريد بعد. سجّل أو اطلب رابطًا فيظهر هنا.',
    to: 'إلى',
    other: 'English',
    refresh: 'انظر من جديد',
  },
} as const;

const OWN_STYLE = 'article{white-space:pre-wrap;overflow-wrap:anywhere}h2{margin-block:0 .25rem}';

/** Addresses of the web become links, and nothing else becomes anything. */
function withLinks(text: string): string {
  return text
    .split(/(https?:\/\/[^\s<>"]+)/)
    .map((part, index) =>
      index % 2 === 0
        ? escapeHtml(part)
        : `<a href="${escapeHtml(part)}" dir="ltr" rel="noreferrer">${escapeHtml(part)}</a>`,
    )
    .join('');
}

function mailItem(mail: KeptMail, to: string): string {
  const at = mail.at.toISOString();
  return `<li><h2 dir="auto">${escapeHtml(mail.subject)}</h2><p>${to} ${ltr(mail.to)} · <time datetime="${at}">${ltr(at)}</time></p><article dir="auto">${withLinks(mail.text)}</article></li>`;
}

export interface MailboxPage {
  readonly language: Language;
  readonly nonce: string;
  readonly mails: readonly KeptMail[];
}

export function mailboxPage({ language, nonce, mails }: MailboxPage): string {
  const text = TEXT[language];
  const other = language === 'en' ? 'ar' : 'en';
  const list =
    mails.length > 0 ? `<ul>${mails.map((mail) => mailItem(mail, text.to)).join('')}</ul>` : `<p>${text.empty}</p>`;
  return `<!doctype html>
<html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${text.title}</title>${ICON}<style nonce="${nonce}">${STYLE}${OWN_STYLE}</style></head>
<body><main>
<h1>${text.title}</h1><p class="lead">${text.lead}</p>
<nav><a href="/dev/mailbox?lang=${language}">${text.refresh}</a><a href="/dev/mailbox?lang=${other}" lang="${other}" hreflang="${other}">${text.other}</a></nav>
${list}
</main></body></html>`;
}
