/** The shape of a parsed expression, and the fault that says where one cannot be read. */
import type { Json } from '@guildhall/agent-sdk';

export type UnaryOperator = '!' | '-';
export type BinaryOperator = '||' | '&&' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%';

/** `at` is the 1-based column where the part begins in its source. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: Json; readonly at: number }
  | { readonly kind: 'list'; readonly items: readonly Expression[]; readonly at: number }
  | { readonly kind: 'root'; readonly name: string; readonly at: number }
  | { readonly kind: 'member'; readonly of: Expression; readonly key: string; readonly at: number }
  | { readonly kind: 'index'; readonly of: Expression; readonly key: Expression; readonly at: number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[]; readonly at: number }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly of: Expression; readonly at: number }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
      readonly at: number;
    }
  | {
      readonly kind: 'choice';
      readonly test: Expression;
      readonly yes: Expression;
      readonly no: Expression;
      readonly at: number;
    };

/** Bounds of one expression: enough for any mapping a person writes, too little to stall a parser. */
export const EXPRESSION_LIMITS = {
  /** Characters of source. */
  lengthMax: 2_000,
  /** Brackets, calls and unary signs inside each other. */
  depthMax: 32,
  /** Parts of the parsed tree; also bounds the recursion of evaluation. */
  nodesMax: 400,
} as const;

/** An expression that cannot be read; the message is public, `at` is the 1-based column. */
export class SyntaxFault extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(`${message} (column ${at})`);
    this.name = 'SyntaxFault';
    this.at = at;
  }
}
