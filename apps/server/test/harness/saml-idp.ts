/**
 * Stands in for a SAML identity provider: it has a key and a certificate of its own, and really signs. What it says can be bent in every
 * part, for tests of what must be refused. node-saml accepts what it makes by default.
 *
 *     const idp = createSamlIdp();
 *     const response = idp.respond({ requestId, acsUrl, audience, subject: 'ada@example.com' });   // base64, for the form field
 */
import { createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { ExclusiveCanonicalization, SignedXml } from 'xml-crypto';
import { makeCertificate } from './certificates.ts';

export type SignedPart = 'assertion' | 'response';

export interface Statement {
  readonly requestId: string;
  readonly acsUrl: string;
  readonly audience: string;
  readonly subject: string;
  readonly attributes?: Readonly<Record<string, readonly string[]>>;
  /** On whose clock it is said; now, when left out. */
  readonly at?: Date;
  /** In which order; the assertion alone, when left out. */
  readonly signs?: readonly SignedPart[];
  /** Changes the XML before it is signed. */
  readonly bend?: (xml: string) => string;
  readonly algorithm?: 'sha1' | 'sha256' | 'sha512' | 'pss';
  readonly digest?: 'sha1' | 'sha256' | 'sha512';
  /** What is written into KeyInfo; nothing, when left out. */
  readonly keyInfo?: string;
  /** Of SignedInfo; exclusive, when left out. */
  readonly canonicalization?: string;
  /** Of the reference; enveloped and exclusive, when left out. */
  readonly transforms?: readonly string[];
  /** Prefixes that count although nothing uses them. */
  readonly inclusive?: readonly string[];
  readonly assertionId?: string;
}

type How = Pick<Statement, 'algorithm' | 'digest' | 'keyInfo' | 'canonicalization' | 'transforms' | 'inclusive'>;

export interface SamlIdp {
  readonly entityId: string;
  readonly ssoUrl: string;
  readonly certificate: string;
  readonly privateKey: KeyObject;
  /** The signed XML. */
  xml(statement: Statement): string;
  /** The same for the form field. */
  respond(statement: Statement): string;
  /** Signs one element of a document, with this provider's key. */
  sign(xml: string, part: SignedPart, how?: How): string;
}

export const encodeXml = (xml: string): string => Buffer.from(xml, 'utf8').toString('base64');

const METHODS = {
  sha1: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
  sha256: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  sha512: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
  pss: 'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
} as const;
const DIGESTS = {
  sha1: 'http://www.w3.org/2000/09/xmldsig#sha1',
  sha256: 'http://www.w3.org/2001/04/xmlenc#sha256',
  sha512: 'http://www.w3.org/2001/04/xmlenc#sha512',
} as const;
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const instant = (at: Date, seconds: number): string => new Date(at.getTime() + seconds * 1_000).toISOString();

/** Before anything is signed. */
export function unsignedResponse(entityId: string, statement: Statement): string {
  const { requestId, acsUrl, audience, subject, attributes = {}, at = new Date() } = statement;
  const id = () => `_${randomBytes(16).toString('hex')}`;
  const values = Object.entries(attributes)
    .map(([name, texts]) => {
      const list = texts.map((text) => `<saml:AttributeValue>${escapeXml(text)}</saml:AttributeValue>`).join('');
      return `<saml:Attribute Name="${escapeXml(name)}">${list}</saml:Attribute>`;
    })
    .join('');
  const stated = values === '' ? '' : `<saml:AttributeStatement>${values}</saml:AttributeStatement>`;
  return [
    `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`,
    ` ID="${id()}" Version="2.0" IssueInstant="${instant(at, 0)}" Destination="${escapeXml(acsUrl)}" InResponseTo="${escapeXml(requestId)}">`,
    `<saml:Issuer>${escapeXml(entityId)}</saml:Issuer>`,
    `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`,
    `<saml:Assertion ID="${statement.assertionId ?? id()}" Version="2.0" IssueInstant="${instant(at, 0)}">`,
    `<saml:Issuer>${escapeXml(entityId)}</saml:Issuer>`,
    `<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">${escapeXml(subject)}</saml:NameID>`,
    `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">`,
    `<saml:SubjectConfirmationData InResponseTo="${escapeXml(requestId)}" NotOnOrAfter="${instant(at, 300)}" Recipient="${escapeXml(acsUrl)}"/>`,
    `</saml:SubjectConfirmation></saml:Subject>`,
    `<saml:Conditions NotBefore="${instant(at, -30)}" NotOnOrAfter="${instant(at, 300)}">`,
    `<saml:AudienceRestriction><saml:Audience>${escapeXml(audience)}</saml:Audience></saml:AudienceRestriction></saml:Conditions>`,
    `<saml:AuthnStatement AuthnInstant="${instant(at, -5)}"><saml:AuthnContext>`,
    `<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>`,
    `</saml:AuthnContext></saml:AuthnStatement>${stated}</saml:Assertion></samlp:Response>`,
  ].join('');
}

const XPATHS = { assertion: "//*[local-name(.)='Assertion']", response: "/*[local-name(.)='Response']" } as const;

/** Names prefixes in the canonical transform, as some providers do, and signs anew; right as long as nothing declares these prefixes. */
function withInclusive(xml: string, prefixes: readonly string[], privateKey: KeyObject): string {
  const list = `<InclusiveNamespaces xmlns="${EXCLUSIVE}" PrefixList="${prefixes.join(' ')}"/>`;
  const named = xml.replace(
    `<Transform Algorithm="${EXCLUSIVE}"/>`,
    `<Transform Algorithm="${EXCLUSIVE}">${list}</Transform>`,
  );
  const reader = new SignedXml();
  reader.loadSignature(named.match(/<Signature .*?<\/Signature>/s)?.[0] ?? '');
  // Its document, which its type does not show.
  const { signatureNode } = reader as unknown as { signatureNode: { documentElement: { firstChild: never } } };
  const bytes = new ExclusiveCanonicalization().process(signatureNode.documentElement.firstChild, {});
  const value = createSign('sha256').update(String(bytes)).sign(privateKey, 'base64');
  return named.replace(/(?<=<SignatureValue>)[^<]*/, value);
}

export function createSamlIdp(name = `idp-${randomBytes(4).toString('hex')}`): SamlIdp {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const entityId = `https://${name}.example.com/saml`;
  const sign: SamlIdp['sign'] = (xml, part, how = {}) => {
    const { algorithm = 'sha256', digest = 'sha256', canonicalization = EXCLUSIVE, transforms } = how;
    const signer = new SignedXml({
      privateKey: pem,
      signatureAlgorithm: METHODS[algorithm],
      // Whatever a test names.
      canonicalizationAlgorithm: canonicalization as typeof EXCLUSIVE,
      getKeyInfoContent: () => how.keyInfo ?? null,
    });
    const xpath = XPATHS[part];
    signer.addReference({
      xpath,
      transforms: [...(transforms ?? [ENVELOPED, EXCLUSIVE])],
      digestAlgorithm: DIGESTS[digest],
    });
    // Behind the issuer, as the schema wants it.
    signer.computeSignature(xml, { location: { reference: `${xpath}/*[1]`, action: 'after' } });
    const signed = signer.getSignedXml();
    return how.inclusive ? withInclusive(signed, how.inclusive, privateKey) : signed;
  };
  const xml: SamlIdp['xml'] = (statement) => {
    const plain = unsignedResponse(entityId, statement);
    const bent = statement.bend ? statement.bend(plain) : plain;
    return (statement.signs ?? ['assertion']).reduce((text, part) => sign(text, part, statement), bent);
  };
  return {
    entityId,
    ssoUrl: `https://${name}.example.com/sso`,
    certificate: makeCertificate({ name, publicKey, issuer: { name, privateKey } }),
    privateKey,
    xml,
    respond: (statement) => encodeXml(xml(statement)),
    sign,
  };
}
