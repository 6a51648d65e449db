/**
 * A role of the platform as a process that tests kill. It loads its code, waits for one line of JSON with what it is to do, prints
 * `{ "url" }` when it serves, and leaves when its input ends.
 */
import { createInterface } from 'node:readline';
import { armFailpoints } from '../../src/platform/failpoints/index.ts';
import { serveOn } from '../../src/serve.ts';
import { chaosAgents } from './agents.ts';
import { foundationOn } from './foundation.ts';
import type { Orders } from './processes.ts';

const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => {
  // Written by processes.ts with this very type.
  work(JSON.parse(line) as Orders).catch(() => process.exit(1));
});
lines.once('close', () => process.kill(process.pid, 'SIGKILL'));

async function work(orders: Orders): Promise<void> {
  const foundation = foundationOn(orders.ground, `chaos ${orders.role}`);
  const server = await serveOn(foundation, {
    role: orders.role,
    settings: foundation.settings,
    log: foundation.log,
    agents: chaosAgents,
    ...(orders.failpoint ? { failpoint: armFailpoints(orders.failpoint) } : {}),
  });
  process.once('SIGTERM', () => {
    server.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
  process.stdout.write(`${JSON.stringify({ url: server.url ?? null })}\n`);
}
