import { describe, expect, test } from 'vitest';
import { renderLiquid, syntaxFault } from './liquid.ts';

const render = (body: string, format: 'html' | 'markdown' | 'text' = 'text', scope: object = {}): string =>
  renderLiquid({ body, format }, scope, 'section 1');

describe('hostile templates', () => {
  test.each([
    ['a range of a billion', '{% for i in (1..1000000000) %}x{% endfor %}'],
    [
      'loops in loops',
      '{% for i in (1..100000) %}{% for j in (1..100000) %}{% assign x = j %}{% endfor %}{% endfor %}',
    ],
    ['doubling text', '{% assign x = "aaaaaaaa" %}{% for i in (1..100) %}{% assign x = x | append: x %}{% endfor %}'],
  ])('%s is stopped as template-limit', (_, body) => {
    expect(() => render(body)).toThrow(expect.objectContaining({ reason: 'template-limit' }));
  });

  test.each(['include', 'render', 'layout'])('%s cannot read a file and is refused where it stands', (tag) => {
    const body = `first line\n  {% ${tag} "/etc/passwd" %}`;
    expect(syntaxFault({ body, format: 'text' })).toMatch(/^line 2, column 3: the tag ".*" is not offered/);
    expect(() => render(body)).toThrow(expect.objectContaining({ reason: 'template-syntax' }));
  });

  test.each([
    '{{ "".constructor }}',
    '{{ report.__proto__ }}',
    '{{ report.constructor.name }}',
    '{{ report.toString }}',
  ])('%s reaches no prototype', (body) => {
    expect(render(body, 'text', { report: { title: 't' } })).toBe('');
  });

  test.each([
    ['{% if x', 'line 1, column 1'],
    ['a\n{{ 1 | nothing }}', 'line 2, column 1'],
    ['{% for %}{% endfor %}', 'line 1'],
  ])('a fault in %j names its place', (body, place) =>
    expect(syntaxFault({ body, format: 'text' }) ?? render(body)).toContain(place),
  );
});

describe('values', () => {
  test('arithmetic is exact', () => {
    expect(render('{{ 0.1 | plus: 0.2 }} {{ 1.005 | round: 2 }} {{ 10 | divided_by: 4 }} {{ -7 | modulo: 3 }}')).toBe(
      '0.3 1.01 2.5 2',
    );
    expect(render('{{ rows | sum: "v" }}', 'text', { rows: [{ v: '0.1' }, { v: 0.2 }] })).toBe('0.3');
  });

  test('data never becomes markup', () => {
    const scope = { v: '<script>alert(1)</script> **b** [x](javascript:y)' };
    expect(render('{{ v }}', 'html', scope)).not.toContain('<script');
    expect(render('{{ v }}', 'markdown', scope)).toContain('\\*\\*b\\*\\*');
  });
});
