/** Reads an address the way the connection will, and refuses every spelling that two programs could read differently. */
import { isIP } from 'node:net';
import { GuildhallError } from '../errors/index.ts';
import { egressErrors } from './errors.ts';

/** The other end of a connection. */
export interface Endpoint {
  /** Without brackets and without the final dot. */
  readonly hostname: string;
  readonly port: number;
  readonly secure: boolean;
  /** The hostname is an IP address itself. */
  readonly isAddress: boolean;
}

export interface Target extends Endpoint {
  readonly url: URL;
}

const URL_CHARS_MAX = 4_096;
// The URL parser drops tabs and line breaks and turns a backslash into a slash; other programs do not.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const AMBIGUOUS = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029\\]/;
const LABELS = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
// Names that mean this machine or this network to some resolver (RFC 6761, RFC 6762, RFC 8375, clouds, clusters).
const LOCAL_NAME =
  /^(?:[^.]+|.*\.(?:localhost|local|localdomain|internal|intranet|lan|home|corp|private|arpa|onion|invalid|svc))$/;

export const denied = (detail: string, internal?: string): GuildhallError =>
  new GuildhallError(egressErrors.denied, { detail, ...(internal === undefined ? {} : { internal }) });

/** A name that no public host has: it may only lead to an address that the operator opened. */
export const isLocalName = (hostname: string): boolean => isIP(hostname) === 0 && LOCAL_NAME.test(hostname);

/** Whether one of the entries is this host, or stands with `*.` for all below a name. */
export const isListed = (hosts: readonly string[], hostname: string): boolean =>
  hosts.some((host) => (host.startsWith('*.') ? hostname.endsWith(host.slice(1)) : hostname === host));

/** @throws egressErrors.denied. Says nothing yet about where the name leads. */
export function parseTarget(text: string): Target {
  if (text.length > URL_CHARS_MAX) throw denied('The address is too long.');
  if (AMBIGUOUS.test(text)) throw denied('The address holds a space, a control character or a backslash.');
  if (!URL.canParse(text)) throw denied('The address is not a URL.');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw denied('Only http and https are allowed.');
  const authority = /^https?:\/\/([^/?#]*)/i.exec(text)?.[1];
  if (!authority) throw denied('The address has no host.');
  if (authority.includes('@') || url.username !== '' || url.password !== '')
    throw denied('The address must not hold a user name or password.');
  // Behind a ? or # an @ is harmless to this parser; to others what stands before it is a user name.
  if (/^https?:\/\/[^/]*@/i.test(text)) throw denied('The address must not hold an @ before its first slash.');
  if (authority.includes('%')) throw denied('The host must not be percent-encoded.');
  const hostname = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const isAddress = isIP(hostname) !== 0;
  // 2130706433, 0x7f.1, 017700000001 and full-width digits are all addresses to the parser; no honest sender writes them.
  if (isAddress && !authority.includes(':') && authority !== hostname)
    throw denied('Write the IP address in its usual form.');
  if (isIP(hostname) === 4 && !authority.startsWith(hostname)) throw denied('Write the IP address in its usual form.');
  if (!isAddress && !LABELS.test(hostname)) throw denied('The host is not a valid name.');
  url.hash = '';
  const secure = url.protocol === 'https:';
  return { url, hostname, port: url.port === '' ? (secure ? 443 : 80) : Number(url.port), secure, isAddress };
}
