/** Runs of three empty steps by HTTP: admitted, metered, settled. Beside DBOS in process on the same PostgreSQL, in alternating rounds. */
import type { Run } from '@guildhall/contract';
import { type Peer, startPeer } from './support/dbos.ts';
import { closedLoop, type Outcome, openLoop, type Send } from './support/load.ts';
import { describeMachine, versionOf } from './support/machine.ts';
import {
  type BenchPlatform,
  balanceOf,
  type Customer,
  cpuOf,
  isSucceeded,
  parse,
  startPlatform,
} from './support/platform.ts';
import { judge, median, print, printOutcomes, readOptions } from './support/report.ts';

const PATH = '/v1/agents/empty/runs';
const BODY = JSON.stringify({ input: { steps: 3 } });
const ORGANISATIONS = 50;
const AT_ONCE = [1, 8, 32] as const;

interface Contestant {
  readonly label: string;
  readonly concurrency: number;
  readonly send: Send;
  readonly isOk: Parameters<typeof closedLoop>[0]['isOk'];
}

function platformSend(platform: BenchPlatform, customers: readonly Customer[]): Send {
  return (index) => {
    const customer = customers[index % customers.length];
    if (!customer) throw new Error('there is no customer');
    return platform.client.send('POST', `${PATH}?wait=30`, customer.headers, BODY);
  };
}

function contestants(platform: BenchPlatform, customers: readonly Customer[], peer: Peer): readonly Contestant[] {
  const ours = (label: string, concurrency: number, payers: readonly Customer[]): Contestant => ({
    label: `Guildhall by HTTP, ${concurrency} at once, ${label}`,
    concurrency,
    send: platformSend(platform, payers),
    isOk: isSucceeded,
  });
  const theirs = (label: string, concurrency: number, send: Send): Contestant => ({
    label: `DBOS in process, ${concurrency} at once, ${label}`,
    concurrency,
    send,
    isOk: () => true,
  });
  return [
    ...AT_ONCE.flatMap((n) => [
      ours('1 organisation', n, customers.slice(0, 1)),
      theirs('started directly', n, peer.direct),
    ]),
    ours(`${ORGANISATIONS} organisations`, 32, customers),
    theirs('queued, polled every 100 ms', 32, peer.queued),
  ];
}

/** Nothing is held, and what is available and spent together is what was granted. @throws otherwise. */
async function checkBalances(platform: BenchPlatform, customers: readonly Customer[]): Promise<void> {
  for (const { orgId, headers, grantedNanos } of customers) {
    const { available, held, spent } = await balanceOf(platform.client, headers);
    if (held !== 0n || available + spent !== grantedNanos)
      throw new Error(`the books of ${orgId}: ${available} available, ${held} held, ${spent} spent of ${grantedNanos}`);
  }
}

/** Time from enqueue to start, by the server's own instants, with one run every 50 ms and nothing else. */
async function startLatency(platform: BenchPlatform, customer: Customer, runs: number): Promise<Outcome> {
  const ids: string[] = [];
  const perSecond = 20;
  const load = await openLoop({
    perSecond,
    seconds: runs / perSecond,
    send: async () => {
      const answer = await platform.client.send('POST', PATH, customer.headers, BODY);
      ids.push(parse<Run>(answer).id);
      return answer;
    },
    isOk: (answer) => answer.status < 300,
  });
  const waits: number[] = [];
  for (const id of ids) {
    const run = await untilEnded(platform, customer, id);
    if (run.status === 'succeeded' && run.startedAt) waits.push(Date.parse(run.startedAt) - Date.parse(run.createdAt));
  }
  const sorted = waits.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { ...load, ok: waits.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: sorted.at(-1) ?? NaN };
}

const LOOKS_MAX = 200;

async function untilEnded(platform: BenchPlatform, customer: Customer, id: string): Promise<Run> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const run = parse<Run>(await platform.client.send('GET', `/v1/runs/${id}`, customer.headers));
    if (run.finishedAt !== null) return run;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`run ${id} does not end`);
}

const options = readOptions();
const plan = options.isShort
  ? { warmUp: 1, rounds: 1, seconds: 2, runs: 40 }
  : { warmUp: 3, rounds: 3, seconds: 8, runs: 200 };
const platform = await startPlatform({ profile: options.profile });
const peer = await startPeer({
  adminUrl: platform.databaseUrl('guildhall'),
  name: 'dbos_bench',
  url: platform.databaseUrl('dbos_bench'),
});
try {
  print(
    'runs: three empty steps; only succeeded runs count',
    ...describeMachine(platform.dataDir),
    `versions    Node ${process.version}, ${await platform.databaseVersion()}, @dbos-inc/dbos-sdk ${versionOf('@dbos-inc/dbos-sdk')}, pg ${versionOf('pg')}`,
    `plan        warm-up ${plan.warmUp} s, ${plan.rounds} alternating rounds of ${plan.seconds} s, the median by rate is shown; LIMITS_SCALE=1000, fsync on`,
    'compared    Guildhall: own process, HTTP, key check, row-level security, hold, metering, ledger, audit. DBOS: in the load generator, none of these.',
  );
  const customers = await platform.customers(ORGANISATIONS);
  const all = contestants(platform, customers, peer);
  for (const one of all.filter((each) => each.concurrency === 32)) await closedLoop({ ...one, seconds: plan.warmUp });
  const cpu = new Map<string, readonly [platform: number, database: number]>();
  const results = new Map<string, Outcome[]>(all.map((one) => [one.label, []]));
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const one of all) {
      const before = cpuOf(platform);
      const outcome = await closedLoop({ ...one, seconds: plan.seconds });
      const after = cpuOf(platform);
      results.get(one.label)?.push(outcome);
      cpu.set(one.label, [
        (1_000 * (after.platform - before.platform)) / outcome.ok,
        (1_000 * (after.database - before.database)) / outcome.ok,
      ]);
    }
    await checkBalances(platform, customers);
  }
  const first = customers[0];
  if (!first) throw new Error('there is no customer');
  const start = await startLatency(platform, first, plan.runs);
  await checkBalances(platform, customers);
  await platform.verifyBooks();
  const medians = all.map((one) => [one.label, median(results.get(one.label) ?? [])] as const);
  printOutcomes('throughput', medians);
  printOutcomes(`enqueue to start, one run every 50 ms, ${plan.runs} runs (whole milliseconds)`, [
    ['Guildhall', start],
  ]);
  print('', 'processor time of a run, last round (holds on a busy machine too)');
  for (const [label, [own, database]] of cpu)
    print(
      `  platform ${own.toFixed(2)} ms, PostgreSQL ${database < 0 ? 'not known (a connection ended)' : `${database.toFixed(2)} ms`}  ${label}`,
    );
  print(
    '',
    'books       balances after every round: nothing held, available + spent = granted; `ledger verify` at the end: whole',
  );
  const of = (label: string): Outcome => {
    const found = medians.find(([each]) => each === label);
    if (!found) throw new Error(`${label} was not measured`);
    return found[1];
  };
  const shares = medians.map(([, one]) => (100 * one.ok) / one.sent);
  const one = of('Guildhall by HTTP, 32 at once, 1 organisation');
  const many = of(`Guildhall by HTTP, 32 at once, ${ORGANISATIONS} organisations`);
  judge(
    [
      { what: '32 at once, 1 organisation', value: one.perSecond, unit: 'runs/s', atLeast: 200 },
      { what: '32 at once, 1 organisation, p99', value: one.p99, unit: 'ms', atMost: 1_000 },
      { what: `32 at once, ${ORGANISATIONS} organisations`, value: many.perSecond, unit: 'runs/s', atLeast: 200 },
      { what: `32 at once, ${ORGANISATIONS} organisations, p99`, value: many.p99, unit: 'ms', atMost: 1_000 },
      { what: 'enqueue to start, p50', value: start.p50, unit: 'ms', atMost: 25 },
      { what: 'enqueue to start, p99', value: start.p99, unit: 'ms', atMost: 100 },
      {
        what: 'succeeded, the worst of all',
        value: Math.min(...shares, (100 * start.ok) / start.sent),
        unit: '%',
        atLeast: 100,
      },
    ],
    options,
  );
} finally {
  await peer.close();
  await platform.stop();
}
