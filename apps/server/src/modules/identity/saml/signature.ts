/**
 * What an identity provider signed. A signature is taken in the one form that providers use, and gives back the bytes that it covers: those
 * are read on, never the document it stood in. What the message says about keys is not looked at.
 */
import type { KeyObject } from 'node:crypto';
import { SignedXml } from 'xml-crypto';
import { attributeOf, childrenOf, demand, isNamed, onlyChild, Unacceptable, type XmlElement } from './xml.ts';

const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
const SIGNATURE_METHODS = [
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
  'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
] as const;
const DIGEST_METHODS = ['http://www.w3.org/2001/04/xmlenc#sha256', 'http://www.w3.org/2001/04/xmlenc#sha512'] as const;

const names = (element: XmlElement): string =>
  childrenOf(element)
    .map((child) => (isNamed(child, 'signature', child.localName) ? child.localName : '?'))
    .join(' ');

const algorithmOf = (element: XmlElement): string => attributeOf(element, 'Algorithm') ?? '';

/** Refuses every form but: one reference, to the parent, by its id; enveloped, then exclusively canonical; no SHA-1. */
function assertForm(signature: XmlElement, parentId: string): void {
  demand(/^SignedInfo SignatureValue( KeyInfo)?$/.test(names(signature)), 'signature: unusual content');
  const signedInfo = onlyChild(signature, 'signature', 'SignedInfo');
  demand(
    names(signedInfo) === 'CanonicalizationMethod SignatureMethod Reference',
    'signature: not exactly one reference',
  );
  const canonicalization = onlyChild(signedInfo, 'signature', 'CanonicalizationMethod');
  const method = onlyChild(signedInfo, 'signature', 'SignatureMethod');
  demand(algorithmOf(canonicalization) === EXCLUSIVE, 'signature: another canonical form');
  demand(childrenOf(canonicalization).length === 0, 'signature: a canonical form with settings');
  demand(
    SIGNATURE_METHODS.some((one) => one === algorithmOf(method)),
    'signature: another method',
  );
  demand(childrenOf(method).length === 0, 'signature: a method with settings');
  const reference = onlyChild(signedInfo, 'signature', 'Reference');
  demand(attributeOf(reference, 'URI') === `#${parentId}`, 'signature: refers to something else than its parent');
  demand(names(reference) === 'Transforms DigestMethod DigestValue', 'signature: unusual reference');
  demand(
    DIGEST_METHODS.some((one) => one === algorithmOf(onlyChild(reference, 'signature', 'DigestMethod'))),
    'signature: another digest',
  );
  const transforms = childrenOf(onlyChild(reference, 'signature', 'Transforms'));
  demand(transforms.map(algorithmOf).join(' ') === `${ENVELOPED} ${EXCLUSIVE}`, 'signature: other transforms');
  const [enveloped, exclusive] = transforms;
  const settings = exclusive ? childrenOf(exclusive) : [];
  demand(
    enveloped !== undefined &&
      childrenOf(enveloped).length === 0 &&
      settings.length <= 1 &&
      settings.every((one) => one.localName === 'InclusiveNamespaces' && one.namespaceURI === EXCLUSIVE),
    'signature: transforms with settings',
  );
}

const only = <T extends object>(table: T, allowed: readonly string[]): T =>
  // A part of the table has the type of the table.
  Object.fromEntries(Object.entries(table).filter(([name]) => allowed.includes(name))) as T;

function check(text: string, signature: XmlElement, key: KeyObject): string | undefined {
  const publicCert = key.export({ type: 'spki', format: 'pem' });
  const signed = new SignedXml({ publicCert, getCertFromKeyInfo: () => null });
  signed.SignatureAlgorithms = only(signed.SignatureAlgorithms, SIGNATURE_METHODS);
  signed.HashAlgorithms = only(signed.HashAlgorithms, DIGEST_METHODS);
  signed.CanonicalizationAlgorithms = only(signed.CanonicalizationAlgorithms, [EXCLUSIVE, ENVELOPED]);
  try {
    // Of the parser that it uses itself.
    signed.loadSignature(signature as never);
    if (!signed.checkSignature(text)) return undefined;
  } catch {
    // It throws for a signature that does not fit, and refuses alike.
    return undefined;
  }
  const [bytes, ...more] = signed.getSignedReferences();
  return more.length === 0 ? bytes : undefined;
}

/**
 * The canonical bytes of `parent` that its signature covers, by one of the keys that are pinned. `text` is the document they are parsed
 * from. @throws Unacceptable
 */
export function signedBytes(
  text: string,
  signed: { readonly signature: XmlElement; readonly parent: XmlElement },
  keys: readonly KeyObject[],
): string {
  const id = attributeOf(signed.parent, 'ID');
  demand(id !== undefined, 'signature: its parent has no id');
  assertForm(signed.signature, id);
  for (const key of keys) {
    const bytes = check(text, signed.signature, key);
    if (bytes !== undefined) return bytes;
  }
  throw new Unacceptable('signature: made by no key of this connection');
}
