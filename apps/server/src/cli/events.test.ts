import type { RunEvent } from '@guildhall/contract';
import { expect, test } from 'vitest';
import { followRun, readBlocks } from './events.ts';
import { CliError, EXIT } from './exit-codes.ts';

const event = (seq: number, type: RunEvent['type'], data: unknown): RunEvent => ({
  seq,
  type,
  at: '2026-01-01T00:00:00.000Z',
  runId: 'run_1',
  data,
});
const frame = (one: RunEvent): string => `id: ${one.seq}\nevent: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`;
const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const streamOf = (...chunks: Uint8Array<ArrayBuffer>[]): ReadableStream<Uint8Array> => ReadableStream.from(chunks);

const running = event(1, 'status', { status: 'running' });
const step = event(2, 'step', { name: 'قراءة', status: 'succeeded' });
const ended = event(3, 'status', { status: 'succeeded' });

/** Answers each connection by the next of `connections`; notes where each began. */
function scripted(connections: readonly (() => ReadableStream<Uint8Array>)[]) {
  const begunAfter: number[] = [];
  return {
    begunAfter,
    events: async (_target: string, lastEventId: number) => {
      const connection = connections[begunAfter.length];
      begunAfter.push(lastEventId);
      if (!connection) throw new CliError(EXIT.unreachable, 'nothing answers');
      return connection();
    },
  };
}

const collect = async (source: AsyncIterable<RunEvent>): Promise<number[]> => {
  const seen: number[] = [];
  for await (const one of source) seen.push(one.seq);
  return seen;
};

test('events are whole however the bytes are cut, and comments are passed over', async () => {
  const all = bytes(`: open\n\n${frame(step)}: still here\n\n${frame(ended)}`);
  for (const size of [1, 2, 7, all.length]) {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for (let at = 0; at < all.length; at += size) chunks.push(all.slice(at, at + size));
    const blocks = await Array.fromAsync(readBlocks(streamOf(...chunks)));
    expect(blocks.map((block) => JSON.parse(block))).toEqual([step, ended]);
  }
});

test('a lost connection is resumed after the last event, without gap or repetition', async () => {
  const api = scripted([
    () => streamOf(bytes(frame(running))),
    () => {
      throw new TypeError('terminated');
    },
    () => streamOf(bytes(frame(running) + frame(step) + frame(ended))),
  ]);
  expect(await collect(followRun(api, 'run_1', 0, 1))).toEqual([1, 2, 3]);
  expect(api.begunAfter).toEqual([0, 1, 1]);
});

test('a refusal ends the following at once', async () => {
  const api = {
    events: async () => {
      throw new CliError(EXIT.refused, 'There is no such run.');
    },
  };
  await expect(collect(followRun(api, 'run_1', 0, 1))).rejects.toThrow('There is no such run.');
});
