/** The texts of mails to people. */
import type { Locale } from '../people/types.ts';
import { AR } from './ar.ts';
import { EN } from './en.ts';
import { letter } from './layout.ts';
import type { MailFacts, MailKind, MailText } from './types.ts';

export type { MailFacts, MailKind, MailText } from './types.ts';

const TEXTS = { en: EN, ar: AR };

/** A mail of this kind in the reader's language, as text and as HTML. */
export function mailText(kind: MailKind, locale: Locale, facts: MailFacts): MailText {
  const [subject, ...paragraphs] = TEXTS[locale][kind](facts);
  return letter({ locale, name: facts.name, url: facts.url, subject, paragraphs });
}
