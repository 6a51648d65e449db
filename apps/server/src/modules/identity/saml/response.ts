/**
 * From the bytes of a SAML response to what it asserts. Pure: the clock, the keys and what is expected are arguments.
 *
 * 1. The text is plain XML, and the document has one shape: one response, one assertion in it, signatures as their children, every id once.
 * 2. The signatures that are there are all right, and there is at least one.
 * 3. The assertion is read from the bytes that were signed, and from nothing else.
 */
import type { KeyObject } from 'node:crypto';
import { type Assertion, type Expected, readAssertion } from './assertion.ts';
import { signedBytes } from './signature.ts';
import {
  attributeOf,
  attributesOf,
  childrenNamed,
  demand,
  elementsOf,
  isNamed,
  onlyChild,
  parseXml,
  textOf,
  type XmlElement,
} from './xml.ts';

// Far more than the largest of real ones, which carry hundreds of groups.
export const RESPONSE_MAX_BYTES = 256 * 1024;

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const ID = /^[A-Za-z_][\w.-]{0,255}$/;
const SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success';
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The text behind the form field. @throws Unacceptable */
export function decodeResponse(field: string): string {
  const compact = field.replaceAll(/[\r\n\t ]/g, '');
  demand(compact.length <= (RESPONSE_MAX_BYTES * 4) / 3, 'response: too large');
  demand(compact.length % 4 === 0 && BASE64.test(compact), 'response: not base64');
  let text: string;
  try {
    text = utf8.decode(Buffer.from(compact, 'base64'));
  } catch {
    demand(false, 'response: not UTF-8');
  }
  // XML itself reads line ends like this, before anything else.
  return text.replaceAll(/\r\n?/g, '\n');
}

interface Shape {
  readonly response: XmlElement;
  readonly assertion: XmlElement;
  readonly responseSignature: XmlElement | undefined;
  readonly assertionSignature: XmlElement | undefined;
}

/** Names are compared without their case and namespace: what only looks like one of these is no better. */
function shapeOf(response: XmlElement): Shape {
  demand(isNamed(response, 'protocol', 'Response'), 'response: another root');
  const all = elementsOf(response);
  const alike = (name: string) => all.filter(({ localName }) => localName.toLowerCase() === name);
  demand(alike('encryptedassertion').length === 0, 'response: an encrypted assertion');
  const [assertion, ...more] = alike('assertion');
  demand(assertion !== undefined && more.length === 0, 'response: not exactly one assertion');
  demand(
    isNamed(assertion, 'assertion', 'Assertion') && assertion.parentNode === response,
    'response: the assertion is in another place',
  );
  demand(alike('response').length === 1, 'response: another response inside');
  const ids = all.flatMap(attributesOf).filter(({ localName, name }) => (localName || name).toLowerCase() === 'id');
  demand(
    ids.every(({ value }) => ID.test(value)),
    'response: an unusual id',
  );
  demand(new Set(ids.map(({ value }) => value)).size === ids.length, 'response: an id twice');
  const [responseSignature, ...second] = childrenNamed(response, 'signature', 'Signature');
  const [assertionSignature, ...third] = childrenNamed(assertion, 'signature', 'Signature');
  const placed = [responseSignature, assertionSignature].filter((one) => one !== undefined).length;
  demand(
    second.length === 0 && third.length === 0 && alike('signature').length === placed,
    'response: a signature in another place',
  );
  demand(placed > 0, 'response: not signed');
  return { response, assertion, responseSignature, assertionSignature };
}

/** What the response says of itself. Where it is not signed this can only refuse: nothing is let in by it. */
function assertResponse(response: XmlElement, expected: Expected): void {
  demand(attributeOf(response, 'Version') === '2.0', 'response: another version');
  demand(attributeOf(response, 'Destination') === expected.acsUrl, 'response: another destination');
  demand(attributeOf(response, 'InResponseTo') === expected.requestId, 'response: to another request');
  const code = onlyChild(onlyChild(response, 'protocol', 'Status'), 'protocol', 'StatusCode');
  demand(attributeOf(code, 'Value') === SUCCESS, 'response: the identity provider refused');
  for (const issuer of childrenNamed(response, 'assertion', 'Issuer'))
    demand(textOf(issuer) === expected.issuer, 'response: of another issuer');
}

/** @throws Unacceptable with the reason, unless it says just now, to us, for this request, who the subject is. */
export function readResponse(field: string, keys: readonly KeyObject[], expected: Expected): Assertion {
  const text = decodeResponse(field);
  const { response, assertion, responseSignature, assertionSignature } = shapeOf(parseXml(text));
  assertResponse(response, expected);
  const fromResponse =
    responseSignature && parseXml(signedBytes(text, { signature: responseSignature, parent: response }, keys));
  if (fromResponse) {
    demand(isNamed(fromResponse, 'protocol', 'Response'), 'response: something else was signed');
    assertResponse(fromResponse, expected);
  }
  const fromAssertion =
    assertionSignature && parseXml(signedBytes(text, { signature: assertionSignature, parent: assertion }, keys));
  const trusted = fromAssertion ?? (fromResponse && onlyChild(fromResponse, 'assertion', 'Assertion'));
  demand(trusted !== undefined, 'response: not signed');
  return readAssertion(trusted, expected);
}
