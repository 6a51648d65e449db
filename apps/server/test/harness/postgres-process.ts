/** A process that does nothing but use the embedded server of the folder it is given; it leaves when its input ends. */

import { createPostgres } from '../../src/platform/postgres/index.ts';
import { silentLogger } from '../../src/platform/telemetry/logger.ts';

const [dataDir = ''] = process.argv.slice(2);
try {
  const postgres = await createPostgres({ dataDir, log: silentLogger });
  process.stdout.write(`${JSON.stringify({ ownerUrl: postgres.ownerUrl()[0] })}\n`);
  process.stdin.resume();
  process.stdin.on('end', () => {
    void postgres.stop();
  });
} catch (error) {
  process.stdout.write(`${JSON.stringify({ refused: error instanceof Error ? error.message : String(error) })}\n`);
}
