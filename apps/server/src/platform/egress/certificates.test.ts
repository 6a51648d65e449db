/** SEC-09: what is sent by HTTPS reaches nobody who cannot show a good certificate for that host, directly and through a proxy. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer as createHttp, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, getCACertificates, setDefaultCACertificates, type TlsOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CertificateInput, makeCertificate } from '../../../test/harness/certificates.ts';
import { systemClock as clock } from '../clock/index.ts';
import { Secret } from '../crypto/index.ts';
import { GuildhallError } from '../errors/index.ts';
import { createEgress } from './index.ts';

const HOST = 'api.example.com';
const PUBLIC = '93.184.216.34';
const SECRET = 'sk-secret-0123456789';

interface Identity {
  readonly name: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}
const identity = (name: string): Identity => ({ name, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) });
const [root, stranger, middle, server] = ['Root', 'Stranger', 'Middle', HOST].map(identity) as [
  Identity,
  Identity,
  Identity,
  Identity,
];
const certify = (whom: Identity, issuer: Identity, more: Partial<CertificateInput> = {}): string =>
  makeCertificate({ name: whom.name, publicKey: whom.publicKey, issuer, ...more });
const leaf = (issuer: Identity, more: Partial<CertificateInput> = {}): string =>
  certify(server, issuer, { hosts: [HOST], purpose: 'server', ...more });
const rootCertificate = certify(root, root, { isAuthority: true });

const DAY_MS = 86_400_000;
const daysFromNow = (days: number): Date => new Date(clock.now().getTime() + days * DAY_MS);

/** What the server shows, and what the refusal of it is called. The reason is looked at, so that each is refused for its own. */
const BAD: Readonly<Record<string, readonly [shown: () => TlsOptions, reason: string]>> = {
  'has ended': [() => ({ cert: leaf(root, { notAfter: daysFromNow(-1) }) }), 'CERT_HAS_EXPIRED'],
  'has not begun': [() => ({ cert: leaf(root, { notBefore: daysFromNow(1) }) }), 'CERT_NOT_YET_VALID'],
  'is for another host': [() => ({ cert: leaf(root, { hosts: ['api.example.org'] }) }), 'ERR_TLS_CERT_ALTNAME_INVALID'],
  'is for the host below a wildcard of another level': [
    () => ({ cert: leaf(root, { hosts: ['*.api.example.com', '*.com'] }) }),
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ],
  'names the host before a NUL': [
    () => ({ cert: leaf(root, { hosts: [`${HOST}\0.evil.example`] }) }),
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ],
  'vouches for itself': [() => ({ cert: leaf(server) }), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  'was signed by an authority that nobody trusts': [
    () => ({ cert: leaf(stranger) + certify(stranger, stranger, { isAuthority: true }) }),
    'SELF_SIGNED_CERT_IN_CHAIN',
  ],
  'was signed by a stranger under the name of the authority': [
    () => ({ cert: leaf({ ...stranger, name: root.name }) }),
    'CERT_SIGNATURE_FAILURE',
  ],
  'comes without the authority between': [() => ({ cert: leaf(middle) }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  'was signed by a server that may not sign': [
    () => ({ cert: leaf(middle) + certify(middle, root, { hosts: ['middle.example.com'] }) }),
    'INVALID_PURPOSE',
  ],
  'is for clients alone': [() => ({ cert: leaf(root, { purpose: 'client' }) }), 'INVALID_PURPOSE'],
  'comes by a TLS that is too old': [
    () => ({ cert: leaf(root), secureProtocol: 'TLSv1_1_method', ciphers: 'DEFAULT:@SECLEVEL=0' }),
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  ],
};

const trusted = getCACertificates('default');
const closing: (() => void)[] = [];
beforeAll(() => setDefaultCACertificates([rootCertificate]));
afterAll(() => {
  setDefaultCACertificates(trusted);
  for (const close of closing.reverse()) close();
});

/** A server with this certificate; what it is told once TLS stands. */
async function serve(options: TlsOptions): Promise<{ readonly port: number; readonly heard: () => string }> {
  let heard = '';
  const listening = createServer({ key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }), ...options });
  listening.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
    });
  });
  listening.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  closing.push(() => listening.close());
  return { port: (listening.address() as AddressInfo).port, heard: () => heard };
}

/** A proxy that leads every tunnel to this port. */
async function proxyTo(port: number): Promise<Server> {
  const proxy = createHttp();
  proxy.on('connect', (_request, socket: Socket) => {
    const onwards = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onwards.pipe(socket).pipe(onwards);
    });
    for (const one of [onwards, socket]) one.on('error', () => {});
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  closing.push(() => proxy.close());
  return proxy;
}

/** Sends the secret there, as to a host of the open network. */
async function send(port: number, isProxied: boolean): Promise<string> {
  const proxy = isProxied ? await proxyTo(port) : undefined;
  const egress = createEgress({
    allowPrivateCidrs: isProxied ? [] : ['127.0.0.0/8'],
    clock,
    ports: [443, port],
    dns: async () => [isProxied ? PUBLIC : '127.0.0.1'],
    ...(proxy ? { proxyUrl: new Secret(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`) } : {}),
  });
  const url = `https://${HOST}:${isProxied ? 443 : port}/v1?secret=${SECRET}`;
  const body = Buffer.from(SECRET);
  try {
    return await (
      await egress.request(url, { method: 'POST', body, headers: { authorization: `Bearer ${SECRET}` } })
    ).text();
  } finally {
    await egress.close();
  }
}

describe.each([
  ['directly', false],
  ['through a proxy', true],
] as const)('%s', (_way, isProxied) => {
  test.each<[string, () => TlsOptions]>([
    ['of the authority', () => ({ cert: leaf(root) })],
    [
      'of an authority below it, which comes along',
      () => ({ cert: leaf(middle) + certify(middle, root, { isAuthority: true }) }),
    ],
  ])('a good certificate %s is spoken with', async (_what, shown) => {
    const { port, heard } = await serve(shown());
    expect(await send(port, isProxied)).toBe('ok');
    expect(heard()).toContain(SECRET);
  });

  test.each(Object.entries(BAD))('a certificate that %s is told nothing', async (_what, [shown, reason]) => {
    const { port, heard } = await serve(shown());
    const failure = await send(port, isProxied).then(
      () => undefined,
      (error: unknown) => error,
    );
    const cause = failure instanceof GuildhallError ? failure.cause : undefined;
    expect(failure).toMatchObject({ spec: { code: 'egress.unreachable' } });
    expect(cause).toMatchObject({ code: reason });
    expect(heard()).toBe('');
  });
});
