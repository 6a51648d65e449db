/** Mail through the operator's server. */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { createTransport } from 'nodemailer';
import type { Secret } from '../crypto/index.ts';
import { GuildhallError } from '../errors/index.ts';
import { mailErrors } from './errors.ts';
import type { Mail } from './types.ts';

const CONNECT_MS = 10_000;
// Servers greet late to put off spammers.
const GREETING_MS = 20_000;
const SILENT_MS = 30_000;
const PORT = 587;
const PORT_TLS = 465;
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/;

function optionsOf(smtpUrl: Secret) {
  const url = new URL(smtpUrl.reveal());
  const secure = url.protocol === 'smtps:';
  const isHere = LOOPBACK.test(url.hostname);
  const user = decodeURIComponent(url.username);
  const auth = user === '' ? undefined : { user, pass: decodeURIComponent(url.password) };
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? PORT_TLS : PORT) : Number(url.port),
    secure,
    // A password leaves this machine encrypted or not at all, also where somebody on the way hides the server's offer of TLS.
    requireTLS: !secure && !isHere && auth !== undefined,
    // On this machine nobody stands between, and servers there have certificates of their own.
    tls: { rejectUnauthorized: !isHere, minVersion: 'TLSv1.2' as const },
    ...(auth ? { auth } : {}),
    connectionTimeout: CONNECT_MS,
    greetingTimeout: GREETING_MS,
    socketTimeout: SILENT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** 5xx answers stand; everything else, a refused password included, may be mended by the operator. */
function faultOf(error: unknown): GuildhallError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const status = error instanceof Error && 'responseCode' in error ? Number(error.responseCode) : 0;
  const isFinal = status >= 500 && ['EENVELOPE', 'EMESSAGE'].includes(code);
  const spec = isFinal ? mailErrors.refused : mailErrors.unavailable;
  return new GuildhallError(spec, { cause: error });
}

const domainOf = (from: string): string => /@([^\s@<>]+)>?$/.exec(from)?.[1] ?? 'localhost';

export function createSmtpMail(smtpUrl: Secret, from: string): Mail {
  // A connection for each mail, so each goes out with the login of its moment.
  const transportNow = () => createTransport(optionsOf(smtpUrl));
  return {
    send: async ({ to, subject, text, html, idempotencyKey }) => {
      const name = createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 32);
      const messageId = `<${name}@${domainOf(from)}>`;
      try {
        await transportNow().sendMail({
          from,
          to: { name: '', address: to },
          subject,
          text,
          ...(html ? { html } : {}),
          messageId,
        });
      } catch (error) {
        throw faultOf(error);
      }
    },
    verify: async () => {
      const { host, port } = optionsOf(smtpUrl);
      try {
        await transportNow().verify();
      } catch (error) {
        throw faultOf(error);
      }
      return `${isIP(host) === 6 ? `[${host}]` : host}:${port} takes mail from ${from}`;
    },
    listKept: async () => [],
    close: () => {},
  };
}
