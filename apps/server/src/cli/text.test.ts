import { expect, test } from 'vitest';
import { formatBytes, formatDuration, plain, table } from './text.ts';

test('text of others cannot move the cursor, colour the screen or begin a line', () => {
  expect(plain('a\u001b[31mred\r\nnext\u009b2Jtab\t.')).toBe('a [31mred next 2Jtab .');
  expect(plain({ a: 1 })).toBe('{"a":1}');
  expect(plain('x'.repeat(50), 10)).toBe(`${'x'.repeat(9)}…`);
});

test('a table lines up its columns and says so when it is empty', () => {
  expect(table(['A', 'LONG'], [['wide cell', 'x']], 'none')).toBe('A          LONG\nwide cell  x\n');
  expect(table(['A'], [], 'There is none.')).toBe('There is none.\n');
});

test('sizes and times read as people say them', () => {
  expect([formatBytes(12), formatBytes(1_536), formatBytes(75 * 1024 * 1024)]).toEqual(['12 B', '1.5 KiB', '75.0 MiB']);
  expect([formatDuration(840), formatDuration(3_240), formatDuration(245_000)]).toEqual([
    '840 ms',
    '3.2 s',
    '4 min 5 s',
  ]);
});
