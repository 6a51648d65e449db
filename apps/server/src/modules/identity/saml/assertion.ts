/** What an assertion must say to be taken, and what is taken from it. Its element was parsed from signed bytes. */
import { attributeOf, childrenNamed, childrenOf, demand, isNamed, onlyChild, textOf, type XmlElement } from './xml.ts';

/** Clocks of two machines may differ by this much. */
const SKEW_MS = 60_000;

const BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;
// What identifies somebody at their provider must fit into an index.
const SUBJECT_MAX = 512;

export interface Expected {
  /** Entity id of the identity provider. */
  readonly issuer: string;
  /** Our own entity id. */
  readonly audience: string;
  /** Where the response had to be sent. */
  readonly acsUrl: string;
  /** The request that it must answer. */
  readonly requestId: string;
  readonly now: Date;
}

export interface Assertion {
  readonly id: string;
  readonly issuer: string;
  /** What the provider calls the subject; stable there, and no address that anything may be concluded from. */
  readonly subject: string;
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  /** Until then its id must be remembered. */
  readonly usableUntil: Date;
}

function instantOf(element: XmlElement, name: string): Date | undefined {
  const value = attributeOf(element, name);
  if (value === undefined) return undefined;
  const instant = new Date(value);
  // A day that no month has would be read as one of the next.
  const isSame = () => instant.toISOString().startsWith(value.slice(0, 19));
  demand(INSTANT.test(value) && !Number.isNaN(instant.getTime()) && isSame(), `assertion: ${name} is no instant`);
  return instant;
}

/** The end of the span that the element names, which must be open now. */
function assertNow(element: XmlElement, now: Date): Date {
  const from = instantOf(element, 'NotBefore');
  const until = instantOf(element, 'NotOnOrAfter');
  const where = element.localName;
  demand(from === undefined || now.getTime() + SKEW_MS >= from.getTime(), `assertion: not yet valid (${where})`);
  demand(until !== undefined, `assertion: without an end (${where})`);
  demand(now.getTime() - SKEW_MS < until.getTime(), `assertion: expired (${where})`);
  return new Date(until.getTime() + SKEW_MS);
}

function readSubject(subject: XmlElement, expected: Expected): { subject: string; until: Date } {
  const nameId = textOf(onlyChild(subject, 'assertion', 'NameID')).trim();
  demand(nameId.length > 0 && nameId.length <= SUBJECT_MAX, 'assertion: no usable subject');
  const confirmation = onlyChild(subject, 'assertion', 'SubjectConfirmation');
  demand(attributeOf(confirmation, 'Method') === BEARER, 'assertion: not for its bearer');
  const about = onlyChild(confirmation, 'assertion', 'SubjectConfirmationData');
  demand(attributeOf(about, 'Recipient') === expected.acsUrl, 'assertion: for another recipient');
  demand(attributeOf(about, 'InResponseTo') === expected.requestId, 'assertion: to another request');
  return { subject: nameId, until: assertNow(about, expected.now) };
}

// OneTimeUse asks for what we do anyway; ProxyRestriction binds those who pass assertions on.
const CONDITIONS = ['AudienceRestriction', 'OneTimeUse', 'ProxyRestriction'];

function assertConditions(conditions: XmlElement, { audience, now }: Expected): Date {
  // A condition that is not understood is not met.
  const known = (child: XmlElement) =>
    isNamed(child, 'assertion', child.localName) && CONDITIONS.includes(child.localName);
  demand(childrenOf(conditions).every(known), 'assertion: an unknown condition');
  const restrictions = childrenNamed(conditions, 'assertion', 'AudienceRestriction');
  demand(restrictions.length > 0, 'assertion: for any audience');
  for (const restriction of restrictions)
    demand(
      childrenNamed(restriction, 'assertion', 'Audience').some((one) => textOf(one).trim() === audience),
      'assertion: for another audience',
    );
  return assertNow(conditions, now);
}

function readAttributes(assertion: XmlElement): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const statement of childrenNamed(assertion, 'assertion', 'AttributeStatement'))
    for (const attribute of childrenNamed(statement, 'assertion', 'Attribute')) {
      const name = attributeOf(attribute, 'Name');
      demand(name !== undefined && name !== '', 'assertion: an attribute without a name');
      // Values that are made of elements mean nothing to us.
      const values = childrenNamed(attribute, 'assertion', 'AttributeValue').filter(
        (one) => childrenOf(one).length === 0,
      );
      found.set(name, [
        ...(found.get(name) ?? []),
        ...values.map((one) => textOf(one).trim()).filter((one) => one !== ''),
      ]);
    }
  return found;
}

/** @throws Unacceptable with the reason. */
export function readAssertion(assertion: XmlElement, expected: Expected): Assertion {
  demand(isNamed(assertion, 'assertion', 'Assertion'), 'assertion: something else was signed');
  demand(attributeOf(assertion, 'Version') === '2.0', 'assertion: another version');
  const id = attributeOf(assertion, 'ID');
  demand(id !== undefined && id !== '', 'assertion: without an id');
  const issuer = textOf(onlyChild(assertion, 'assertion', 'Issuer')).trim();
  demand(issuer === expected.issuer, 'assertion: of another issuer');
  const { subject, until } = readSubject(onlyChild(assertion, 'assertion', 'Subject'), expected);
  const conditionsUntil = assertConditions(onlyChild(assertion, 'assertion', 'Conditions'), expected);
  const statements = childrenNamed(assertion, 'assertion', 'AuthnStatement');
  demand(statements.length > 0, 'assertion: nobody was authenticated');
  for (const statement of statements) {
    const sessionUntil = instantOf(statement, 'SessionNotOnOrAfter');
    demand(
      sessionUntil === undefined || expected.now.getTime() - SKEW_MS < sessionUntil.getTime(),
      'assertion: the session at the provider has ended',
    );
  }
  return {
    id,
    issuer,
    subject,
    attributes: readAttributes(assertion),
    usableUntil: new Date(Math.min(until.getTime(), conditionsUntil.getTime())),
  };
}
