import { expect, test } from 'vitest';
import { silentLogger } from '../platform/telemetry/index.ts';
import { watchSignals } from './stopping.ts';

/** Emits to our listeners alone, as the system would. */
function watched() {
  let nowMs = 0;
  const exits: number[] = [];
  const before = new Map(['SIGINT', 'SIGTERM'].map((name) => [name, process.listeners(name as 'SIGINT')]));
  const signals = watchSignals({
    log: () => silentLogger,
    clock: { monotonicMs: () => nowMs },
    note: () => {},
    exit: (code) => exits.push(code),
  });
  const send = (name: 'SIGINT' | 'SIGTERM', atMs: number): void => {
    nowMs = atMs;
    for (const listener of process.listeners(name)) if (!before.get(name)?.includes(listener)) listener(name);
  };
  return { signals, send, exits };
}

test('a first Ctrl-C asks for an orderly stop, and its echo through npm is the same press', async () => {
  const { signals, send, exits } = watched();
  send('SIGINT', 1_000);
  send('SIGINT', 1_020);
  expect(await signals.stopped).toBe('SIGINT');
  expect(exits).toEqual([]);
  signals.release();
});

test('a second Ctrl-C ends the process at once', async () => {
  const { signals, send, exits } = watched();
  send('SIGTERM', 0);
  send('SIGINT', 2_000);
  expect(await signals.stopped).toBe('SIGTERM');
  expect(exits).toEqual([130]);
  signals.release();
});

test('released, it listens no longer', () => {
  const count = process.listenerCount('uncaughtException');
  const { signals } = watched();
  expect(process.listenerCount('uncaughtException')).toBe(count + 1);
  signals.release();
  expect(process.listenerCount('uncaughtException')).toBe(count);
});
