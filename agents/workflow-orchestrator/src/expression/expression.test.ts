import { AgentError, type Json } from '@guildhall/agent-sdk';
import { describe, expect, test } from 'vitest';
import { fillTemplate, readExpression, readTemplate } from './index.ts';

const scope = {
  data: {
    n: 4,
    text: 'Amal',
    none: null,
    yes: true,
    list: [3, 1, 2],
    rows: [
      { sku: 'a', at: { price: 5 } },
      { sku: 'b', at: { price: 7 } },
    ],
    'odd key': 1,
  },
  steps: { load: { status: 'succeeded', output: { rows: 120 } } },
  run: { id: 'run_1', createdAt: '2026-01-01T00:00:00.000Z' },
} as const satisfies Record<string, Json>;

function value(source: string): Json {
  const { template, faults } = readExpression(source, '');
  expect(faults).toEqual([]);
  return fillTemplate(template, scope);
}

function fault(source: string): string {
  return readExpression(source, '/x')
    .faults.map((one) => one.message)
    .join('\n');
}

function failure(source: string): string {
  try {
    value(source);
  } catch (error) {
    if (error instanceof AgentError) return `${error.reason}: ${error.message}`;
    throw error;
  }
  return 'no failure';
}

describe('an expression', () => {
  test.each<[string, Json]>([
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['10 - 3 - 2', 5],
    ['-data.n + 1', -3],
    ['7 % 4', 3],
    ['1.5e3', 1500],
    ['data.n >= 4 && !false', true],
    ['data.none || data.yes', true],
    ['data.missing.deep.path', null],
    ['data["odd key"]', 1],
    ['data.list[1]', 1],
    ['data.list[9]', null],
    ['data.list[data.n - 2]', 2],
    ['steps.load.output.rows > 100 ? "many" : "few"', 'many'],
    ["'it''s' == 'x'".replace("''", "\\'"), false],
    ['[1, "a", [null]] == [1, "a", [null]]', true],
    ['data.rows[0] == data.rows[1]', false],
    ['"a" < "b"', true],
    ['"a" + "b"', 'ab'],
    ['length(data.list) + length(data.text) + length(data.rows[0])', 9],
    ['contains(data.list, 2) && contains(data.text, "ma") && contains(data.rows[0], "sku")', true],
    ['coalesce(data.none, data.missing, 5)', 5],
    ['concat(data.list, [9])', [3, 1, 2, 9]],
    ['concat("a", 1, null, true)', 'a1true'],
    ['join(data.list, "-")', '3-1-2'],
    ['pick(data.rows, "at.price")', [5, 7]],
    ['pick(data.rows[0], "sku", "nothing")', { sku: 'a' }],
    ['where(data.rows, "at.price", 7)', [{ sku: 'b', at: { price: 7 } }]],
    ['number(" 12.5 ") + number(true)', 13.5],
    ['string(data.list)', '[3,1,2]'],
    ['round(2.345, 2)', 2.35],
    ['round(1.005, 2)', 1.01],
    ['round(-2.5)', -3],
    ['round(12)', 12],
    ['floor(-1.5) + ceil(1.2) + abs(-2)', 2],
    ['keys(data.rows[0])', ['sku', 'at']],
    ['values(data.rows[0].at)', [5]],
    ['merge(data.rows[0], data.rows[1].at)', { sku: 'a', at: { price: 5 }, price: 7 }],
    ['sum(data.list) + min(data.list) + max(4, 5)', 12],
    ['min([])', null],
    ['first(data.list) + last(data.list)', 5],
    ['slice(data.text, 1, 3)', 'ma'],
    ['slice(data.list, -1)', [2]],
    ['unique([1, 1, 2])', [1, 2]],
    ['split("a,b", ",")', ['a', 'b']],
    ['replace("a-b-c", "-", "+")', 'a+b+c'],
    ['lower("A") + upper("b") + trim(" c ")', 'aBc'],
    ['startsWith(data.text, "Am") && endsWith(data.text, "al")', true],
    ['if(data.yes, 1, 2)', 1],
    ['type(data.list) + type(null)', 'listnull'],
    ['$'.concat('{{ data.n }}'), 4],
  ])('%s', (source, expected) => {
    expect(value(source)).toEqual(expected);
  });

  test.each<[string, RegExp]>([
    ['', /expected a value, found the end \(column 1\)/],
    ['1 +', /expected a value, found the end \(column 4\)/],
    ['data.list[1', /expected "\]", found the end/],
    ['data.n = 4', /compare with "==" \(column 8\)/],
    ['foo.bar', /unknown name "foo".*\(column 1\)/],
    ['eval("1")', /unknown function "eval"/],
    ['constructor("x")', /unknown function "constructor"/],
    ['length()', /length takes .* and got 0/],
    ['1 2', /expected the end, found "?2"? \(column 3\)/],
    ["'open", /not closed \(column 1\)/],
    ['data.n; data.n', /unexpected character ";" \(column 7\)/],
    ['`x`', /unexpected character/],
    ['1e999', /too large/],
    ['('.repeat(40), /nests deeper than 32/],
    ['!'.repeat(100), /nests deeper than 32/],
    ['['.repeat(1_900), /nests deeper than 32/],
    [`1${'+1'.repeat(500)}`, /more than 400 parts/],
    ['1'.repeat(2_001), /longer than 2000/],
  ])('%s is refused with its place', (source, expected) => {
    expect(fault(source)).toMatch(expected);
  });

  test.each<[string, RegExp]>([
    ['data.text * 2', /"\*" needs numbers, and got string.* \(column 11\)/],
    ['data.text > 2', /compares two numbers or two strings/],
    ['data.text && true', /needs true or false/],
    ['1 / 0', /Division by zero/],
    ['1e300 * 1e300', /too large a number/],
    ['length(5)', /length\(\) needs/],
    ['number("0x10")', /cannot read/],
    ['sum(["a"])', /sum\(\) needs a number/],
    ['data.list[true]', /An index is/],
  ])('%s fails with a sentence', (source, expected) => {
    expect(failure(source)).toMatch(expected);
  });

  test('nothing of a prototype can be read', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'prototype']) {
      expect(value(`data.${name}`)).toBeNull();
      expect(value(`data.list.${name}`)).toBeNull();
      expect(value(`data.text.${name}`)).toBeNull();
      expect(value(`pick(data.rows, "${name}")`)).toEqual([null, null]);
      expect(value(`contains(data.rows[0], "${name}")`)).toBe(false);
    }
    expect(value('data.list.length')).toBeNull();
  });

  test('work grows with the data, and stops at its bound', () => {
    const long: Json = { n: Array.from({ length: 2_000 }, (_, index) => index) };
    const { template } = readExpression('unique(data.n)', '');
    expect(() => fillTemplate(template, { ...scope, data: long })).toThrow(/operations/);
  });

  test('a value of thousands of levels is refused, and does not overflow the stack', () => {
    let deep: Json = 1;
    for (let level = 0; level < 50_000; level += 1) deep = [deep];
    for (const source of ['data', 'string(data)', 'data == [data]', 'unique([data, data])', 'join([data])']) {
      const { template } = readExpression(source, '');
      try {
        fillTemplate(template, { ...scope, data: deep });
      } catch (error) {
        expect(error).toBeInstanceOf(AgentError);
      }
    }
  });
});

describe('a template', () => {
  const fill = (source: Json): Json => {
    const { template, faults } = readTemplate(source, '');
    expect(faults).toEqual([]);
    return fillTemplate(template, scope);
  };
  const mark = (expression: string): string => `\${{ ${expression} }}`;

  test('an expression alone keeps its kind, inside text it becomes text', () => {
    expect(fill({ a: mark('data.list'), b: [`n is ${mark('data.n')}, ${mark('data.none')}!`], c: 5 })).toEqual({
      a: [3, 1, 2],
      b: ['n is 4, !'],
      c: 5,
    });
  });

  test('braces inside quotes do not end an expression, and a doubled sign is literal', () => {
    expect(fill(mark("'}}' + '{{'"))).toBe('}}{{');
    expect(fill('costs $${{ data.n }}')).toBe('costs ${{ data.n }}');
    expect(fill('plain $ { } {{ }}')).toBe('plain $ { } {{ }}');
  });

  test('what is inserted is never read as a template again', () => {
    const { template } = readTemplate(mark('data.evil'), '');
    expect(fillTemplate(template, { ...scope, data: { evil: mark('run.id') } })).toBe(mark('run.id'));
  });

  test('faults are listed with the place of each', () => {
    const { faults } = readTemplate({ a: { 'b/c': [mark('1 +')] }, d: '${{ open' }, '/steps/0/input');
    expect(faults.map((fault) => fault.path)).toEqual(['/steps/0/input/a/b~1c/0', '/steps/0/input/d']);
  });

  test('the key __proto__ is refused and pollutes nothing', () => {
    const { faults } = readTemplate(JSON.parse('{"a":{"__proto__":{"polluted":true}}}'), '');
    expect(faults).toEqual([{ path: '/a/__proto__', message: 'the key "__proto__" is not allowed' }]);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  test('a template that multiplies its data is stopped at the size bound', () => {
    const data = { big: 'x'.repeat(100_000) };
    const { template } = readTemplate(
      Array.from({ length: 1_000 }, () => mark('data.big')),
      '',
    );
    expect(() => fillTemplate(template, { ...scope, data })).toThrow(/larger than/);
  });

  test('doubling by reference is measured by what it would fill', () => {
    let doubled: Json = 'x';
    for (let level = 0; level < 60; level += 1) doubled = [doubled, doubled];
    const started = process.hrtime.bigint();
    const { template } = readTemplate(mark('data'), '');
    expect(() => fillTemplate(template, { ...scope, data: doubled })).toThrow(/larger than/);
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(500);
  });
});
