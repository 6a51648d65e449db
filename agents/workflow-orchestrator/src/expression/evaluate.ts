/** Computes an expression over the values in scope. No code is generated, nothing outside the scope can be reached. */
import type { Json } from '@guildhall/agent-sdk';
import { type Budget, expressionFailed } from './budget.ts';
import { FUNCTIONS } from './functions.ts';
import type { BinaryOperator, Expression } from './syntax.ts';
import { isSame, kindOf, ownMember } from './values.ts';

/** What an expression can see. */
export interface Scope {
  readonly data: Json;
  readonly steps: Json;
  readonly run: Json;
}

/**
 * The value of an expression. Pure: the same scope gives the same value. A missing member reads as null; a wrong kind of value,
 * a division by zero and a result beyond the numbers fail with the column.
 * @throws AgentError `expression-failed`, `expression-too-costly` or `value-too-large`
 */
export function evaluate(expression: Expression, scope: Scope, budget: Budget): Json {
  budget.spend(1);
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'list':
      return expression.items.map((item) => evaluate(item, scope, budget));
    case 'root':
      return rootOf(expression.name, scope);
    case 'member':
      return ownMember(evaluate(expression.of, scope, budget), expression.key);
    case 'index':
      return atIndex(evaluate(expression.of, scope, budget), evaluate(expression.key, scope, budget), expression.at);
    case 'call':
      return called(expression, scope, budget);
    case 'unary':
      return expression.operator === '!'
        ? !truth(evaluate(expression.of, scope, budget), '!', expression.at)
        : -numeric(evaluate(expression.of, scope, budget), '-', expression.at);
    case 'binary':
      return binary(expression, scope, budget);
    case 'choice':
      return truth(evaluate(expression.test, scope, budget), '?', expression.at)
        ? evaluate(expression.yes, scope, budget)
        : evaluate(expression.no, scope, budget);
    default:
      return expression satisfies never;
  }
}

/** The value as a yes or no; null counts as no. @throws AgentError `expression-failed` for any other kind. */
export function truth(value: Json, what: string, at?: number): boolean {
  if (typeof value === 'boolean') return value;
  if (value === null) return false;
  throw expressionFailed(`"${what}" needs true or false, and got ${kindOf(value)}.`, at);
}

function rootOf(name: string, scope: Scope): Json {
  if (name === 'data') return scope.data;
  return name === 'steps' ? scope.steps : scope.run;
}

function atIndex(value: Json, key: Json, at: number): Json {
  if (typeof key === 'string') return ownMember(value, key);
  if (typeof key !== 'number') throw expressionFailed(`An index is a number or a string, not ${kindOf(key)}.`, at);
  return ownMember(value, String(key));
}

function called(expression: Extract<Expression, { kind: 'call' }>, scope: Scope, budget: Budget): Json {
  const known = FUNCTIONS.get(expression.name);
  if (known === undefined) throw expressionFailed(`Unknown function "${expression.name}".`, expression.at);
  const args = expression.args.map((arg) => evaluate(arg, scope, budget));
  return known.apply(args, budget);
}

function binary(expression: Extract<Expression, { kind: 'binary' }>, scope: Scope, budget: Budget): Json {
  const { operator, at } = expression;
  const left = evaluate(expression.left, scope, budget);
  if (operator === '||')
    return truth(left, operator, at) || truth(evaluate(expression.right, scope, budget), operator, at);
  if (operator === '&&')
    return truth(left, operator, at) && truth(evaluate(expression.right, scope, budget), operator, at);
  const right = evaluate(expression.right, scope, budget);
  if (operator === '==') return isSame(left, right, budget);
  if (operator === '!=') return !isSame(left, right, budget);
  if (isOrdering(operator)) return ordered(operator, left, right, at);
  if (operator === '+' && typeof left === 'string' && typeof right === 'string') {
    budget.spend(Math.ceil((left.length + right.length) / 8));
    return left + right;
  }
  return arithmetic(operator, numeric(left, operator, at), numeric(right, operator, at), at);
}

type Ordering = '<' | '<=' | '>' | '>=';

function isOrdering(operator: BinaryOperator): operator is Ordering {
  return operator === '<' || operator === '<=' || operator === '>' || operator === '>=';
}

function ordered(operator: Ordering, left: Json, right: Json, at: number): boolean {
  const comparable =
    (typeof left === 'number' && typeof right === 'number') || (typeof left === 'string' && typeof right === 'string');
  if (!comparable) {
    throw expressionFailed(
      `"${operator}" compares two numbers or two strings, not ${kindOf(left)} and ${kindOf(right)}.`,
      at,
    );
  }
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  return operator === '>' ? left > right : left >= right;
}

function arithmetic(operator: BinaryOperator, left: number, right: number, at: number): number {
  if ((operator === '/' || operator === '%') && right === 0) throw expressionFailed('Division by zero.', at);
  const result = computed(operator, left, right);
  if (!Number.isFinite(result)) throw expressionFailed('The result is too large a number.', at);
  return result;
}

function computed(operator: BinaryOperator, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    default:
      return left % right;
  }
}

function numeric(value: Json, operator: string, at: number): number {
  if (typeof value !== 'number') throw expressionFailed(`"${operator}" needs numbers, and got ${kindOf(value)}.`, at);
  return value;
}
