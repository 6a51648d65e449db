/** The tree of an expression, and the one error its author sees. */

export type Operator = '+' | '-' | '*' | '/' | '%' | '=' | '!=' | '<' | '<=' | '>' | '>=' | 'and' | 'or';

export type Expression =
  | { readonly type: 'number'; readonly text: string; readonly at: number }
  | { readonly type: 'text'; readonly value: string; readonly at: number }
  | { readonly type: 'constant'; readonly value: boolean | null; readonly at: number }
  | { readonly type: 'column'; readonly name: string; readonly at: number }
  | { readonly type: 'call'; readonly name: string; readonly args: readonly Expression[]; readonly at: number }
  | { readonly type: 'unary'; readonly operator: '-' | 'not'; readonly operand: Expression; readonly at: number }
  | {
      readonly type: 'binary';
      readonly operator: Operator;
      readonly left: Expression;
      readonly right: Expression;
      readonly at: number;
    }
  | { readonly type: 'is-null'; readonly operand: Expression; readonly negated: boolean; readonly at: number }
  | {
      readonly type: 'in';
      readonly operand: Expression;
      readonly options: readonly Expression[];
      readonly negated: boolean;
      readonly at: number;
    }
  | {
      readonly type: 'case';
      readonly branches: readonly Branch[];
      readonly otherwise: Expression | undefined;
      readonly at: number;
    };

export interface Branch {
  readonly when: Expression;
  readonly result: Expression;
}

/** A fault in an expression, with the place (counted from 1) where a reader should look. */
export class ExpressionError extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(`${message} (at character ${at + 1})`);
    this.name = 'ExpressionError';
    this.at = at;
  }
}
