/** What every answer tells browsers, whoever made it. */

/** On every answer; a page replaces the policy by its own. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'strict-transport-security': 'max-age=63072000; includeSubDomains; preload',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-dns-prefetch-control': 'off',
  'x-frame-options': 'DENY',
  // The old filter of browsers made holes of its own; 0 turns it off.
  'x-xss-protection': '0',
  'x-permitted-cross-domain-policies': 'none',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'content-security-policy':
    "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};

export interface PagePolicy {
  /** Of the page's own script and style elements: new for every answer, at least 128 random bits. */
  readonly nonce: string;
  /** For libraries that write styles into the page while it runs. Scripts are never let in like this. */
  readonly looseStyles?: boolean;
}

/** Headers of an HTML page that loads from here alone and runs only the scripts that carry its nonce. */
export function pageHeaders({ nonce, looseStyles = false }: PagePolicy): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${looseStyles ? "'unsafe-inline'" : `'nonce-${nonce}'`}`,
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy.join('; ') };
}
