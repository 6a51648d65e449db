/** Finds what looks like a real secret in text: by the shape that its maker gave it, or by being random under a name that says secret. */
import { createHash } from 'node:crypto';

export interface SecretFinding {
  readonly path: string;
  /** 0 where it lies in the history. */
  readonly line: number;
  readonly rule: string;
  /** Names the text without repeating it: the start of its SHA-256. */
  readonly fingerprint: string;
}

interface Shape {
  readonly rule: string;
  /** The first group is the secret. */
  readonly expression: RegExp;
  /** False where nothing but a name stands before it. */
  readonly isMarked?: boolean;
  /** How many of digits, small and capital letters it has at least, behind the mark of a maker; 2 when left out. */
  readonly signsMin?: number;
}

const SHAPES: readonly Shape[] = [
  {
    rule: 'private key',
    expression: /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:\\n|\s){0,8}([A-Za-z0-9+/][A-Za-z0-9+/=\s\\]{59,})/g,
  },
  { rule: 'key of AWS', signsMin: 1, expression: /\b((?:AKIA|ASIA)[A-Z0-9]{16})\b/g },
  { rule: 'key of a model provider', expression: /\b(sk-(?:ant-|proj-|or-v1-)?[A-Za-z0-9_-]{20,})/g },
  { rule: 'key of Stripe', expression: /\b((?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,})/g },
  { rule: 'key of Google', expression: /\b(AIza[A-Za-z0-9_-]{35})/g },
  { rule: 'token of GitHub', expression: /\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})/g },
  { rule: 'token of GitLab', expression: /\b(glpat-[A-Za-z0-9_-]{20,})/g },
  { rule: 'token of npm', expression: /\b(npm_[A-Za-z0-9]{36})/g },
  { rule: 'token of Slack', expression: /\b(xox[abeoprs]-[A-Za-z0-9-]{20,})/g },
  { rule: 'token of Vault', expression: /\b(hv[sb]\.[A-Za-z0-9_-]{20,})/g },
  { rule: 'key of SendGrid', expression: /\b(SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})/g },
  { rule: 'key of Guildhall', expression: /\b(gld_(?:live|test)_[A-Za-z0-9]{36})\b/g },
  { rule: 'secret of webhooks', expression: /\b(whsec_[A-Za-z0-9+/=]{24,})/g },
  { rule: 'signed token', expression: /\b(eyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})/g },
  {
    rule: 'password in an address',
    isMarked: false,
    expression: /[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/?#@'"`$]{0,100}:([^\s/?#@'"`${}<>]{12,200})@/gi,
  },
  {
    rule: 'random text under the name of a secret',
    isMarked: false,
    expression:
      /(?:password|passwd|secret|token|api[-_]?key|private[-_]?key|master[-_]?key|access[-_]?key|credential)[\w-]{0,20}["'`]?\s{0,3}[:=]{1,2}>?\s{0,3}["'`]?([A-Za-z0-9+/_-]{20,200}={0,2})/gi,
  },
];

// Words of those who write examples and tests. A random secret holds none of them by chance.
const MADE_UP =
  /canary|example|placeholder|secret|password|dummy|change-?me|abcdef|012345|123456|xxxxxx|aaaaaa|000000/i;
// Bits per character. A word of English or of code stays below the first, 20 random characters of base64 come above; 32 of hex above the second.
const ENTROPY_MIN = 3.9;
const ENTROPY_MIN_MARKED = 3;
const ENTROPY_MIN_HEX = 3.2;
const HEX = /^[0-9a-f]+$/i;

function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** What stands behind the mark of a maker, or under a name that says nothing of it: the more has to show that it is no word. */
function isRandom(text: string, { isMarked = true, signsMin = 2 }: Shape): boolean {
  if (HEX.test(text)) return text.length >= 32 && /\d/.test(text) && entropyOf(text) >= ENTROPY_MIN_HEX;
  const signs = [/\d/, /[a-z]/, /[A-Z]/].filter((sign) => sign.test(text)).length;
  return isMarked
    ? signs >= signsMin && entropyOf(text) >= ENTROPY_MIN_MARKED
    : signs === 3 && entropyOf(text) >= ENTROPY_MIN;
}

export const fingerprintOf = (secret: string): string => createHash('sha256').update(secret).digest('hex').slice(0, 16);

/** Everything in `text` that looks real. */
export function scanText(path: string, text: string): readonly SecretFinding[] {
  const found = new Map<string, SecretFinding>();
  for (const shape of SHAPES) {
    const { rule, expression } = shape;
    for (const match of text.matchAll(expression)) {
      const secret = match[1] ?? '';
      if (MADE_UP.test(secret) || !isRandom(secret, shape)) continue;
      const fingerprint = fingerprintOf(secret);
      const line = text.slice(0, match.index).split('\n').length;
      if (!found.has(fingerprint)) found.set(fingerprint, { path, line, rule, fingerprint });
    }
  }
  return [...found.values()];
}
