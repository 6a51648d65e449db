/** A mail server that takes what it is given, or refuses as it is told. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

export interface SinkMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly isSecure: boolean;
  readonly user: string | undefined;
  readonly source: string;
}

export interface SmtpSink {
  readonly port: number;
  readonly mails: SinkMail[];
  /** Passwords that open the door: a server takes two while one is changed. */
  readonly accepted: Set<string>;
  /** Logins that were refused. */
  readonly refusedLogins: string[];
  /** Answers every recipient with this code from now on; undefined takes them. */
  refuse(code: number | undefined): void;
  close(): Promise<void>;
}

export interface SmtpSinkOptions {
  /** Wants this password of anybody. */
  readonly password?: string;
  /** Offers TLS, with a certificate that nobody should trust. */
  readonly tls?: boolean;
}

export async function startSmtpSink(options: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const mails: SinkMail[] = [];
  const accepted = new Set(options.password === undefined ? [] : [options.password]);
  const refusedLogins: string[] = [];
  let refusal: number | undefined;
  const server = new SMTPServer({
    authOptional: options.password === undefined,
    allowInsecureAuth: true,
    ...(options.tls ? {} : { hideSTARTTLS: true }),
    onAuth: ({ username, password }, _session, done) => {
      if (accepted.has(password ?? '')) return done(null, { user: username ?? '' });
      refusedLogins.push(username ?? '');
      return done(new Error('no'));
    },
    onRcptTo: (_address, _session, done) =>
      refusal === undefined ? done() : done(Object.assign(new Error('refused'), { responseCode: refusal })),
    onData: async (stream, session, done) => {
      const source = await text(stream);
      const { mailFrom, rcptTo } = session.envelope;
      mails.push({
        from: mailFrom ? mailFrom.address : '',
        to: rcptTo.map(({ address }) => address),
        isSecure: session.secure === true,
        user: typeof session.user === 'string' ? session.user : undefined,
        source,
      });
      done();
    },
  });
  // Clients that hang up in the middle are part of the tests.
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    accepted,
    refusedLogins,
    refuse: (code) => {
      refusal = code;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
