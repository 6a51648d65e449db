/** Cuts an expression into tokens. */
import { EXPRESSION_LIMITS, SyntaxFault } from './syntax.ts';

export type Token =
  | { readonly kind: 'number'; readonly value: number; readonly at: number }
  | { readonly kind: 'string'; readonly value: string; readonly at: number }
  | { readonly kind: 'name'; readonly value: string; readonly at: number }
  | { readonly kind: 'sign'; readonly value: string; readonly at: number }
  | { readonly kind: 'end'; readonly value: ''; readonly at: number };

const SPACE = /[ \t\r\n]+/y;
const NUMBER = /(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const SIGN = /\|\||&&|==|!=|<=|>=|[<>+\-*/%!()[\],.?:]/y;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
]);

/** All tokens of the source, closed by one of kind `end`. @throws SyntaxFault */
export function tokenize(source: string): readonly Token[] {
  if (source.length > EXPRESSION_LIMITS.lengthMax) {
    throw new SyntaxFault(`the expression is longer than ${EXPRESSION_LIMITS.lengthMax} characters`, 1);
  }
  const tokens: Token[] = [];
  let position = 0;
  while (position < source.length) {
    const space = match(SPACE, source, position);
    if (space !== undefined) {
      position += space.length;
      continue;
    }
    const [token, length] = tokenAt(source, position);
    tokens.push(token);
    position += length;
  }
  tokens.push({ kind: 'end', value: '', at: source.length + 1 });
  return tokens;
}

function tokenAt(source: string, position: number): readonly [Token, number] {
  const at = position + 1;
  const character = source[position];
  if (character === "'" || character === '"') return stringAt(source, position, character);
  const number = match(NUMBER, source, position);
  if (number !== undefined) {
    const value = Number(number);
    if (!Number.isFinite(value)) throw new SyntaxFault(`the number ${number} is too large`, at);
    return [{ kind: 'number', value, at }, number.length];
  }
  const name = match(NAME, source, position);
  if (name !== undefined) return [{ kind: 'name', value: name, at }, name.length];
  const sign = match(SIGN, source, position);
  if (sign !== undefined) return [{ kind: 'sign', value: sign, at }, sign.length];
  if (character === '=') throw new SyntaxFault('"=" is not an operator; compare with "=="', at);
  throw new SyntaxFault(`unexpected character ${JSON.stringify(character)}`, at);
}

function stringAt(source: string, start: number, quote: string): readonly [Token, number] {
  let value = '';
  let position = start + 1;
  while (position < source.length) {
    const character = source.charAt(position);
    if (character === quote) return [{ kind: 'string', value, at: start + 1 }, position + 1 - start];
    if (character === '\\') {
      const escaped = ESCAPES.get(source.charAt(position + 1));
      if (escaped === undefined)
        throw new SyntaxFault('unknown escape; use \\n \\t \\r \\\\ \\\' or \\"', position + 1);
      value += escaped;
      position += 2;
    } else {
      value += character;
      position += 1;
    }
  }
  throw new SyntaxFault('the string is not closed', start + 1);
}

function match(pattern: RegExp, source: string, position: number): string | undefined {
  pattern.lastIndex = position;
  return pattern.exec(source)?.[0];
}
