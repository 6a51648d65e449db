/** Reads an expression: literals, paths, operators, calls of the listed functions, and `test ? yes : no`. */
import { FUNCTIONS } from './functions.ts';
import { type BinaryOperator, EXPRESSION_LIMITS, type Expression, SyntaxFault } from './syntax.ts';
import { type Token, tokenize } from './tokens.ts';

/** From loosest to tightest; operators of one row group from the left. */
const PRECEDENCE: readonly (readonly BinaryOperator[])[] = [
  ['||'],
  ['&&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['+', '-'],
  ['*', '/', '%'],
];
const ROOTS: ReadonlySet<string> = new Set(['data', 'steps', 'run']);
const CONSTANTS: ReadonlyMap<string, null | boolean> = new Map<string, null | boolean>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** The tree of an expression. Pure, and bounded by `EXPRESSION_LIMITS`. @throws SyntaxFault */
export function parseExpression(source: string): Expression {
  const parser = new Parser(tokenize(source));
  const expression = parser.choice();
  parser.expectEnd();
  return expression;
}

class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;
  #depth = 0;
  #nodes = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  choice(): Expression {
    const test = this.#binary(0);
    if (!this.#take('?')) return test;
    return this.#deeper(() => {
      const yes = this.choice();
      this.#expect(':');
      const no = this.choice();
      return this.#node({ kind: 'choice', test, yes, no, at: test.at });
    });
  }

  expectEnd(): void {
    const token = this.#peek();
    if (token.kind !== 'end') throw new SyntaxFault(`expected the end, found ${shown(token)}`, token.at);
  }

  #binary(level: number): Expression {
    const operators = PRECEDENCE[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const token = this.#peek();
      const operator = token.kind === 'sign' ? operators.find((one) => one === token.value) : undefined;
      if (operator === undefined) return left;
      this.#position += 1;
      left = this.#node({ kind: 'binary', operator, left, right: this.#binary(level + 1), at: token.at });
    }
  }

  #unary(): Expression {
    const token = this.#peek();
    if (token.kind === 'sign' && (token.value === '!' || token.value === '-')) {
      const operator = token.value;
      this.#position += 1;
      return this.#deeper(() => this.#node({ kind: 'unary', operator, of: this.#unary(), at: token.at }));
    }
    return this.#path();
  }

  #path(): Expression {
    let expression = this.#primary();
    for (;;) {
      const of = expression;
      if (this.#take('.')) {
        const key = this.#peek();
        if (key.kind !== 'name') throw new SyntaxFault(`expected a name after ".", found ${shown(key)}`, key.at);
        this.#position += 1;
        expression = this.#node({ kind: 'member', of, key: key.value, at: key.at });
      } else if (this.#take('[')) {
        const key = this.#deeper(() => this.choice());
        this.#expect(']');
        expression = this.#node({ kind: 'index', of, key, at: key.at });
      } else return expression;
    }
  }

  #primary(): Expression {
    const token = this.#peek();
    this.#position += 1;
    if (token.kind === 'number' || token.kind === 'string') {
      return this.#node({ kind: 'literal', value: token.value, at: token.at });
    }
    if (token.kind === 'name') return this.#named(token.value, token.at);
    if (token.kind === 'sign' && token.value === '(') {
      const inner = this.#deeper(() => this.choice());
      this.#expect(')');
      return inner;
    }
    if (token.kind === 'sign' && token.value === '[') {
      return this.#node({ kind: 'list', items: this.#deeper(() => this.#listUpTo(']')), at: token.at });
    }
    throw new SyntaxFault(`expected a value, found ${shown(token)}`, token.at);
  }

  #named(name: string, at: number): Expression {
    const constant = CONSTANTS.get(name);
    if (constant !== undefined) return this.#node({ kind: 'literal', value: constant, at });
    if (this.#take('(')) return this.#call(name, at);
    if (ROOTS.has(name)) return this.#node({ kind: 'root', name, at });
    throw new SyntaxFault(`unknown name "${name}"; a path begins with data, steps or run`, at);
  }

  #call(name: string, at: number): Expression {
    const known = FUNCTIONS.get(name);
    if (known === undefined) {
      throw new SyntaxFault(`unknown function "${name}"; known are ${[...FUNCTIONS.keys()].join(', ')}`, at);
    }
    const args = this.#deeper(() => this.#listUpTo(')'));
    if (args.length < known.argsMin || args.length > known.argsMax) {
      throw new SyntaxFault(`${name} takes ${known.usage}, and got ${args.length}`, at);
    }
    return this.#node({ kind: 'call', name, args, at });
  }

  #listUpTo(close: string): readonly Expression[] {
    const items: Expression[] = [];
    if (this.#take(close)) return items;
    for (;;) {
      items.push(this.choice());
      if (this.#take(close)) return items;
      this.#expect(',');
    }
  }

  #deeper<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > EXPRESSION_LIMITS.depthMax) {
      throw new SyntaxFault(`the expression nests deeper than ${EXPRESSION_LIMITS.depthMax}`, this.#peek().at);
    }
    const result = read();
    this.#depth -= 1;
    return result;
  }

  #node(expression: Expression): Expression {
    this.#nodes += 1;
    if (this.#nodes > EXPRESSION_LIMITS.nodesMax) {
      throw new SyntaxFault(`the expression has more than ${EXPRESSION_LIMITS.nodesMax} parts`, expression.at);
    }
    return expression;
  }

  #take(sign: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'sign' || token.value !== sign) return false;
    this.#position += 1;
    return true;
  }

  #expect(sign: string): void {
    const token = this.#peek();
    if (!this.#take(sign)) throw new SyntaxFault(`expected "${sign}", found ${shown(token)}`, token.at);
  }

  #peek(): Token {
    const token = this.#tokens[Math.min(this.#position, this.#tokens.length - 1)];
    if (token === undefined) throw new SyntaxFault('the expression is empty', 1);
    return token;
  }
}

function shown(token: Token): string {
  return token.kind === 'end' ? 'the end' : JSON.stringify(token.value);
}
