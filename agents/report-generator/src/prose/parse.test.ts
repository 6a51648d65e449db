import { describe, expect, test } from 'vitest';
import { proseHtml } from '../render/html/prose.ts';
import { parseProse } from './parse.ts';

describe('running text', () => {
  test('Markdown keeps headings, emphasis, lists and tables', () => {
    const html = proseHtml(
      parseProse('# T\n\nA **b** *c* `d`\n\n- one\n- two\n\n| x | y |\n|---|---|\n| 1 | 2 |', 'markdown'),
    );
    for (const part of [
      '<h2>T</h2>',
      '<strong>b</strong>',
      '<em>c</em>',
      '<code>d</code>',
      '<li><p>one</p></li>',
      '<th>x</th>',
      '<td>2</td>',
    ])
      expect(html).toContain(part);
  });

  test('scripts, handlers, frames and foreign images of HTML do not survive', () => {
    const hostile =
      '<p onclick="x()">hi <img src="http://e/x.png"><script>alert(1)</script><a href="javascript:x()">j</a> <a href="https://ok.example/">k</a></p><iframe src="x"></iframe><style>*{}</style><svg onload="x()"></svg>';
    const html = proseHtml(parseProse(hostile, 'html'));
    expect(html).toBe('<p>hi j <a href="https://ok.example/" rel="noopener noreferrer">k</a></p>');
  });

  test('text is never read as markup', () => {
    expect(proseHtml(parseProse('<b>a</b>\nnext\n\nlast', 'text'))).toBe(
      '<p>&#60;b&#62;a&#60;/b&#62;<br>next</p>\n<p>last</p>',
    );
  });

  test('thousands of nested elements are walked without a fall', () => {
    expect(parseProse(`${'<div>'.repeat(3_000)}deep${'</div>'.repeat(3_000)}`, 'html')).toEqual([
      { kind: 'paragraph', inlines: [expect.objectContaining({ kind: 'text' })] },
    ]);
  });
});
