/** Reading a run by its id, with key check and row-level security: 1,000 requests a second on a timetable over 100 connections. */
import type { Run } from '@guildhall/contract';
import { createClient, openLoop } from './support/load.ts';
import { describeMachine, versionOf } from './support/machine.ts';
import { isSucceeded, parse, startPlatform } from './support/platform.ts';
import { judge, print, printOutcomes, readOptions } from './support/report.ts';

const CONNECTIONS = 100;
const PER_SECOND = 1_000;
const RUNS = 200;
const BODY = JSON.stringify({ input: { steps: 3 } });

const options = readOptions();
const plan = options.isShort ? { warmUp: 1, seconds: 3 } : { warmUp: 3, seconds: 20 };
const platform = await startPlatform({ profile: options.profile });
const client = createClient({ url: platform.ready.url, sockets: CONNECTIONS });
try {
  print(
    `reads: GET /v1/runs/{id}, ${PER_SECOND} a second, open loop, ${CONNECTIONS} connections; only complete answers count`,
    ...describeMachine(platform.dataDir),
    `versions    Node ${process.version}, ${await platform.databaseVersion()}, pg ${versionOf('pg')}`,
    `plan        ${RUNS} runs of 10 organisations read in turn; warm-up ${plan.warmUp} s, then ${plan.seconds} s; times count from when a request was due`,
  );
  const customers = await platform.customers(10);
  const reads: { path: string; headers: Record<string, string> }[] = [];
  for (let index = 0; index < RUNS; index += 1) {
    const { headers } = customers[index % customers.length] ?? { headers: {} };
    const run = parse<Run>(await client.send('POST', '/v1/agents/empty/runs?wait=30', headers, BODY));
    reads.push({ path: `/v1/runs/${run.id}`, headers });
  }
  const load = {
    perSecond: PER_SECOND,
    send: (index: number) => {
      const { path, headers } = reads[index % reads.length] ?? { path: '/', headers: {} };
      return client.send('GET', path, headers);
    },
    isOk: isSucceeded,
  };
  await openLoop({ ...load, seconds: plan.warmUp });
  const outcome = await openLoop({ ...load, seconds: plan.seconds });
  printOutcomes('reads', [['Guildhall', outcome]]);
  judge(
    [
      { what: 'p95', value: outcome.p95, unit: 'ms', atMost: 13 },
      { what: 'succeeded', value: (100 * outcome.ok) / outcome.sent, unit: '%', atLeast: 100 },
    ],
    options,
  );
} finally {
  client.close();
  await platform.stop();
}
