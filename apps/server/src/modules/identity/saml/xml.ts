/** XML as far as SAML needs it: plain elements, attributes and text, read by the very parser that signatures are checked with. */
import { createRequire } from 'node:module';

export const NAMESPACES = {
  protocol: 'urn:oasis:names:tc:SAML:2.0:protocol',
  assertion: 'urn:oasis:names:tc:SAML:2.0:assertion',
  signature: 'http://www.w3.org/2000/09/xmldsig#',
} as const;
export type Namespace = keyof typeof NAMESPACES;

/** As much of the DOM as is looked at here. */
export interface XmlNode {
  readonly nodeType: number;
  readonly nodeName: string;
  readonly nodeValue: string | null;
  readonly parentNode: XmlNode | null;
  readonly childNodes: ArrayLike<XmlNode>;
}
export interface XmlAttribute {
  readonly localName: string;
  readonly namespaceURI: string | null;
  readonly name: string;
  readonly value: string;
}
export interface XmlElement extends XmlNode {
  readonly localName: string;
  readonly namespaceURI: string | null;
  readonly attributes: ArrayLike<XmlAttribute>;
  hasAttribute(name: string): boolean;
  getAttribute(name: string): string;
}

type Parser = new (options: {
  readonly errorHandler: (level: string, message: string) => void;
}) => { parseFromString(text: string, type: 'text/xml'): XmlNode | undefined };

// Its own types bring those of browsers into the whole program, so we say ourselves what we use of it.
const { DOMParser } = createRequire(import.meta.url)('@xmldom/xmldom') as { readonly DOMParser: Parser };

/** Why a message is not taken. For the audit trail and the log; the sender is not told. */
export class Unacceptable extends Error {
  override readonly name = 'Unacceptable';
}

/** @throws Unacceptable unless it holds. */
export function demand(holds: boolean, reason: string): asserts holds {
  if (!holds) throw new Unacceptable(reason);
}

const ELEMENT = 1;
const TEXT = 3;
const PROCESSING_INSTRUCTION = 7;
// Responses have some ten levels and, with hundreds of groups, some thousand elements.
const DEPTH_MAX = 40;
const NODES_MAX = 20_000;

const DECLARATION = /^\s*<\?xml\s[^?<>]*\?>/;
// Comments, CDATA, document types and entities all begin like this; no identity provider needs one in a response.
const MARKUP = /<[!?]/;
const UNKNOWN_REFERENCE = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[\da-fA-F]{1,6});)/;
// What XML cannot hold, beside halves of surrogate pairs.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

const isPlain = (text: string): boolean => text.isWellFormed() && !FORBIDDEN.test(text);

/** Every element of the tree, the root first. Without recursion: depth is what an attacker chooses. */
export function elementsOf(root: XmlElement): readonly XmlElement[] {
  const found: XmlElement[] = [];
  const open: { readonly node: XmlNode; readonly depth: number }[] = [{ node: root, depth: 1 }];
  for (let place = open.pop(); place; place = open.pop()) {
    const { node, depth } = place;
    demand(depth <= DEPTH_MAX, 'xml: nested too deep');
    if (node.nodeType === ELEMENT) {
      // What is of this type has these members.
      const element = node as XmlElement;
      found.push(element);
      demand(found.length <= NODES_MAX, 'xml: too many elements');
      for (const { value } of attributesOf(element)) demand(isPlain(value), 'xml: a forbidden character');
      for (const child of Array.from(node.childNodes).reverse()) open.push({ node: child, depth: depth + 1 });
    } else {
      demand(node.nodeType === TEXT, 'xml: something other than elements and text');
      demand(isPlain(node.nodeValue ?? ''), 'xml: a forbidden character');
    }
  }
  return found;
}

/** The root of a document that holds elements, attributes and text alone. @throws Unacceptable */
export function parseXml(text: string): XmlElement {
  demand(!MARKUP.test(text.replace(DECLARATION, '')), 'xml: a comment, CDATA, document type or instruction');
  demand(!UNKNOWN_REFERENCE.test(text), 'xml: an entity');
  demand(isPlain(text), 'xml: a forbidden character');
  const faults: string[] = [];
  const parser = new DOMParser({ errorHandler: (_level, message) => faults.push(message) });
  let document: XmlNode | undefined;
  try {
    document = parser.parseFromString(text, 'text/xml');
  } catch (cause) {
    throw new Unacceptable('xml: not well-formed', { cause });
  }
  demand(document !== undefined && faults.length === 0, 'xml: not well-formed');
  const nodes = Array.from(document.childNodes);
  const roots = nodes.filter(({ nodeType }) => nodeType === ELEMENT);
  const rest = nodes.filter(({ nodeType }) => nodeType !== ELEMENT && nodeType !== PROCESSING_INSTRUCTION);
  const [root] = roots;
  demand(root !== undefined && roots.length === 1, 'xml: not one root');
  demand(
    rest.every(({ nodeType, nodeValue }) => nodeType === TEXT && (nodeValue ?? '').trim() === ''),
    'xml: something beside the root',
  );
  // It is of the type of elements.
  const element = root as XmlElement;
  elementsOf(element);
  return element;
}

export const attributesOf = (element: XmlElement): readonly XmlAttribute[] => Array.from(element.attributes);

/** Undefined where it is missing; an empty one is one. */
export const attributeOf = (element: XmlElement, name: string): string | undefined =>
  element.hasAttribute(name) ? element.getAttribute(name) : undefined;

/** Child elements, whatever they are. */
export const childrenOf = (element: XmlElement): readonly XmlElement[] =>
  // What is of this type has these members.
  Array.from(element.childNodes).filter(({ nodeType }) => nodeType === ELEMENT) as unknown as readonly XmlElement[];

/** Child elements of this name in this namespace. */
export const childrenNamed = (element: XmlElement, namespace: Namespace, name: string): readonly XmlElement[] =>
  childrenOf(element).filter((child) => isNamed(child, namespace, name));

export const isNamed = (element: XmlElement, namespace: Namespace, name: string): boolean =>
  element.localName === name && element.namespaceURI === NAMESPACES[namespace];

/** The only child of this name. @throws Unacceptable for none and for two. */
export function onlyChild(element: XmlElement, namespace: Namespace, name: string): XmlElement {
  const [child, ...more] = childrenNamed(element, namespace, name);
  demand(child !== undefined && more.length === 0, `xml: not exactly one ${name} in ${element.localName}`);
  return child;
}

/** The text of an element that holds nothing but text. @throws Unacceptable */
export function textOf(element: XmlElement): string {
  demand(childrenOf(element).length === 0, `xml: elements in ${element.localName}`);
  return Array.from(element.childNodes, ({ nodeValue }) => nodeValue ?? '').join('');
}
