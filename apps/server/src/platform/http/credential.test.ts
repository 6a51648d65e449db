import { expect, test } from 'vitest';
import { isSameOrigin } from './credential.ts';

test.each([
  ['http://127.0.0.1:4000', 'http://localhost:4000'],
  ['http://127.0.0.1:4000', 'http://[::1]:4000'],
  ['http://localhost', 'http://127.0.0.1'],
  ['https://app.example.com', 'https://app.example.com'],
])('%s and %s are one origin', (one, other) => {
  expect([isSameOrigin(one, other), isSameOrigin(other, one)]).toEqual([true, true]);
});

test.each([
  ['http://127.0.0.1:4000', 'http://localhost:4001'],
  ['http://127.0.0.1:4000', 'https://localhost:4000'],
  ['http://127.0.0.1:4000', 'http://localhost.evil.example:4000'],
  ['http://127.0.0.1:4000', 'http://127.0.0.1.evil.example:4000'],
  ['http://127.0.0.1:4000', 'http://127.0.0.2:4000'],
  ['http://127.0.0.1', 'http://localhost.evil.example'],
  ['http://127.0.0.1:4000', 'null'],
  ['https://127.0.0.1', 'https://localhost'],
  ['https://app.example.com', 'https://app.example.com.evil.example'],
  ['https://app.example.com', 'http://app.example.com'],
])('%s and %s are two', (one, other) => {
  expect([isSameOrigin(one, other), isSameOrigin(other, one)]).toEqual([false, false]);
});
