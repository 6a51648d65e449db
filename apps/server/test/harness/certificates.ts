/** Certificates for tests, good and bad: Node reads them and cannot make them. */
import { createSign, type KeyObject, randomBytes } from 'node:crypto';

export interface CertificateInput {
  readonly name: string;
  readonly publicKey: KeyObject;
  /** Whose signature is on it; of the same key, it names itself. */
  readonly issuer: { readonly name: string; readonly privateKey: KeyObject };
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** May sign others. */
  readonly isAuthority?: boolean;
  /** The names of hosts that it is for. */
  readonly hosts?: readonly string[];
  /** What it may be shown as; everything, when left out. */
  readonly purpose?: keyof typeof PURPOSES;
}

const PURPOSES = { server: '2b06010505070301', client: '2b06010505070302' } as const;

const der = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
};
const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const nameOf = (name: string): Buffer =>
  sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name, 'utf8')))));
const instant = (at: Date): Buffer =>
  der(0x17, Buffer.from(`${at.toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`));
const TRUE = der(0x01, Buffer.from([0xff]));
const extension = (id: string, value: Buffer): Buffer => sequence(oid(id), TRUE, der(0x04, value));

// SHA-256 with either kind of key.
const algorithmOf = ({ asymmetricKeyType }: KeyObject): Buffer =>
  asymmetricKeyType === 'rsa' ? sequence(oid('2a864886f70d01010b'), der(0x05)) : sequence(oid('2a8648ce3d040302'));

function extensionsOf({ isAuthority, hosts, purpose }: CertificateInput): readonly Buffer[] {
  const found: Buffer[] = [];
  if (isAuthority) found.push(extension('551d13', sequence(TRUE)));
  if (hosts) found.push(extension('551d11', sequence(...hosts.map((host) => der(0x82, Buffer.from(host))))));
  if (purpose) found.push(extension('551d25', sequence(oid(PURPOSES[purpose]))));
  return found.length === 0 ? [] : [der(0xa3, sequence(...found))];
}

/** In PEM. */
export function makeCertificate(input: CertificateInput): string {
  const { issuer, notBefore = new Date('2020-01-01'), notAfter = new Date('2040-01-01') } = input;
  const algorithm = algorithmOf(issuer.privateKey);
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1, ...randomBytes(8)])),
    algorithm,
    nameOf(issuer.name),
    sequence(instant(notBefore), instant(notAfter)),
    nameOf(input.name),
    input.publicKey.export({ type: 'spki', format: 'der' }),
    ...extensionsOf(input),
  );
  const signature = createSign('sha256').update(body).sign(issuer.privateKey);
  const whole = sequence(body, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
