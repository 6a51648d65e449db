import { describe, expect, test } from 'vitest';
import { AR } from './ar.ts';
import { EN } from './en.ts';
import { type MailKind, mailText } from './index.ts';

// The keys of the table are the kinds.
const KINDS = Object.keys(EN) as MailKind[];
const FACTS = {
  name: 'Sara <b>“x”</b>\r\nBcc: all@example.com',
  url: 'https://guildhall.example/auth/verify#token=abc&x=1',
  organisation: 'Acme & <Sons>',
  email: 'new@example.com',
  key: 'CI (gld_live_ab…wxyz)',
  endsAt: new Date('2026-12-01T10:00:00Z'),
  factor: 'Phone',
  provider: 'Example',
  count: 3,
  reasons: ['new-device', 'new-country'],
  ip: '203.0.113.7',
  budget: { name: 'key CI', reached: '80 %', spent: '$8', limit: '$10', isHard: true },
  endpoint: 'https://hooks.example/in',
};

test('every mail exists in both languages, and none of them is the other', () => {
  expect(Object.keys(AR).toSorted()).toEqual(KINDS.toSorted());
  for (const kind of KINDS) {
    expect(AR[kind](FACTS)[0]).not.toBe(EN[kind](FACTS)[0]);
    expect(AR[kind](FACTS).join(' ')).toMatch(/[\u0600-\u06ff]/);
  }
});

describe.each(['en', 'ar'] as const)('a mail in %s', (locale) => {
  test.each(KINDS)(
    '%s: the same link as text and as one button, nothing fetched, no foreign markup, one line for what people wrote',
    (kind) => {
      const { subject, text, html = '' } = mailText(kind, locale, FACTS);
      expect(subject).toMatch(/\S/);
      expect(subject).not.toMatch(/[\r\n]/);
      expect(text).not.toMatch(/\r|undefined|\nBcc/);
      const links = EN[kind](FACTS).filter((paragraph) => paragraph === FACTS.url).length;
      expect(text.split(FACTS.url)).toHaveLength(links + 1);
      expect(html.match(/<a href="https:\/\/guildhall\.example\/auth\/verify#token=abc&amp;x=1"/g) ?? []).toHaveLength(
        links,
      );
      expect(html).not.toMatch(/<img|<link|<script|url\(|<b>|<Sons>/);
      expect(html).toContain(`lang="${locale}" dir="${locale === 'ar' ? 'rtl' : 'ltr'}"`);
    },
  );
});
