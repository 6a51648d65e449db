/** The program. */
import { loadSettings, SettingsError } from './config/index.ts';
import { createLogger } from './platform/telemetry/index.ts';
import { announceReady } from './ready.ts';
import { serve } from './serve.ts';

const role = process.argv[2];
if (role !== 'start' && role !== 'api' && role !== 'worker') throw new Error('usage: start | api | worker');
try {
  const settings = loadSettings();
  const log = createLogger({ level: settings.logLevel });
  const server = await serve({ role, settings, log });
  const ready = role === 'worker' ? undefined : await announceReady(server);
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  const stop = () => void server.stop().then(() => process.exit(0));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
} catch (error) {
  if (error instanceof SettingsError) {
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
  throw error;
}
