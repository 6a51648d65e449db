/** What a server has not read before somebody asks for it: memory and start time of everybody, for the few who use it. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const SOURCE = path.join(import.meta.dirname, '../../src');
// Of a machine that is busy with all the other tests.
const PATIENCE_MS = 60_000;

/** The files that a process of its own has read after it has run `program`. */
async function filesReadBy(program: string): Promise<readonly string[]> {
  const watched = `
    import { registerHooks } from 'node:module';
    const read = [];
    registerHooks({ load: (url, context, next) => { read.push(url); return next(url, context); } });
    ${program}
    process.stdout.write(JSON.stringify(read), () => process.exit());`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', watched], {
    maxBuffer: 2 ** 24,
  });
  // Written by the program above.
  return JSON.parse(stdout) as readonly string[];
}

test('a server that starts reads none of the libraries that only some need', {
  timeout: PATIENCE_MS,
}, async () => {
  const read = await filesReadBy(`
    await import(${JSON.stringify(path.join(SOURCE, 'serve.ts'))});
    const { createTokenCounter } = await import(${JSON.stringify(path.join(SOURCE, 'modules/models/tokens/index.ts'))});
    await createTokenCounter({ clock: { monotonicMs: () => 0 } }).warm();`);
  const has = (part: string): boolean => read.some((url) => url.includes(`/node_modules/${part}/`));
  expect(has('fastify')).toBe(true);
  const heavy = [
    '@simplewebauthn/server',
    '@peculiar/x509',
    '@scalar/fastify-api-reference',
    '@opentelemetry/sdk-trace',
    '@opentelemetry/exporter-trace-otlp-http',
    'gpt-tokenizer/esm/bpeRanks',
    'ioredis',
    'nodemailer',
  ];
  expect(heavy.filter(has)).toEqual([]);
});
