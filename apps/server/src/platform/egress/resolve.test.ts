import { createSocket, type Socket } from 'node:dgram';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createResolve } from './resolve.ts';
import type { Resolve } from './types.ts';

const TYPES = { 1: 'A', 28: 'AAAA' } as const;
let server: Socket;
let resolve: Resolve;
let records: { A?: number[][]; AAAA?: number[][] };
let asked: string[];

/** The question as it came, with one answer per address; an answer without addresses means there are none. */
function reply(question: Buffer): Buffer {
  let end = 12;
  while (question[end]) end += (question[end] ?? 0) + 1;
  const type = TYPES[question.readUInt16BE(end + 1) === 1 ? 1 : 28];
  asked.push(type);
  const found = records[type] ?? [];
  const head = Buffer.from(question.subarray(0, 12));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(found.length, 6);
  head.writeUInt16BE(0, 10);
  const answers = found.map((bytes) =>
    Buffer.from([0xc0, 12, 0, type === 'A' ? 1 : 28, 0, 1, 0, 0, 0, 1, 0, bytes.length, ...bytes]),
  );
  return Buffer.concat([head, question.subarray(12, end + 5), ...answers]);
}

beforeEach(async () => {
  asked = [];
  server = createSocket('udp4');
  server.on('message', (question, from) => server.send(reply(question), from.port, from.address));
  await new Promise<void>((done) => server.bind(0, '127.0.0.1', done));
  resolve = createResolve([`127.0.0.1:${server.address().port}`]);
});
afterEach(() => new Promise<void>((done) => server.close(() => done())));

describe('the look-up of a public name', () => {
  test('gives every address of both families, so that all of them are judged', async () => {
    records = {
      A: [
        [93, 184, 216, 34],
        [127, 0, 0, 1],
      ],
      AAAA: [[...Array(15).fill(0), 1]],
    };
    expect(await resolve('two.example.com')).toEqual(['93.184.216.34', '127.0.0.1', '::1']);
    expect(asked.toSorted()).toEqual(['A', 'AAAA']);
  });

  test('is content with one family', async () => {
    records = { A: [[1, 1, 1, 1]] };
    expect(await resolve('four.example.com')).toEqual(['1.1.1.1']);
    records = { AAAA: [[0x26, 0x06, 0x47, 0, ...Array(11).fill(0), 1]] };
    expect(await resolve('six.example.com')).toEqual(['2606:4700::1']);
  });

  test('fails for a name without any address', async () => {
    records = {};
    await expect(resolve('none.example.com')).rejects.toThrow();
  });
});

test('a local name is looked up by the system, never by a name server', async () => {
  records = { A: [[93, 184, 216, 34]] };
  expect(await resolve('localhost')).toContain('127.0.0.1');
  expect(asked).toEqual([]);
});
