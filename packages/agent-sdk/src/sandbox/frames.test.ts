import { expect, test } from 'vitest';
import { createFrameReader, encodeFrame, type FrameKind, SMALL_FRAME_MAX_BYTES } from './frames.ts';

const sent: readonly (readonly [FrameKind, string])[] = [
  ['progress', '{"done":1}'],
  ['result', '"é"'],
  ['failure', ''],
];
const stream = Buffer.concat(sent.map(([kind, json]) => encodeFrame(kind, json)));

test.each([1, 2, 5, 7, stream.length])('frames arrive whole when the stream is cut every %i bytes', (size) => {
  const reader = createFrameReader(100);
  const received: (readonly [string, string])[] = [];
  for (let at = 0; at < stream.length; at += size) {
    const frames = reader.push(stream.subarray(at, at + size));
    if (typeof frames === 'string') throw new Error(frames);
    received.push(...frames.map((frame) => [frame.kind, frame.body.toString()] as const));
  }
  expect(received).toEqual(sent);
});

test('a result past its limit is refused from its header alone', () => {
  const frame = encodeFrame('result', 'x'.repeat(101));
  expect(createFrameReader(100).push(frame.subarray(0, 5))).toBe('too-large');
  expect(createFrameReader(101).push(frame)).toHaveLength(1);
});

test('progress and failures have a limit of their own', () => {
  const frame = encodeFrame('progress', 'x'.repeat(SMALL_FRAME_MAX_BYTES + 1));
  expect(createFrameReader(Number.MAX_SAFE_INTEGER).push(frame)).toBe('too-large');
});

test('bytes that are no frame are known as such', () => {
  expect(createFrameReader(100).push(Buffer.from('hello'))).toBe('garbled');
});
