/** The mock provider as a process: prints its address as one line of JSON and serves until it is ended, or its input with `--while-input`. */
import { parseArgs } from 'node:util';
import { startMockProvider } from './index.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    key: { type: 'string', multiple: true },
    model: { type: 'string', multiple: true },
    'record-max': { type: 'string', default: '1000' },
    'while-input': { type: 'boolean', default: false },
  },
});

const provider = await startMockProvider({
  port: Number(values.port),
  recordMax: Number(values['record-max']),
  ...(values.key ? { keys: values.key } : {}),
  ...(values.model ? { models: values.model } : {}),
});
process.stdout.write(`${JSON.stringify({ url: provider.url })}\n`);
// A parent that dies takes no leave; the end of its pipe says so.
if (values['while-input']) process.stdin.resume().once('end', () => void provider.close());
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    process.stdin.destroy();
    void provider.close();
  });
