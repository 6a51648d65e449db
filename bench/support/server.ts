/** The platform with the empty agent, as a process of its own: `node bench/support/server.ts start|api|worker`. */
import type { AgentDefinition } from '@guildhall/agent-sdk';
import { builtInAgents } from '../../apps/server/src/agents.ts';
import { loadSettings } from '../../apps/server/src/config/index.ts';
import { createLogger } from '../../apps/server/src/platform/telemetry/index.ts';
import { announceReady } from '../../apps/server/src/ready.ts';
import { serve } from '../../apps/server/src/serve.ts';
import { emptyAgent } from './empty-agent.ts';

const role = process.argv[2];
if (role !== 'start' && role !== 'api' && role !== 'worker') throw new Error('usage: start | api | worker');
const settings = loadSettings();
const server = await serve({
  role,
  settings,
  log: createLogger({ level: settings.logLevel }),
  agents: [...builtInAgents, emptyAgent as unknown as AgentDefinition],
});
if (role !== 'worker') await announceReady(server);
process.stdout.write('ready\n');
const stop = (): void => {
  void server.stop().then(() => process.exit(0));
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
