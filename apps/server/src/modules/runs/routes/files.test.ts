import { describe, expect, it } from 'vitest';
import { displayName } from './files.ts';

describe('the name a file is shown under', () => {
  it.each([
    ['sales.csv', 'sales.csv'],
    ['تقرير.csv', 'تقرير.csv'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\a.csv', 'a.csv'],
    ['a\r\nset-cookie: x', 'aset-cookie: x'],
    ['  spaced.csv  ', 'spaced.csv'],
    ['', 'file'],
    ['..', 'file'],
    ['.', 'file'],
    ['folder/', 'file'],
    [undefined, 'file'],
    ['x'.repeat(300), 'x'.repeat(255)],
    // Half a character can be neither kept nor sent.
    [`${'x'.repeat(254)}😀`, `${'x'.repeat(254)}\ufffd`],
  ])('of %j is %j', (name, expected) => {
    expect(displayName(name)).toBe(expected);
    expect(encodeURIComponent(displayName(name))).not.toBe('');
  });
});
