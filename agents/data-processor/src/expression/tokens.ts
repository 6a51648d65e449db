/** Cuts an expression into tokens. */
import { ExpressionError } from './syntax.ts';

export interface Token {
  readonly type: 'number' | 'text' | 'name' | 'column' | 'symbol' | 'end';
  readonly value: string;
  readonly at: number;
}

/** Long enough for any rule a person writes, short enough to read. */
export const EXPRESSION_CHARS_MAX = 4000;

const SPACE = /\s+/y;
const NUMBER = /(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const NAME = /[\p{L}_][\p{L}\p{M}\p{N}_]*/uy;
const SYMBOL = /==|!=|<>|<=|>=|[-+*/%=<>(),]/y;
const CLOSING: Readonly<Record<string, string>> = { "'": "'", '"': '"', '`': '`', '[': ']' };

/** @throws ExpressionError at the first character that begins no token. */
export function tokensOf(source: string): readonly Token[] {
  if (source.length > EXPRESSION_CHARS_MAX)
    throw new ExpressionError(EXPRESSION_CHARS_MAX, `an expression may have ${EXPRESSION_CHARS_MAX} characters`);
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };
  while (at < source.length) {
    const space = take(SPACE);
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    const token = quoted(source, at) ?? simple(take, at);
    if (token === undefined) throw new ExpressionError(at, `unexpected character ${JSON.stringify(source[at])}`);
    tokens.push(token.token);
    at = token.end;
  }
  tokens.push({ type: 'end', value: '', at: source.length });
  return tokens;
}

function simple(take: (pattern: RegExp) => string | undefined, at: number): { token: Token; end: number } | undefined {
  const number = take(NUMBER);
  if (number !== undefined) return { token: { type: 'number', value: number, at }, end: at + number.length };
  const name = take(NAME);
  if (name !== undefined) return { token: { type: 'name', value: name, at }, end: at + name.length };
  const symbol = take(SYMBOL);
  if (symbol !== undefined) return { token: { type: 'symbol', value: symbol, at }, end: at + symbol.length };
  return undefined;
}

/** 'text', and "column", `column` or [column] for names with spaces; the closing sign doubled stands for itself. */
function quoted(source: string, start: number): { token: Token; end: number } | undefined {
  const opening = source[start] ?? '';
  const closing = CLOSING[opening];
  if (closing === undefined) return undefined;
  let value = '';
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] !== closing) {
      value += source[at];
      continue;
    }
    if (source[at + 1] === closing) {
      value += closing;
      at++;
      continue;
    }
    return { token: { type: opening === "'" ? 'text' : 'column', value, at: start }, end: at + 1 };
  }
  throw new ExpressionError(start, `${opening} is never closed; write ${closing} at its end`);
}
