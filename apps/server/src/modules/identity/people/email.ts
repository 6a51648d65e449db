/** What an address is, and which two are the same. */
import { domainToASCII } from 'node:url';

export interface Email {
  /** As it was written, for mails and for showing. */
  readonly written: string;
  /** What it is found by. Plus signs and dots stay: only its server knows what they mean. */
  readonly folded: string;
}

// RFC 5321: 64 octets before the sign, 254 in all.
const LOCAL_MAX_BYTES = 64;
const WHOLE_MAX_BYTES = 254;
// No spaces, quotes, brackets, or characters that steer a screen instead of showing.
const LOCAL = /^[^\s\p{C}\p{Z}"(),:;<>@[\\\]]+$/u;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

const isDomain = (domain: string): boolean => {
  const labels = domain.split('.');
  return labels.length > 1 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
};

/** Undefined for what is no address that a mail could be sent to. Domains of other scripts are taken in their ASCII form. */
export function parseEmail(text: string): Email | undefined {
  const written = text.trim().normalize('NFC');
  const at = written.lastIndexOf('@');
  const local = written.slice(0, at);
  if (at < 1 || !LOCAL.test(local) || local.startsWith('.') || local.endsWith('.') || local.includes('..'))
    return undefined;
  const domain = domainToASCII(written.slice(at + 1)).toLowerCase();
  if (!isDomain(domain)) return undefined;
  const folded = `${local.toLowerCase().normalize('NFC')}@${domain}`;
  if (Buffer.byteLength(local) > LOCAL_MAX_BYTES || Buffer.byteLength(folded) > WHOLE_MAX_BYTES) return undefined;
  return { written, folded };
}

/** That of an account: it was parsed when it was taken in. */
export const foldedOf = ({ email }: { readonly email: string }): string => parseEmail(email)?.folded ?? email;
