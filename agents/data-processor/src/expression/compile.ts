/** Turns a tree into SQL for the columns at hand. Every literal is escaped, every name quoted, every function from our own list. */
import { type Column, identifier, isNumeric, type Kind, literal } from '../columns.ts';
import { type Compiled, FUNCTIONS, fits, textConstant } from './functions.ts';
import { parseExpression } from './parse.ts';
import { type Expression, ExpressionError } from './syntax.ts';

/** @throws ExpressionError for a fault of syntax, an unknown column or function, or types that do not go together. */
export function compileExpression(source: string, columns: readonly Column[]): Compiled {
  return compile(parseExpression(source), new Map(columns.map((column) => [column.name, column])));
}

type Columns = ReadonlyMap<string, Column>;

function compile(node: Expression, columns: Columns): Compiled {
  switch (node.type) {
    case 'number':
      return numberConstant(node.text, node.at);
    case 'text':
      return textConstant(node.value, node.at);
    case 'constant':
      return node.value === null
        ? { sql: 'NULL', kind: 'null', type: 'NULL', at: node.at }
        : { sql: String(node.value), kind: 'boolean', type: 'BOOLEAN', at: node.at };
    case 'column':
      return column(node.name, node.at, columns);
    case 'call':
      return call(node, columns);
    case 'unary':
      return unary(node.operator, compile(node.operand, columns), node.at);
    case 'binary':
      return binary(node, columns);
    case 'is-null':
      return truth(`(${compile(node.operand, columns).sql} IS ${node.negated ? 'NOT ' : ''}NULL)`, node.at);
    case 'in':
      return membership(node, columns);
    case 'case':
      return choice(node, columns);
    default:
      throw new Error(`no such node ${JSON.stringify(node satisfies never)}`);
  }
}

function numberConstant(text: string, at: number): Compiled {
  if (/[eE]/.test(text))
    return { sql: `CAST(${literal(text)} AS DOUBLE)`, kind: 'number', type: 'DOUBLE', at, constant: text };
  const digits = text.replace('.', '').length;
  if (digits > 38) throw new ExpressionError(at, 'a number may have 38 digits');
  if (!text.includes('.'))
    return { sql: text, kind: 'integer', type: digits > 18 ? 'HUGEINT' : 'BIGINT', at, constant: text };
  const scale = text.length - text.indexOf('.') - 1;
  const type = `DECIMAL(${Math.max(digits, scale + 1)},${scale})`;
  return { sql: `CAST(${literal(text)} AS ${type})`, kind: 'decimal', type, at, constant: text };
}

function column(name: string, at: number, columns: Columns): Compiled {
  const found = columns.get(name);
  if (found === undefined)
    throw new ExpressionError(at, `unknown column ${JSON.stringify(name)}; there are ${listed([...columns.keys()])}`);
  return { sql: identifier(name), kind: found.kind, type: found.sql, at };
}

/** Names for a message, cut where it would become a page. */
export function listed(names: readonly string[]): string {
  const shown = names
    .slice(0, 20)
    .map((name) => JSON.stringify(name))
    .join(', ');
  return names.length > 20 ? `${shown} and ${names.length - 20} more` : shown || 'none';
}

function call(node: Extract<Expression, { type: 'call' }>, columns: Columns): Compiled {
  if (node.name === 'if') return conditional(node, columns);
  const rule = FUNCTIONS.get(node.name);
  if (rule === undefined)
    throw new ExpressionError(
      node.at,
      `unknown function ${node.name}; there are if, ${[...FUNCTIONS.keys()].join(', ')}`,
    );
  const least = rule.args.length - (rule.optional ?? 0);
  const most = rule.many === true ? Number.POSITIVE_INFINITY : rule.args.length;
  if (node.args.length < least || node.args.length > most) {
    throw new ExpressionError(
      node.at,
      `${node.name} takes ${least === most ? least : most === Number.POSITIVE_INFINITY ? `${least} or more` : `${least} to ${most}`} values, not ${node.args.length}`,
    );
  }
  const args = node.args.map((arg) => compile(arg, columns));
  for (const [index, arg] of args.entries()) {
    const wanted = rule.args[index] ?? rule.args.at(-1) ?? 'any';
    if (!fits(wanted, arg))
      throw new ExpressionError(
        arg.at,
        `${node.name} needs ${wanted.replace('-', ' ')} here, but this is ${arg.kind}${wanted === 'text' ? '; text(…) turns it into text' : ''}`,
      );
  }
  const widest = rule.result === 'widest' ? unified(args, node.at) : undefined;
  const kind =
    rule.result === 'first'
      ? (args[0]?.kind ?? 'null')
      : (widest?.kind ?? (rule.result === 'widest' ? 'null' : rule.result));
  const type = rule.result === 'first' ? (args[0]?.type ?? 'NULL') : (widest?.type ?? sqlTypeOf(kind));
  return { sql: rule.sql(args), kind, type, at: node.at };
}

function conditional(node: Extract<Expression, { type: 'call' }>, columns: Columns): Compiled {
  const [when, then, otherwise] = node.args;
  if (when === undefined || then === undefined || node.args.length > 3)
    throw new ExpressionError(node.at, 'if takes a condition, a value, and a value for otherwise');
  return choice({ type: 'case', branches: [{ when, result: then }], otherwise, at: node.at }, columns);
}

function choice(node: Extract<Expression, { type: 'case' }>, columns: Columns): Compiled {
  const branches = node.branches.map((branch) => ({
    when: boolean(compile(branch.when, columns), 'a condition'),
    result: compile(branch.result, columns),
  }));
  const otherwise = node.otherwise === undefined ? undefined : compile(node.otherwise, columns);
  const results = [...branches.map((branch) => branch.result), ...(otherwise === undefined ? [] : [otherwise])];
  const { kind, type } = unified(results, node.at);
  const cases = branches.map((branch) => `WHEN ${branch.when.sql} THEN ${branch.result.sql}`).join(' ');
  return { sql: `(CASE ${cases} ELSE ${otherwise?.sql ?? 'NULL'} END)`, kind, type, at: node.at };
}

function unary(operator: '-' | 'not', operand: Compiled, at: number): Compiled {
  if (operator === 'not') return truth(`(NOT ${boolean(operand, 'not').sql})`, at);
  if (!isNumeric(operand.kind) && operand.kind !== 'null')
    throw new ExpressionError(operand.at, `- needs a number, but this is ${operand.kind}`);
  const constant = operand.constant === undefined ? {} : { constant: `-${operand.constant}` };
  return { sql: `(- ${operand.sql})`, kind: operand.kind, type: operand.type, at, ...constant };
}

function binary(node: Extract<Expression, { type: 'binary' }>, columns: Columns): Compiled {
  const left = compile(node.left, columns);
  const right = compile(node.right, columns);
  const { operator, at } = node;
  if (operator === 'and' || operator === 'or')
    return truth(`(${boolean(left, operator).sql} ${operator.toUpperCase()} ${boolean(right, operator).sql})`, at);
  if (operator === '+' || operator === '-' || operator === '*' || operator === '/' || operator === '%')
    return arithmetic(operator, left, right, at);
  const [one, other] = comparable(left, right, at);
  return truth(`(${one.sql} ${operator} ${other.sql})`, at);
}

function arithmetic(operator: '+' | '-' | '*' | '/' | '%', left: Compiled, right: Compiled, at: number): Compiled {
  for (const side of [left, right]) {
    if (!isNumeric(side.kind) && side.kind !== 'null') {
      const advice =
        side.kind === 'text' && operator === '+'
          ? '; concat(…) joins texts, number(…) reads a number'
          : side.kind === 'text'
            ? '; number(…) or decimal(…, 2) reads a number from text'
            : '';
      throw new ExpressionError(side.at, `${operator} needs numbers, but this is ${side.kind}${advice}`);
    }
  }
  if (operator === '/') return { sql: `(${left.sql} / nullif(${right.sql}, 0))`, kind: 'number', type: 'DOUBLE', at };
  const kind = [left.kind, right.kind].includes('number')
    ? 'number'
    : [left.kind, right.kind].includes('decimal')
      ? 'decimal'
      : 'integer';
  if (operator === '%') return { sql: `(${left.sql} % nullif(${right.sql}, 0))`, kind, type: sqlTypeOf(kind), at };
  return { sql: `(${left.sql} ${operator} ${right.sql})`, kind, type: sqlTypeOf(kind), at };
}

function membership(node: Extract<Expression, { type: 'in' }>, columns: Columns): Compiled {
  if (node.options.length === 0) throw new ExpressionError(node.at, 'in needs at least one value');
  const operand = compile(node.operand, columns);
  const options = node.options.map((option) => comparable(operand, compile(option, columns), node.at)[1].sql);
  return truth(`(${operand.sql} ${node.negated ? 'NOT ' : ''}IN (${options.join(', ')}))`, node.at);
}

/** Both sides made comparable: numbers with numbers, a date with a text constant that is a date. */
function comparable(left: Compiled, right: Compiled, at: number): readonly [Compiled, Compiled] {
  if (left.kind === right.kind || left.kind === 'null' || right.kind === 'null') return [left, right];
  if (isNumeric(left.kind) && isNumeric(right.kind)) return [left, right];
  if (isMoment(left) && isMoment(right)) return [left, right];
  if (isMoment(left) && right.constant !== undefined) return [left, moment(right)];
  if (isMoment(right) && left.constant !== undefined) return [moment(left), right];
  throw new ExpressionError(
    at,
    `cannot compare ${left.kind} with ${right.kind}; convert one side with text(…), number(…) or date(…)`,
  );
}

function isMoment(value: Compiled): boolean {
  return value.kind === 'date' || value.kind === 'timestamp';
}

function moment(constant: Compiled): Compiled {
  const text = constant.constant ?? '';
  if (
    constant.kind !== 'text' ||
    !/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text) ||
    Number.isNaN(Date.parse(text))
  ) {
    throw new ExpressionError(constant.at, `${JSON.stringify(text)} is no ISO date, such as '2026-01-31'`);
  }
  const type = text.length === 10 ? 'DATE' : 'TIMESTAMP';
  return {
    ...constant,
    sql: `CAST(${literal(text)} AS ${type})`,
    kind: text.length === 10 ? 'date' : 'timestamp',
    type,
  };
}

function unified(values: readonly Compiled[], at: number): { kind: Compiled['kind']; type: string } {
  const known = values.filter((value) => value.kind !== 'null');
  const first = known[0];
  if (first === undefined) return { kind: 'null', type: 'NULL' };
  if (known.every((value) => value.kind === first.kind)) return { kind: first.kind, type: first.type };
  if (known.every((value) => isNumeric(value.kind))) {
    const kind = known.some((value) => value.kind === 'number') ? 'number' : 'decimal';
    return { kind, type: sqlTypeOf(kind) };
  }
  if (known.every(isMoment)) return { kind: 'timestamp', type: 'TIMESTAMP' };
  throw new ExpressionError(
    at,
    `the results must have one type, but they are ${[...new Set(known.map((value) => value.kind))].join(' and ')}`,
  );
}

function boolean(value: Compiled, where: string): Compiled {
  if (value.kind !== 'boolean' && value.kind !== 'null')
    throw new ExpressionError(value.at, `${where} needs true or false, but this is ${value.kind}`);
  return value;
}

function truth(sql: string, at: number): Compiled {
  return { sql, kind: 'boolean', type: 'BOOLEAN', at };
}

function sqlTypeOf(kind: Kind | 'null'): string {
  const types: Readonly<Record<Kind | 'null', string>> = {
    text: 'VARCHAR',
    integer: 'BIGINT',
    decimal: 'DECIMAL(38,10)',
    number: 'DOUBLE',
    boolean: 'BOOLEAN',
    date: 'DATE',
    timestamp: 'TIMESTAMP',
    time: 'TIME',
    json: 'JSON',
    null: 'NULL',
  };
  return types[kind];
}
