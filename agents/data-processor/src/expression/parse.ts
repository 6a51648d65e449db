/** Reads an expression into a tree. Knows no columns: those are checked when it is compiled. */
import { type Expression, ExpressionError, type Operator } from './syntax.ts';
import { type Token, tokensOf } from './tokens.ts';

/** Deeper nesting would only serve to exhaust the stack. */
const DEPTH_MAX = 64;
const WORDS = new Set([
  'and',
  'or',
  'not',
  'in',
  'is',
  'null',
  'true',
  'false',
  'case',
  'when',
  'then',
  'else',
  'end',
  'between',
]);
const COMPARISONS: Readonly<Record<string, Operator>> = {
  '=': '=',
  '==': '=',
  '!=': '!=',
  '<>': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};

/** @throws ExpressionError with the place of the first fault. */
export function parseExpression(source: string): Expression {
  const reader = new Reader(tokensOf(source));
  const tree = reader.or();
  reader.finish();
  return tree;
}

class Reader {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  finish(): void {
    if (this.#peek().type !== 'end') throw this.#unexpected('an operator or the end');
  }

  or(): Expression {
    if (++this.#depth > DEPTH_MAX) throw new ExpressionError(this.#peek().at, `nested deeper than ${DEPTH_MAX} levels`);
    let left = this.#and();
    for (let at = this.#word('or'); at !== undefined; at = this.#word('or'))
      left = { type: 'binary', operator: 'or', left, right: this.#and(), at };
    this.#depth--;
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    for (let at = this.#word('and'); at !== undefined; at = this.#word('and'))
      left = { type: 'binary', operator: 'and', left, right: this.#not(), at };
    return left;
  }

  #not(): Expression {
    const signs: number[] = [];
    for (let at = this.#word('not'); at !== undefined; at = this.#word('not')) signs.push(at);
    return nested('not', signs, this.#comparison());
  }

  #comparison(): Expression {
    const left = this.#sum();
    const token = this.#peek();
    const operator = token.type === 'symbol' ? COMPARISONS[token.value] : undefined;
    if (operator !== undefined) {
      this.#next++;
      return { type: 'binary', operator, left, right: this.#sum(), at: token.at };
    }
    if (this.#word('is') !== undefined) {
      const negated = this.#word('not') !== undefined;
      if (this.#word('null') === undefined) throw this.#unexpected('null');
      return { type: 'is-null', operand: left, negated, at: token.at };
    }
    const negated = this.#word('not') !== undefined;
    if (this.#word('in') !== undefined)
      return { type: 'in', operand: left, options: this.#list(), negated, at: token.at };
    if (this.#word('between') !== undefined) return this.#between(left, negated, token.at);
    if (negated) throw this.#unexpected('in or between');
    return left;
  }

  #between(operand: Expression, negated: boolean, at: number): Expression {
    const low = this.#sum();
    if (this.#word('and') === undefined) throw this.#unexpected('and');
    const high = this.#sum();
    const within: Expression = {
      type: 'binary',
      operator: 'and',
      left: { type: 'binary', operator: '>=', left: operand, right: low, at },
      right: { type: 'binary', operator: '<=', left: operand, right: high, at },
      at,
    };
    return negated ? { type: 'unary', operator: 'not', operand: within, at } : within;
  }

  #sum(): Expression {
    let left = this.#product();
    for (let sign = this.#symbol('+', '-'); sign !== undefined; sign = this.#symbol('+', '-')) {
      left = { type: 'binary', operator: sign.value === '+' ? '+' : '-', left, right: this.#product(), at: sign.at };
    }
    return left;
  }

  #product(): Expression {
    let left = this.#negation();
    for (let sign = this.#symbol('*', '/', '%'); sign !== undefined; sign = this.#symbol('*', '/', '%')) {
      const operator = sign.value === '*' ? '*' : sign.value === '/' ? '/' : '%';
      left = { type: 'binary', operator, left, right: this.#negation(), at: sign.at };
    }
    return left;
  }

  #negation(): Expression {
    const signs: number[] = [];
    for (let sign = this.#symbol('-'); sign !== undefined; sign = this.#symbol('-')) signs.push(sign.at);
    return nested('-', signs, this.#primary());
  }

  #primary(): Expression {
    const token = this.#peek();
    if (token.type === 'number') return this.#advance({ type: 'number', text: token.value, at: token.at });
    if (token.type === 'text') return this.#advance({ type: 'text', value: token.value, at: token.at });
    if (token.type === 'column') return this.#advance({ type: 'column', name: token.value, at: token.at });
    if (token.type === 'symbol' && token.value === '(') {
      this.#next++;
      const inner = this.or();
      this.#expect(')');
      return inner;
    }
    if (token.type !== 'name') throw this.#unexpected('a value');
    return this.#named(token);
  }

  #named(token: Token): Expression {
    const word = token.value.toLowerCase();
    if (word === 'true' || word === 'false')
      return this.#advance({ type: 'constant', value: word === 'true', at: token.at });
    if (word === 'null') return this.#advance({ type: 'constant', value: null, at: token.at });
    if (word === 'case') return this.#case(token.at);
    const opens = this.#tokens[this.#next + 1];
    if (opens?.type === 'symbol' && opens.value === '(') {
      this.#next++;
      return { type: 'call', name: word, args: this.#list(), at: token.at };
    }
    if (WORDS.has(word)) throw this.#unexpected('a value');
    return this.#advance({ type: 'column', name: token.value, at: token.at });
  }

  #case(at: number): Expression {
    this.#next++;
    const branches: { when: Expression; result: Expression }[] = [];
    while (this.#word('when') !== undefined) {
      const when = this.or();
      if (this.#word('then') === undefined) throw this.#unexpected('then');
      branches.push({ when, result: this.or() });
    }
    if (branches.length === 0) throw this.#unexpected('when');
    const otherwise = this.#word('else') === undefined ? undefined : this.or();
    if (this.#word('end') === undefined) throw this.#unexpected('end');
    return { type: 'case', branches, otherwise, at };
  }

  #list(): readonly Expression[] {
    this.#expect('(');
    const items: Expression[] = [];
    if (this.#symbol(')') !== undefined) return items;
    do items.push(this.or());
    while (this.#symbol(',') !== undefined);
    this.#expect(')');
    return items;
  }

  #peek(): Token {
    const token = this.#tokens[this.#next] ?? this.#tokens.at(-1);
    if (token === undefined) throw new Error('tokens always end with an end token');
    return token;
  }

  #advance(result: Expression): Expression {
    this.#next++;
    return result;
  }

  #word(word: string): number | undefined {
    const token = this.#peek();
    if (token.type !== 'name' || token.value.toLowerCase() !== word) return undefined;
    this.#next++;
    return token.at;
  }

  #symbol(...symbols: readonly string[]): Token | undefined {
    const token = this.#peek();
    if (token.type !== 'symbol' || !symbols.includes(token.value)) return undefined;
    this.#next++;
    return token;
  }

  #expect(symbol: string): void {
    if (this.#symbol(symbol) === undefined) throw this.#unexpected(symbol);
  }

  #unexpected(expected: string): ExpressionError {
    const token = this.#peek();
    const found = token.type === 'end' ? 'the expression ends' : `found ${JSON.stringify(token.value)}`;
    return new ExpressionError(token.at, `expected ${expected}, but ${found}`);
  }
}

function nested(operator: '-' | 'not', signs: readonly number[], operand: Expression): Expression {
  if (signs.length > DEPTH_MAX) throw new ExpressionError(signs[0] ?? 0, `nested deeper than ${DEPTH_MAX} levels`);
  return signs.reduceRight<Expression>((inner, at) => ({ type: 'unary', operator, operand: inner, at }), operand);
}
