/** Responses that a genuine provider really signs, and that are not for us, not for now, or not whole. */

import { type Bend, cut, NAME_ID, put, VICTIM } from './saml-bend.ts';
import type { Statement } from './saml-idp.ts';

const at = ({ at: now = new Date() }: Statement, seconds: number): string =>
  new Date(now.getTime() + seconds * 1_000).toISOString();
const conditionsEnd = (by: string): Bend => put(/(?<=<saml:Conditions [^>]*NotOnOrAfter=")[^"]*/, by);
const conditionsBegin = (by: string): Bend => put(/(?<=<saml:Conditions NotBefore=")[^"]*/, by);
const confirmationEnd = (by: string): Bend => put(/(?<=<saml:SubjectConfirmationData [^>]*NotOnOrAfter=")[^"]*/, by);

const TIMES: readonly (readonly [name: string, bend: (statement: Statement) => Bend])[] = [
  ['expired a minute and a second ago', (one) => conditionsEnd(at(one, -61))],
  ['expired yesterday', (one) => conditionsEnd(at(one, -86_400))],
  ['whose confirmation has expired', (one) => confirmationEnd(at(one, -61))],
  ['not valid for another hour', (one) => conditionsBegin(at(one, 3_600))],
  ['not valid before tomorrow', (one) => conditionsBegin(at(one, 86_400))],
  [
    'whose confirmation is not valid yet',
    (one) => put('<saml:SubjectConfirmationData ', `<saml:SubjectConfirmationData NotBefore="${at(one, 3_600)}" `),
  ],
  ['without an end', () => cut(/(?<=<saml:Conditions [^>]*) NotOnOrAfter="[^"]*"/)],
  ['whose confirmation has no end', () => cut(/(?<=<saml:SubjectConfirmationData [^>]*) NotOnOrAfter="[^"]*"/)],
  ['until someday', () => conditionsEnd('someday')],
  ['until an instant of another zone', (one) => conditionsEnd(at(one, 300).replace('Z', '-12:00'))],
  ['until the 31st of February', () => conditionsEnd('2999-02-31T00:00:00Z')],
  [
    'of a session that has ended',
    (one) => put('<saml:AuthnStatement ', `<saml:AuthnStatement SessionNotOnOrAfter="${at(one, -61)}" `),
  ],
];

const WORDS: readonly (readonly [name: string, bend: (statement: Statement) => Bend])[] = [
  ['for another audience', () => put(/(?<=<saml:Audience>)[^<]*/, 'https://elsewhere.example.com')],
  ['for an audience that begins like ours', ({ audience }) => put(`>${audience}<`, `>${audience}x<`)],
  ['for an audience in capitals', ({ audience }) => put(`>${audience}<`, `>${audience.toUpperCase()}<`)],
  ['for no audience', () => cut(/<saml:AudienceRestriction>.*<\/saml:AudienceRestriction>/)],
  ['for an empty audience', () => put(/(?<=<saml:Audience>)[^<]*/, '')],
  [
    'restricted twice, once to others',
    () =>
      put(
        '</saml:AudienceRestriction>',
        '</saml:AudienceRestriction><saml:AudienceRestriction><saml:Audience>https://elsewhere.example.com</saml:Audience></saml:AudienceRestriction>',
      ),
  ],
  ['under a condition nobody knows', () => put('</saml:Conditions>', '<saml:Condition/></saml:Conditions>')],
  ['under no conditions', () => cut(/<saml:Conditions .*<\/saml:Conditions>/)],
  ['under conditions twice', () => put('<saml:AuthnStatement', '<saml:Conditions/><saml:AuthnStatement')],
  ['for another recipient', () => put(/(?<=Recipient=")[^"]*/, 'https://elsewhere.example.com/acs')],
  ['for a recipient that begins like ours', ({ acsUrl }) => put(`Recipient="${acsUrl}`, `Recipient="${acsUrl}/x`)],
  ['for no recipient', () => cut(/ Recipient="[^"]*"/)],
  ['sent to another destination', () => put(/(?<=Destination=")[^"]*/, 'https://elsewhere.example.com/acs')],
  ['sent to no destination', () => cut(/ Destination="[^"]*"/)],
  [
    'to another request',
    ({ requestId }) =>
      (xml) =>
        xml.replaceAll(requestId, '_another'),
  ],
  ['to another request, in the response', () => put(/(?<=InResponseTo=")[^"]*(?=">)/, '_another')],
  [
    'to another request, in the assertion',
    () => put(/(?<=<saml:SubjectConfirmationData InResponseTo=")[^"]*/, '_another'),
  ],
  ['to no request: begun by the provider', () => (xml) => xml.replaceAll(/ InResponseTo="[^"]*"/g, '')],
  ['to no request, in the assertion', () => cut(/(?<=<saml:SubjectConfirmationData) InResponseTo="[^"]*"/)],
  ['confirmed by nothing', () => cut(/<saml:SubjectConfirmation .*<\/saml:SubjectConfirmation>/)],
  ['for the holder of a key', () => put('cm:bearer', 'cm:holder-of-key')],
  [
    'confirmed twice',
    () =>
      put(
        '</saml:Subject>',
        '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"/></saml:Subject>',
      ),
  ],
  ['of another issuer', () => (xml) => xml.replaceAll(/(?<=<saml:Issuer>)[^<]*/g, 'https://elsewhere.example.com')],
  [
    'of another issuer, in the assertion',
    () => put(/(?<=Assertion [^>]*><saml:Issuer>)[^<]*/, 'https://elsewhere.example.com'),
  ],
  ['of no issuer', () => cut(/(?<=Assertion [^>]*>)<saml:Issuer>[^<]*<\/saml:Issuer>/)],
  ['of an issuer in elements', () => put(/(?<=Assertion [^>]*><saml:Issuer>)/, '<b/>')],
  ['about nobody', () => cut(/<saml:Subject>.*<\/saml:Subject>/)],
  [
    'about two',
    () => put('</saml:Subject>', `</saml:Subject><saml:Subject><saml:NameID>${VICTIM}</saml:NameID></saml:Subject>`),
  ],
  [
    'with two names',
    () => put('<saml:SubjectConfirmation ', `<saml:NameID>${VICTIM}</saml:NameID><saml:SubjectConfirmation `),
  ],
  ['with an empty name', () => put(NAME_ID, ' ')],
  ['with a name in elements', () => put(NAME_ID, `<x>${VICTIM}</x>`)],
  ['where nobody was authenticated', () => cut(/<saml:AuthnStatement .*<\/saml:AuthnStatement>/)],
  ['of SAML 1.1', () => put(/(?<=Assertion [^>]*Version=")2.0/, '1.1')],
  ['in a response of SAML 1.1', () => put(/(?<=Response [^>]*Version=")2.0/, '1.1')],
  ['in a response that refuses', () => put('status:Success', 'status:Responder')],
  ['in a response without a status', () => cut(/<samlp:Status>.*<\/samlp:Status>/)],
  [
    'with an attribute without a name',
    () =>
      put(
        '</saml:Assertion>',
        '<saml:AttributeStatement><saml:Attribute><saml:AttributeValue>x</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>',
      ),
  ],
  [
    'in a response of the same id',
    () => (xml) => xml.replace(/(?<=Response [^>]*ID=")[^"]*/, xml.match(/(?<=Assertion ID=")[^"]*/)?.[0] ?? ''),
  ],
  ['with an id for an XPath', () => put(/(?<=Assertion ID=")[^"]*/, `x' or '1'='1`)],
];

export const MISSTATEMENTS = [...TIMES, ...WORDS];
