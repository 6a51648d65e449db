/** Every benchmark, one after the other, with the same options. Fails when one of them does. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { print } from './support/report.ts';

for (const name of ['start', 'runs', 'reads', 'data', 'gateway', 'auth']) {
  print('', `— ${name} —`);
  const file = path.join(import.meta.dirname, `${name}.ts`);
  const { status } = spawnSync(process.execPath, [file, ...process.argv.slice(2)], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
