/** Finds secrets in anything that is about to be written down: by the name of its key, and by its shape inside a text. */

export const REDACTED = '[redacted]';

// Compared after dropping everything but letters and digits. Plurals such as `inputTokens` are counts, not secrets.
const SECRET_NAME =
  /^(?:proxy)?authorization$|^(?:set)?cookie$|password$|passwd$|passphrase$|secret$|secretkey$|secretid$|accesskey$|apikey$|providerkey$|privatekey$|masterkey$|masterkeysprevious$|encryptionkey$|signingkey$|token$|credentials?$|connectionstring$|databaseurl$|redisurl$|s3url$|smtpurl$|sentrydsn$/;

/** Whether a value under this name is a secret whatever it holds. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase().replace(/[^a-z0-9]/g, ''));
}

interface Pattern {
  /** Present in every text the expression can match; most lines are done with after this look. */
  readonly hint: string;
  readonly expression: RegExp;
  readonly replacement: string;
}

// No repeated group anywhere, and a repetition whose match may still fail has a bound: the work stays proportional to the text.
const PATTERNS: readonly Pattern[] = [
  // Our own keys keep prefix and last four, by which their owner recognises them.
  { hint: 'gld_', expression: /\b(gld_(?:live|test)_)[A-Za-z0-9]{4,}([A-Za-z0-9]{4})/g, replacement: '$1…$2' },
  { hint: 'whsec_', expression: /\bwhsec_[A-Za-z0-9+/=_-]+/g, replacement: `whsec_${REDACTED}` },
  { hint: 'k', expression: /\b(sk|rk|pk)([-_])[A-Za-z0-9_-]{12,}/g, replacement: `$1$2${REDACTED}` },
  // Keys of model providers. Some (Mistral, Novita) have no shape; these are known by the name they stand under.
  { hint: '_', expression: /\b(gsk|hf|r8|fw)_[A-Za-z0-9_]{16,}/g, replacement: `$1_${REDACTED}` },
  { hint: '-', expression: /\b(xai|pplx|csk|nvapi)-[A-Za-z0-9_-]{16,}/g, replacement: `$1-${REDACTED}` },
  { hint: 'AQ.', expression: /\bAQ\.[A-Za-z0-9_-]{20,}/g, replacement: `AQ.${REDACTED}` },
  { hint: 'AIza', expression: /\bAIza[A-Za-z0-9_-]{20,}/g, replacement: `AIza${REDACTED}` },
  { hint: 'AKIA', expression: /\bAKIA[A-Z0-9]{12,}/g, replacement: `AKIA${REDACTED}` },
  { hint: 'ASIA', expression: /\bASIA[A-Z0-9]{12,}/g, replacement: `ASIA${REDACTED}` },
  { hint: 'hv', expression: /\b(hv[sbr])\.[A-Za-z0-9_-]{16,}/g, replacement: `$1.${REDACTED}` },
  { hint: 'glpat-', expression: /\bglpat-[A-Za-z0-9_-]{16,}/g, replacement: `glpat-${REDACTED}` },
  { hint: 'npm_', expression: /\bnpm_[A-Za-z0-9]{30,}/g, replacement: `npm_${REDACTED}` },
  { hint: 'gh', expression: /\b(gh[pousr]_)[A-Za-z0-9]{20,}/g, replacement: `$1${REDACTED}` },
  { hint: 'xox', expression: /\b(xox[abeoprs]-)[A-Za-z0-9-]{10,}/g, replacement: `$1${REDACTED}` },
  {
    hint: 'eyJ',
    expression: /\beyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{4,4000}\.[A-Za-z0-9_-]*/g,
    replacement: REDACTED,
  },
  { hint: 'earer', expression: /\b([Bb]earer)\s+[^\s"',;]+/g, replacement: `$1 ${REDACTED}` },
  { hint: 'asic', expression: /\b([Bb]asic)\s+[A-Za-z0-9+/=_-]{8,}/g, replacement: `$1 ${REDACTED}` },
  // user:password@host, of databases, stores and proxies alike; a password may itself hold an @.
  {
    hint: '://',
    expression: /([A-Za-z][A-Za-z0-9+.-]{0,30}:\/\/[^\s:/?#@]{0,200}:)[^\s/?#]{1,400}@/g,
    replacement: `$1${REDACTED}@`,
  },
  {
    hint: '=',
    expression:
      /\b((?:password|passwd|secret|api[-_]?key|provider[-_]?key|access_?token|token|signature|x-amz-signature)=)[^\s&"',;]+/gi,
    replacement: `$1${REDACTED}`,
  },
  {
    hint: '"',
    expression:
      /("[A-Za-z_-]{0,40}(?:password|secret|api[-_]?key|provider[-_]?key|token|authorization)\\{0,2}"\s{0,4}:\s{0,4}\\{0,2}")[^"\\]+/gi,
    replacement: `$1${REDACTED}`,
  },
  // A line of headers.
  {
    hint: 'ey:',
    expression: /\b(x-(?:api|provider|goog-api)-key:\s{0,4})[^\s"',;]+/gi,
    replacement: `$1${REDACTED}`,
  },
  {
    hint: 'oken:',
    expression: /\b(x-(?:vault|amz-security)-token:\s{0,4})[^\s"',;]+/gi,
    replacement: `$1${REDACTED}`,
  },
  {
    hint: 'PRIVATE KEY',
    expression: /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?/g,
    replacement: REDACTED,
  },
];

/** The text with every known shape of a secret taken out. */
export function redactText(text: string): string {
  let clean = text;
  for (const { hint, expression, replacement } of PATTERNS) {
    if (clean.includes(hint)) clean = clean.replace(expression, replacement);
  }
  return clean;
}
