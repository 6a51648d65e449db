/** A child that tries to do harm in the way its input names. */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { AgentError } from '../../agent-error.ts';
import type { Json } from '../../types.ts';
import { sandboxEntry } from '../entry.ts';

const MIB = 1024 * 1024;

const deeds: Readonly<Record<string, (path: string, writeDir: string) => Json | Promise<Json>>> = {
  loop() {
    for (;;);
  },
  wait: () => new Promise<never>(() => setInterval(() => undefined, 1_000)),
  async buffers() {
    const held: Buffer[] = [];
    while (held.length < 3 * 1024) {
      held.push(Buffer.alloc(MIB, 1));
      if (held.length % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return held.length;
  },
  heap() {
    const held: number[][] = [];
    for (;;) held.push(new Array(1_000).fill(held.length));
  },
  async fork() {
    const { spawnSync } = await import('node:child_process');
    return spawnSync('/bin/sh', ['-c', 'echo out']).stdout.toString();
  },
  async worker() {
    const { Worker } = await import('node:worker_threads');
    return new Worker('1', { eval: true }).threadId;
  },
  read: (path) => readFileSync(path, 'utf8').slice(0, 10),
  write(path) {
    writeFileSync(path, 'x');
    return null;
  },
  writeInside(_path, writeDir) {
    writeFileSync(join(writeDir, 'ok.txt'), 'x');
    return null;
  },
  connect: (port) =>
    new Promise((resolve, reject) => {
      connect(Number(port), '127.0.0.1', () => resolve('connected')).on('error', reject);
    }),
  signal(pid) {
    process.kill(Number(pid), 0);
    return 'seen';
  },
  output: () => 'x'.repeat(9 * MIB),
  exit: () => process.exit(0),
  evaluate: () => new Function('return 1')(),
  refuse() {
    throw new AgentError('row-bad', 'Row 7 is bad.', {
      advice: 'Fix it.',
      errors: [{ path: '/rows/7', message: 'bad' }],
      retryable: true,
    });
  },
  bug() {
    throw new TypeError('secret internals');
  },
  environment: () => ({ ...process.env }),
};

export default sandboxEntry(async (input: { deed: string; path?: string }, io): Promise<Json> => {
  io.progress(0, undefined, 'started');
  return (await deeds[input.deed]?.(input.path ?? '', io.writeDir)) ?? null;
});
