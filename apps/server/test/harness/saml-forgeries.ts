/** Responses that somebody else could make of a genuine one, and what only looks like one. Not one of them may be accepted. */
import { createHmac } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { ASSERTION, type Bend, become, cut, END, NAME_ID, part, put, SIGNATURE, VICTIM } from './saml-bend.ts';
import { encodeXml, type SamlIdp, type SignedPart, type Statement } from './saml-idp.ts';
import { MISSTATEMENTS } from './saml-misstatements.ts';

export interface Forgery {
  readonly name: string;
  /** What stands in the form field. */
  readonly field: string;
}

export interface Ground {
  readonly idp: SamlIdp;
  /** Of another organisation, or of an attacker. */
  readonly other: SamlIdp;
  /** Of somebody who may sign in, and wants to be `VICTIM`. */
  readonly statement: Statement;
}

type Named = readonly [name: string, xml: string];

const SIGNED: readonly (readonly SignedPart[])[] = [['assertion'], ['response'], ['assertion', 'response']];
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
const INCLUSIVE = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';

/** Changed after it was signed. */
const TAMPERINGS: readonly (readonly [name: string, bend: Bend])[] = [
  ['another subject', become],
  ['a subject with a space more', put(NAME_ID, 'mallory@example.com ')],
  ['another audience', put(/(?<=<saml:Audience>)/, 'x')],
  ['another attribute', put(/(?<=<saml:AttributeValue>)[^<]*/, 'owners')],
  ['an attribute more', put('</saml:Assertion>', '<saml:AttributeStatement/></saml:Assertion>')],
  ['a later end', put(/(?<=<saml:Conditions [^>]*NotOnOrAfter=")[^"]*/, '2999-01-01T00:00:00Z')],
  ['another id of the assertion', put(/(?<=Assertion ID=")[^"]*/, '_another')],
  ['another digest', put(/(?<=<DigestValue>)./, '#')],
  ['an empty signature value', put(/(?<=<SignatureValue>)[^<]*/, '')],
  ['a signature value cut short', put(/(?<=<SignatureValue>).{8}/, '')],
  ['no signature', cut(/<Signature .*?<\/Signature>/gs)],
  ['an empty signature', put(SIGNATURE, '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>')],
  ['a signature without a reference', cut(/<Reference .*?<\/Reference>/s)],
  ['a reference to the whole document', put(/URI="#[^"]*"/, 'URI=""')],
  ['a reference without a URI', cut(/ URI="#[^"]*"/)],
];

const tampered = ({ idp, statement }: Ground): readonly Named[] =>
  SIGNED.flatMap((signs) => {
    const xml = idp.xml({ ...statement, signs });
    return TAMPERINGS.map(([name, bend]) => [`${name}, ${signs.join(' and ')} signed`, bend(xml)] as const);
  });

/** Signature wrapping: what was signed stays in the document, and something else stands where it is looked for. */
function wrapped({ idp, statement }: Ground): readonly Named[] {
  const ofAssertion = idp.xml(statement);
  const ofResponse = idp.xml({ ...statement, signs: ['response'] });
  const assertion = part(ofAssertion, ASSERTION);
  const signature = part(ofAssertion, SIGNATURE);
  const plain = cut(SIGNATURE)(assertion);
  const inside = (xml: string, what: string) => put('</Signature>', `<Object>${what}</Object></Signature>`)(xml);
  return ['_evil', 'same', ''].flatMap((id): readonly Named[] => {
    const renamed = (element: string): Bend =>
      id === 'same'
        ? (xml) => xml
        : put(new RegExp(`(?<=<saml[p]?:${element} [^>]*)ID="[^"]*"`), id === '' ? '' : `ID="${id}"`);
    const evil = renamed('Assertion')(become(plain));
    const evilSigned = renamed('Assertion')(become(assertion));
    const evilResponse = renamed('Response')(become(ofResponse));
    const response = cut(SIGNATURE)(ofResponse);
    const naming = id === '' ? 'no id' : id === 'same' ? 'the same id' : 'another id';
    const around = (by: string) => put(ASSERTION, by)(ofAssertion);
    const variants: readonly Named[] = [
      ['XSW1', inside(evilResponse, response)],
      ['XSW2', put(SIGNATURE, `${response}${part(ofResponse, SIGNATURE)}`)(evilResponse)],
      ['XSW3', around(`${evil}${assertion}`)],
      ['XSW3, behind', around(`${assertion}${evil}`)],
      ['XSW4', around(put('</saml:Assertion>', `${assertion}</saml:Assertion>`)(evil))],
      ['XSW5', around(`${evilSigned}${plain}`)],
      ['XSW6', around(inside(evilSigned, plain))],
      ['XSW7', around(`<samlp:Extensions>${evil}</samlp:Extensions>${assertion}`)],
      ['XSW8', around(put('</saml:Assertion>', `${inside(signature, plain)}</saml:Assertion>`)(evil))],
      [
        'in an advice',
        around(put('</saml:Assertion>', `<saml:Advice>${assertion}</saml:Advice></saml:Assertion>`)(evil)),
      ],
      ['in a subject', around(put('</saml:Subject>', `${assertion}</saml:Subject>`)(evil))],
      [
        'in a status',
        around(evil).replace('</samlp:Status>', `<samlp:StatusDetail>${assertion}</samlp:StatusDetail></samlp:Status>`),
      ],
    ];
    return variants.map(([name, xml]) => [`${name}, ${naming}`, xml] as const);
  });
}

/** What canonical form drops or another parser reads otherwise; the signature still fits most of them. */
function disguised({ idp, statement }: Ground): readonly Named[] {
  // Owned by the attacker, and signed as it is.
  const subject = `${VICTIM}.example.net`;
  const xml = idp.xml({ ...statement, subject });
  const into = (what: string): Bend => put(VICTIM, `${VICTIM}${what}`);
  const dtd =
    (what: string): Bend =>
    (text) =>
      `<!DOCTYPE samlp:Response [${what}]>${text}`;
  const bends: readonly (readonly [string, Bend])[] = [
    ['a comment in the subject', into('<!---->')],
    ['a comment in front of the subject', put(VICTIM, `<!-- x -->${VICTIM}`)],
    ['a comment in an attribute value', put(/(?<=<saml:AttributeValue>)/, '<!---->')],
    ['a comment in the audience', put(/(?<=<saml:Audience>)/, '<!-- x -->')],
    ['a comment between elements', put('<saml:Subject>', '<!-- x --><saml:Subject>')],
    ['a comment in the signature', put('<SignedInfo>', '<!-- x --><SignedInfo>')],
    ['a comment in the digest', put(/(?<=<DigestValue>)/, '<!-- x -->')],
    ['a comment before the root', (text) => `<!-- x -->${text}`],
    ['a comment behind the root', (text) => `${text}<!-- x -->`],
    ['CDATA around the subject', put(subject, `<![CDATA[${subject}]]>`)],
    ['CDATA in the subject', into('<![CDATA[]]>')],
    ['CDATA in the issuer', put(/(?<=<saml:Issuer>)/, '<![CDATA[]]>')],
    ['an instruction in the subject', into('<?x y?>')],
    ['an instruction before the assertion', put('<saml:Assertion', '<?x y?><saml:Assertion')],
    ['an instruction behind the root', (text) => `${text}<?x y?>`],
    ['a second declaration', (text) => `<?xml version="1.0"?><?xml version="1.0"?>${text}`],
    ['a document type', (text) => `<!DOCTYPE samlp:Response>${text}`],
    ['an entity', (text) => into('&none;')(dtd('<!ENTITY none "">')(text))],
    ['an entity of a file', (text) => into('&file;')(dtd('<!ENTITY file SYSTEM "file:///etc/passwd">')(text))],
    ['a billion laughs', (text) => into('&c;')(dtd('<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">')(text))],
    ['a parameter entity', dtd('<!ENTITY % all SYSTEM "http://127.0.0.1/all.dtd"> %all;')],
    ['ids by default', dtd('<!ATTLIST saml:Assertion ID CDATA "_evil">')],
    ['an unknown entity', into('&nbsp;')],
    ['a lonely ampersand', into('&')],
    ['a NUL', into('&#0;')],
    ['half of a surrogate pair', into('&#xD800;')],
  ];
  return bends.map(([name, bend]) => [name, bend(xml)] as const);
}

/** Names, ids and places that only look like the right ones. */
function misnamed({ idp, statement }: Ground): readonly Named[] {
  const xml = idp.xml({ ...statement, subject: `${VICTIM}.example.net` });
  const bends: readonly (readonly [string, Bend])[] = [
    [
      'another prefix for the assertion',
      (text) =>
        text.replaceAll('saml:Assertion', 'x:Assertion').replace('<x:Assertion', '<x:Assertion xmlns:x="urn:evil"'),
    ],
    ['the assertion in capitals', (text) => text.replaceAll('saml:Assertion', 'saml:ASSERTION')],
    ['the prefix means something else', put('<saml:Assertion ', '<saml:Assertion xmlns:saml="urn:evil" ')],
    ['the response of another namespace', put('urn:oasis:names:tc:SAML:2.0:protocol', 'urn:evil')],
    ['the signature of another namespace', put('http://www.w3.org/2000/09/xmldsig#', 'urn:evil')],
    [
      'an id with a prefix',
      put('<samlp:Status>', `<samlp:Status samlp:ID="${part(xml, /(?<=Assertion ID=")[^"]*/)}">`),
    ],
    [
      'an id twice, in small letters',
      put('<samlp:Status>', `<samlp:Status id="${part(xml, /(?<=Assertion ID=")[^"]*/)}">`),
    ],
    [
      'an id twice, in the signature',
      put('<SignedInfo>', `<SignedInfo Id="${part(xml, /(?<=Assertion ID=")[^"]*/)}">`),
    ],
    ['an attribute twice', put(' Version="2.0"', ' Version="2.0" Version="2.0"')],
    ['an attribute without quotes', put(' Version="2.0"', ' Version=2.0')],
    ['a tag that is not closed', cut('</saml:Subject>')],
    ['text behind the root', (text) => `${text}x`],
    ['a second root', (text) => `${text}${text}`],
    ['two signatures', (text) => put('</Signature>', `</Signature>${part(text, SIGNATURE)}`)(text)],
    ['a signature somewhere else', (text) => put(END, `${part(text, SIGNATURE)}${END}`)(cut(SIGNATURE)(text))],
  ];
  return bends.map(([name, bend]) => [name, bend(xml)] as const);
}

/** Made with other keys, or in ways that are not taken. */
function missigned({ idp, other, statement }: Ground): readonly Named[] {
  const as = { ...statement, subject: VICTIM };
  const inOurName = (how: Partial<Statement>) =>
    other.xml({ ...as, ...how, bend: (xml) => xml.replaceAll(other.entityId, idp.entityId) });
  const keyInfo = ({ certificate }: SamlIdp) =>
    `<X509Data><X509Certificate>${certificate.replaceAll(/-----[^-]+-----|\s/g, '')}</X509Certificate></X509Data>`;
  const modulus = '<KeyValue><RSAKeyValue><Modulus>AQAB</Modulus><Exponent>AQAB</Exponent></RSAKeyValue></KeyValue>';
  const hmac = (): string => {
    const xml = idp
      .xml(as)
      .replace(/(?<=SignatureMethod Algorithm=")[^"]*/, 'http://www.w3.org/2000/09/xmldsig#hmac-sha1');
    const mac = createHmac('sha1', idp.certificate)
      .update(part(xml, /<SignedInfo>.*<\/SignedInfo>/s))
      .digest('base64');
    return put(/(?<=<SignatureValue>)[^<]*/, mac)(xml);
  };
  const method = (algorithm: string): Bend => put(/(?<=SignatureMethod Algorithm=")[^"]*/, algorithm);
  return [
    ...SIGNED.flatMap((signs): readonly Named[] => [
      [`by another provider in our name, ${signs.join(' and ')}`, inOurName({ signs })],
      [`by another provider in its own name, ${signs.join(' and ')}`, other.xml({ ...as, signs })],
      [`by the key in KeyInfo, ${signs.join(' and ')}`, inOurName({ signs, keyInfo: keyInfo(other) })],
      [`by SHA-1, ${signs.join(' and ')}`, idp.xml({ ...as, signs, algorithm: 'sha1', digest: 'sha1' })],
      [`by a digest of SHA-1, ${signs.join(' and ')}`, idp.xml({ ...as, signs, digest: 'sha1' })],
    ]),
    ['by another key, with our certificate in KeyInfo', inOurName({ keyInfo: keyInfo(idp) })],
    ['by a key that is written out', inOurName({ keyInfo: modulus })],
    ['the assertion by us, the response by another', other.sign(idp.xml(as), 'response')],
    ['the assertion by another, the response by us', idp.sign(inOurName({}), 'response')],
    ['by HMAC with our certificate', hmac()],
    ['by MD5', method('http://www.w3.org/2001/04/xmldsig-more#rsa-md5')(idp.xml(as))],
    ['by nothing', method('none')(idp.xml(as))],
    ['by a method that every object has', method('constructor')(idp.xml(as))],
    ['in a canonical form that depends on its place', idp.xml({ ...as, canonicalization: INCLUSIVE })],
    ['in a canonical form with comments', idp.xml({ ...as, canonicalization: `${EXCLUSIVE}WithComments` })],
    ['without a transform', idp.xml({ ...as, transforms: [EXCLUSIVE] })],
    ['with the transforms in another order', idp.xml({ ...as, transforms: [EXCLUSIVE, ENVELOPED] })],
    ['with a transform more', idp.xml({ ...as, transforms: [ENVELOPED, EXCLUSIVE, EXCLUSIVE] })],
    ['of the inclusive form', idp.xml({ ...as, transforms: [ENVELOPED, INCLUSIVE] })],
    [
      'through an XPath',
      put(`Algorithm="${ENVELOPED}"`, 'Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"')(idp.xml(as)),
    ],
    [
      'through a stylesheet',
      put(`Algorithm="${ENVELOPED}"`, 'Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"')(idp.xml(as)),
    ],
  ];
}

/** More than one, none, or something else. */
function miscounted({ idp, statement }: Ground): readonly Named[] {
  const xml = idp.xml(statement);
  const assertion = part(xml, ASSERTION);
  const second = part(idp.xml({ ...statement, subject: VICTIM }), ASSERTION);
  const evil = cut(SIGNATURE)(second);
  return [
    ['two signed assertions', put(ASSERTION, assertion + second)(xml)],
    ['an unsigned assertion before', put(ASSERTION, evil + assertion)(xml)],
    ['an unsigned assertion behind', put(ASSERTION, assertion + evil)(xml)],
    ['the same assertion twice', put(ASSERTION, assertion + assertion)(xml)],
    ['no assertion', cut(ASSERTION)(xml)],
    ['an encrypted assertion beside', put(END, `<saml:EncryptedAssertion/>${END}`)(xml)],
    ['an encrypted assertion alone', put(ASSERTION, '<saml:EncryptedAssertion/>')(xml)],
    ['an assertion without a response', assertion],
    [
      'a response in a response',
      put('<saml:Assertion', `<samlp:Response>${evil}</samlp:Response><saml:Assertion`)(xml),
    ],
    ['the answer to a logout', xml.replaceAll('samlp:Response', 'samlp:LogoutResponse')],
    ['an envelope around it', `<Envelope><Body>${xml}</Body></Envelope>`],
    ['nested without end', put(END, `${'<a>'.repeat(5_000)}${'</a>'.repeat(5_000)}${END}`)(xml)],
    ['elements without end', put(END, `${'<a/>'.repeat(40_000)}${END}`)(xml)],
  ];
}

/** No XML, or not in base64. */
function garbled({ idp, statement }: Ground): readonly Forgery[] {
  const xml = idp.xml(statement);
  const field = encodeXml(xml);
  const raw = (bytes: Buffer) => bytes.toString('base64');
  const list: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['spaces', '   '],
    ['no base64', '%%%%'],
    ['base64 of other letters', field.replaceAll('=', '').replace(/.$/, '_')],
    ['base64 with something behind', `${field}====`],
    ['base64 twice', encodeXml(field)],
    ['XML as it is', xml],
    ['JSON', encodeXml('{"Response":{"Assertion":{}}}')],
    ['a page', encodeXml('<!doctype html><p>Sign in')],
    ['UTF-16', raw(Buffer.from(`\ufeff${xml}`, 'utf16le'))],
    ['bytes that are no UTF-8', raw(Buffer.concat([Buffer.from(xml), Buffer.from([0xff])]))],
    ['deflated', raw(deflateRawSync(xml))],
    ['a bomb', raw(deflateRawSync(Buffer.alloc(10_000_000)))],
    ['too large', encodeXml(put(END, `${' '.repeat(300_000)}${END}`)(xml))],
    ['cut short', encodeXml(xml.slice(0, -20))],
    ['an XML of nothing', encodeXml('<a/>')],
  ];
  return list.map(([name, text]) => ({ name, field: text }));
}

/** All of them. `statement` should have an attribute. */
export function forgeriesOf(ground: Ground): readonly Forgery[] {
  const { idp, statement } = ground;
  const encode = ([name, xml]: Named): Forgery => ({ name, field: encodeXml(xml) });
  return [
    ...MISSTATEMENTS.flatMap(([name, bend]) =>
      SIGNED.slice(0, 2).map((signs) => ({
        name: `${name}, ${signs.join()} signed`,
        field: idp.respond({ ...statement, subject: VICTIM, signs, bend: bend(statement) }),
      })),
    ),
    ...[tampered, wrapped, disguised, misnamed, missigned, miscounted].flatMap((make) => make(ground).map(encode)),
    ...garbled(ground),
  ];
}
