import { X509Certificate } from 'node:crypto';
import { SAML } from '@node-saml/node-saml';
import { expect, test } from 'vitest';
import { put } from '../../../../test/harness/saml-bend.ts';
import { forgeriesOf } from '../../../../test/harness/saml-forgeries.ts';
import { createSamlIdp, encodeXml, type Statement } from '../../../../test/harness/saml-idp.ts';
import { readResponse } from './response.ts';
import { Unacceptable } from './xml.ts';

const idp = createSamlIdp('honest');
const other = createSamlIdp('other');
const at = new Date('2026-05-04T12:00:00.000Z');
const statement = {
  requestId: '_5f0c1d2e',
  acsUrl: 'https://guildhall.example.com/auth/saml/con_1/acs',
  audience: 'https://guildhall.example.com/auth/saml/con_1/metadata',
  subject: 'mallory@example.com',
  attributes: { groups: ['engineers', 'everyone'] },
  at,
} satisfies Statement;

const keyOf = (certificate: string) => new X509Certificate(certificate).publicKey;
const read = (field: string, now = at) =>
  readResponse(field, [keyOf(idp.certificate)], { ...statement, issuer: idp.entityId, now });

const forgeries = forgeriesOf({ idp, other, statement });

test('AUTH-09: there are more than a hundred forgeries, each with a name of its own', () => {
  expect(new Set(forgeries.map(({ name }) => name)).size).toBe(forgeries.length);
  expect(forgeries.length).toBeGreaterThan(200);
});

test.each(forgeries.map(({ name, field }) => [name, field]))('AUTH-09: refused: %s', (_name, field) => {
  expect(() => read(field)).toThrow(Unacceptable);
});

test.each([
  ['a response in a response', 'not exactly one assertion'],
  ['an envelope around it', 'another root'],
  ['XSW3, another id', 'not exactly one assertion'],
  ['an id twice, in small letters', 'an id twice'],
  ['an id twice, in the signature', 'an id twice'],
  ['a signature somewhere else', 'refers to something else'],
  ['the response of another namespace', 'another root'],
  ['the signature of another namespace', 'a signature in another place'],
  ['no signature, assertion signed', 'response: not signed'],
  ['a reference to the whole document, assertion signed', 'refers to something else'],
  ['a signature without a reference, response signed', 'not exactly one reference'],
  ['an empty signature, response signed', 'unusual content'],
  ['in a canonical form that depends on its place', 'another canonical form'],
  ['by SHA-1, assertion', 'another method'],
  ['by a digest of SHA-1, assertion', 'another digest'],
  ['by HMAC with our certificate', 'another method'],
  ['without a transform', 'other transforms'],
  ['through an XPath', 'other transforms'],
  ['by another provider in our name, assertion', 'made by no key'],
  ['by the key in KeyInfo, response', 'made by no key'],
  ['too large', 'too large'],
  ['base64 twice', 'not one root'],
  ['UTF-16', 'not UTF-8'],
  ['no base64', 'not base64'],
])('AUTH-09: what is refused is refused for its reason: %s', (name, reason) => {
  const field = forgeries.find((one) => one.name === name)?.field ?? '';
  expect(() => read(field)).toThrow(reason);
});

const pretty = (xml: string): string => xml.replaceAll('><', '>\r\n  <');
const genuine: readonly (readonly [string, Partial<Statement>])[] = [
  ['a signed assertion', {}],
  ['a signed response', { signs: ['response'] }],
  ['both signed', { signs: ['assertion', 'response'] }],
  ['SHA-512', { algorithm: 'sha512', digest: 'sha512' }],
  ['RSA-PSS', { algorithm: 'pss' }],
  ['KeyInfo, which is not looked at', { keyInfo: '<KeyName>mine</KeyName>' }],
  ['prefixes that count by name', { inclusive: ['xs'] }],
  [
    'attributes of every form',
    { attributes: { groups: ['engineers', 'everyone'], 'urn:oid:0.9': [], 'https://x/y': ['ü & <b>'] } },
  ],
  [
    'attributes with types',
    {
      bend: put(
        '<saml:AttributeValue>',
        '<saml:AttributeValue xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string" xmlns:xs="http://www.w3.org/2001/XMLSchema">',
      ),
    },
  ],
  ['lines and indents', { bend: pretty, signs: ['response'] }],
  [
    'other prefixes',
    { bend: (xml) => xml.replaceAll('saml:', 'a:').replaceAll('xmlns:saml=', 'xmlns:a=').replaceAll('samlp', 'b') },
  ],
  [
    'two statements of attributes',
    {
      bend: put(
        '</saml:Assertion>',
        '<saml:AttributeStatement><saml:Attribute Name="mail"><saml:AttributeValue>m@example.com</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>',
      ),
    },
  ],
];

test.each(genuine)('AUTH-09: accepted: %s', async (_name, more) => {
  const field = idp.respond({ ...statement, ...more });
  const assertion = read(field);
  expect(assertion.subject).toBe('mallory@example.com');
  expect(assertion.attributes.get('groups')).toEqual(['engineers', 'everyone']);
  // Another implementation agrees, so that the provider of our tests is one. It knows no clock but that of the machine.
  const judge = new SAML({
    idpCert: idp.certificate,
    issuer: statement.audience,
    callbackUrl: statement.acsUrl,
    wantAssertionsSigned: false,
    wantAuthnResponseSigned: false,
    acceptedClockSkewMs: -1,
  });
  const { profile } = await judge.validatePostResponseAsync({ SAMLResponse: field });
  expect(profile?.nameID).toBe('mallory@example.com');
});

test.each([
  ['a declaration in front', (xml: string) => `<?xml version="1.0" encoding="UTF-8"?>\n${xml}\n`],
  ['another key pinned beside', (xml: string) => xml],
])('AUTH-09: accepted: %s', (_name, bend) => {
  const field = encodeXml(bend(idp.xml(statement)));
  const keys = [keyOf(other.certificate), keyOf(idp.certificate)];
  expect(readResponse(field, keys, { ...statement, issuer: idp.entityId, now: at }).subject).toBe(
    'mallory@example.com',
  );
});

test('AUTH-09: clocks may differ by a minute, and by no more', () => {
  const field = idp.respond(statement);
  const shifted = (seconds: number) => new Date(at.getTime() + seconds * 1_000);
  // Valid from 30 s before until 300 s after.
  expect(read(field, shifted(-90)).usableUntil).toEqual(shifted(360));
  expect(read(field, shifted(359.999)).subject).toBe('mallory@example.com');
  expect(() => read(field, shifted(-90.001))).toThrow('not yet valid');
  expect(() => read(field, shifted(360))).toThrow('expired');
});

test('AUTH-09: a name is read from what was signed, with nothing else in it', () => {
  const field = idp.respond({ ...statement, subject: ' <admin@example.com> & co ' });
  expect(read(field).subject).toBe('<admin@example.com> & co');
});
