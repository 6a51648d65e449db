/** One look for all mails: text first, the same as HTML beside it. Nothing is fetched when a mail is read. */
import type { Locale } from '../people/types.ts';
import type { MailText } from './types.ts';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"]/g, (char) => ENTITIES[char] ?? char);
// A name may not make lines or letters of its own.
const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');

interface Frame {
  readonly greeting: (name: string) => string;
  readonly open: string;
  readonly orCopy: string;
  readonly direction: 'ltr' | 'rtl';
}

const FRAMES: Readonly<Record<Locale, Frame>> = {
  en: { greeting: (name) => `Hello ${name},`, open: 'Open', orCopy: 'Or copy this address:', direction: 'ltr' },
  ar: { greeting: (name) => `مرحبًا ${name}،`, open: 'افتح', orCopy: 'أو انسخ هذا العنوان:', direction: 'rtl' },
};

const BUTTON =
  'display:inline-block;padding:12px 24px;border-radius:8px;background:#0b4f8a;color:#ffffff;font-weight:600;text-decoration:none';

function paragraphOf(text: string, url: string, frame: Frame): string {
  if (text !== url) return `<p style="margin:0 0 16px">${escapeHtml(text)}</p>`;
  const address = escapeHtml(url);
  return `<p style="margin:24px 0 8px"><a href="${address}" style="${BUTTON}">${frame.open}</a></p>
<p style="margin:0 0 16px;font-size:13px;color:#4a5766">${frame.orCopy}<br><span dir="ltr" style="word-break:break-all">${address}</span></p>`;
}

export interface Letter {
  readonly locale: Locale;
  readonly name: string;
  /** Where the reader goes on; the paragraph that is this address becomes the button. */
  readonly url: string;
  readonly subject: string;
  readonly paragraphs: readonly string[];
}

export function letter({ locale, name, url, subject, paragraphs }: Letter): MailText {
  const frame = FRAMES[locale];
  const lines = [frame.greeting(name), ...paragraphs].map(oneLine);
  return {
    subject: oneLine(subject),
    text: lines.join('\n\n'),
    html: `<!doctype html>
<html lang="${locale}" dir="${frame.direction}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(oneLine(subject))}</title></head>
<body style="margin:0;padding:24px;background:#f4f6f8;color:#16202b;font:16px/1.6 system-ui,'Noto Sans Arabic',sans-serif">
<div style="max-width:560px;margin:0 auto;padding:32px;border-radius:12px;background:#ffffff;text-align:start">
${lines.map((line) => paragraphOf(line, url, frame)).join('\n')}
</div></body></html>`,
  };
}
