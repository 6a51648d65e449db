import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { fileSink, loudLine } from './server-log.ts';

test('the log is private, begins anew when it is full, and keeps the file before', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'log-'));
  try {
    const file = path.join(folder, 'guildhall.log');
    const sink = fileSink(file, 10);
    for (const line of ['first line\n', 'second\n', 'third line\n', 'fourth\n']) sink.write(line);
    expect(readFileSync(file, 'utf8')).toBe('fourth\n');
    expect(readFileSync(`${file}.1`, 'utf8')).toBe('second\nthird line\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a person is shown warnings and worse, in words', () => {
  expect(loudLine('{"level":"info","msg":"hello"}')).toBeUndefined();
  expect(loudLine('{"level":"error","msg":"it broke","error":{"message":"why"}}')).toBe('error: it broke: why\n');
});
