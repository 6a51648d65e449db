/** The filters of SCIM that directories send: equality, joined by `and` (RFC 7644 §3.4.2.2). */
import { GuildhallError } from '../../../platform/errors/index.ts';
import { scimErrors } from './errors.ts';

export interface Comparison {
  /** In lower case, without the name of the schema. */
  readonly attribute: string;
  readonly value: string | boolean;
}

const LENGTH_MAX = 1_000;
const TERMS_MAX = 5;
const TERM = /^\s*([A-Za-z][\w.:$-]*)\s+eq\s+("(?:[^"\\]|\\.)*"|true|false)\s*/i;
const AND = /^and\s/i;

const refuse = (): never => {
  throw new GuildhallError(scimErrors.invalidFilter);
};

function literalValue(literal: string): string | boolean {
  if (!literal.startsWith('"')) return literal.toLowerCase() === 'true';
  try {
    // A text in the notation of JSON.
    return JSON.parse(literal) as string;
  } catch {
    return refuse();
  }
}

/** `urn:…:User:userName` and `userName` are the same. */
export const attributeName = (written: string): string =>
  written.replace(/^urn:ietf:params:scim:schemas:core:2\.0:(user|group):/i, '').toLowerCase();

/** @throws 400 `scim.invalid-filter` for what is not such a filter, and for attributes that are not among these. */
export function parseFilter(filter: string, attributes: readonly string[]): readonly Comparison[] {
  if (filter.length > LENGTH_MAX) return refuse();
  const found: Comparison[] = [];
  for (let rest = filter; ; ) {
    const match = TERM.exec(rest);
    if (!match) return refuse();
    const [whole, written = '', literal = ''] = match;
    const attribute = attributeName(written);
    if (!attributes.includes(attribute) || found.length === TERMS_MAX) return refuse();
    found.push({ attribute, value: literalValue(literal) });
    rest = rest.slice(whole.length);
    if (rest === '') return found;
    if (!AND.test(rest)) return refuse();
    rest = rest.slice('and '.length);
  }
}
