import { describe, expect, it } from 'vitest';
import type { Column } from '../src/columns.ts';
import { compileExpression } from '../src/expression/compile.ts';
import { parseExpression } from '../src/expression/parse.ts';
import { processed } from './process.ts';

const COLUMNS: readonly Column[] = [
  { name: 'amount', kind: 'decimal', sql: 'DECIMAL(10,2)' },
  { name: 'count', kind: 'integer', sql: 'BIGINT' },
  { name: 'name', kind: 'text', sql: 'VARCHAR' },
  { name: 'order id', kind: 'integer', sql: 'BIGINT' },
  { name: 'المدينة', kind: 'text', sql: 'VARCHAR' },
  { name: 'paid', kind: 'boolean', sql: 'BOOLEAN' },
  { name: 'day', kind: 'date', sql: 'DATE' },
  { name: 'say "hi"', kind: 'text', sql: 'VARCHAR' },
];

const compile = (text: string) => compileExpression(text, COLUMNS);

describe('an expression', () => {
  it.each([
    ['amount +', 'expected a value, but the expression ends (at character 9)'],
    ['amount ? 2', 'unexpected character "?" (at character 8)'],
    ["'open", "' is never closed; write ' at its end (at character 1)"],
    ['(amount', 'expected ), but the expression ends (at character 8)'],
    ['amount amount', 'expected an operator or the end, but found "amount" (at character 8)'],
    ['case amount end', 'expected when, but found "amount" (at character 6)'],
    ['amount is 3', 'expected null, but found "3" (at character 11)'],
    ['amount not 3', 'expected in or between, but found "3" (at character 12)'],
    ['', 'expected a value, but the expression ends (at character 1)'],
  ])('%s is refused with the place of the fault', (text, message) => {
    expect(() => parseExpression(text)).toThrow(message);
  });

  it.each([
    ['total * 2', 'unknown column "total"; there are "amount", "count"'],
    ['sleep(5)', 'unknown function sleep'],
    ["read_text('/etc/passwd')", 'unknown function read_text'],
    ['name + 1', '+ needs numbers, but this is text; concat(…) joins texts'],
    ['upper(amount)', 'upper needs text here, but this is decimal'],
    ['name = 3', 'cannot compare text with integer'],
    ["day > 'yesterday'", '"yesterday" is no ISO date'],
    ['amount and paid', 'and needs true or false, but this is decimal'],
    ["if(paid, 1, 'x')", 'the results must have one type'],
    ['substring(name)', 'substring takes 2 to 3 values, not 1'],
    ["pad_left(name, 100000, ' ')", 'a width may be 1000 at most'],
    ["date_add(day, 1, 'fortnight')", 'unit must be one of'],
    ['1'.repeat(39), 'a number may have 38 digits'],
  ])('%s is refused when it meets the columns', (text, message) => {
    expect(() => compile(text)).toThrow(message);
  });

  it('cannot be nested so deep, or made so long, that reading it is a danger', () => {
    expect(() => parseExpression(`${'('.repeat(5000)}1`)).toThrow('4000 characters');
    expect(() => parseExpression(`${'('.repeat(1000)}1${')'.repeat(1000)}`)).toThrow('nested deeper than 64');
    expect(() => parseExpression(`${'-'.repeat(1000)}1`)).toThrow('nested deeper than 64');
    expect(() => parseExpression(`${'not '.repeat(900)}true`)).toThrow('nested deeper than 64');
  });

  it('never leaves its quotes: texts and names reach the engine escaped', () => {
    expect(compile("name = 'x''; DROP TABLE t; --'").sql).toBe(`("name" = 'x''; DROP TABLE t; --')`);
    expect(compile('"say ""hi""" is null').sql).toBe('("say ""hi""" IS NULL)');
    expect(compile('[order id] + `order id`').sql).toBe('("order id" + "order id")');
    expect(compile('المدينة').sql).toBe('"المدينة"');
  });

  it.each([
    ['1 + 2 * 3', 'integer'],
    ['amount * 1.5', 'decimal'],
    ['amount / count', 'number'],
    ['coalesce(count, amount)', 'decimal'],
    ["concat(name, ' ', count)", 'text'],
    ['year(day) = 2026', 'boolean'],
    ["date_add(day, 1, 'month')", 'date'],
    ['null', 'null'],
  ])('%s has the type %s', (text, kind) => {
    expect(compile(text).kind).toBe(kind);
  });
});

describe('an expression computes', () => {
  const CASES: readonly (readonly [string, unknown])[] = [
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['-count - -1', -6],
    ['amount * 1.1', 13.585],
    ['0.1 + 0.2', 0.3],
    ['count % 4', 3],
    ['count / 2', 3.5],
    ['count / 0', null],
    ['round(amount, 1)', 12.4],
    ['abs(-3)', 3],
    ["upper(name) = 'NOURA'", true],
    ["concat(name, '-', count, '-', nothing)", 'noura-7-'],
    ["replace(name, 'ou', 'u')", 'nura'],
    ['length(المدينة)', 6],
    ['substring(name, 2, 3)', 'our'],
    ["matches(name, '^n.*a$')", true],
    ["regex_extract(name, '(o.)r', 1)", 'ou'],
    ["regex_replace(name, '[aeiou]', '*')", 'n**r*'],
    ["split_part('a-b-c', '-', 2)", 'b'],
    ["pad_left(text(count), 3, '0')", '007'],
    ["latin_digits('١٢٣')", '123'],
    ["integer('٤٢')", null],
    ["decimal('2.71', 5)", 2.71],
    ["number('x')", null],
    ["boolean('yes')", true],
    ['coalesce(nothing, 5)', 5],
    ['nothing is null and count is not null', true],
    ["if(count > 5, 'many', 'few')", 'many'],
    ["case when count = 1 then 'one' when count = 7 then 'seven' else 'other' end", 'seven'],
    ["name in ('omar', 'noura')", true],
    ['count not in (1, 2)', true],
    ['count between 7 and 9', true],
    ['not (count between 7 and 9)', false],
    ["day >= '2026-01-31' and day < '2026-02-01'", true],
    ['year(day) * 100 + month(day)', 202601],
    ['weekday(day)', 6],
    ["date_add(day, 1, 'month')", '2026-02-28'],
    ["date_diff('day', day, date('2026-03-01'))", 29],
    ["date_trunc('month', day)", '2026-01-01'],
    ["format_date(day, '%d/%m/%Y')", '31/01/2026'],
    ['greatest(count, 3, 9)', 9],
    ['null_if(count, 7)', null],
  ];

  it('what an expert expects', async () => {
    const columns = Object.fromEntries(CASES.map(([text], index) => [`x${index}`, text]));
    const { records } = await processed({
      sources: [
        { records: [{ name: 'noura', count: 7, amount: 12.35, المدينة: 'الرياض', day: '2026-01-31', nothing: null }] },
      ],
      steps: [
        { step: 'cast', columns: { nothing: 'integer' } },
        { step: 'derive', columns },
      ],
      outputs: ['ndjson'],
    });
    const [row] = records();
    expect(CASES.map(([text], index) => [text, row?.[`x${index}`]])).toEqual(CASES);
  });
});
