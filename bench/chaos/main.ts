/** `npm run chaos [-- --runs 1000 --seed 7]`: the promises about crashes, tried for minutes. Ends with 1 when one does not hold. */
import { parseArgs } from 'node:util';
import { INVARIANTS } from '../../apps/server/test/chaos/invariants.ts';
import { storm } from '../../apps/server/test/chaos/storm.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    rate: { type: 'string', default: '12' },
  },
});
const RESUMED_P99_MAX_MS = 5_000;

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
print(`seed ${seed}: ${values.runs} runs × 5 steps, a worker dies every 1 to 3 s, PostgreSQL restarts every 5 to 10 s`);
const report = await storm({
  seed,
  runs: Number(values.runs),
  startsPerSecond: Number(values.rate),
  workers: 3,
  killMs: [1_000, 3_000],
  restartMs: [5_000, 10_000],
  endWithinMs: 300_000,
  tell: print,
});

const { kills, restarts, resumed, requests, failedLate, ended, violations, seconds } = report;
print('');
print(`seconds             ${seconds.toFixed(1)}`);
print(`workers killed      ${kills}`);
print(`restarts            ${restarts.immediate} immediate, ${restarts.killed} by kill -9`);
print(
  `runs                ${Object.entries(ended)
    .map(([status, n]) => `${n} ${status}`)
    .join(', ')}`,
);
print(`taken over          ${resumed.count}; p50 ${resumed.p50} ms, p99 ${resumed.p99} ms, longest ${resumed.max} ms`);
print(
  `requests            ${requests.sent}; ${requests.refused} refused, ${requests.unanswered} unanswered, ${failedLate.length} of them later than 2 s after a restart`,
);
for (const line of failedLate.slice(0, 20)) print(`  late: ${line}`);
print('');
for (const name of [...INVARIANTS, 'every effect counted once']) {
  const found = violations.filter(({ invariant }) => invariant === name);
  print(`${found.length === 0 ? 'holds ' : 'BROKEN'}  ${name}`);
  for (const { what } of found.slice(0, 10)) print(`          ${what}`);
}
const isResumedInTime = resumed.p99 <= RESUMED_P99_MAX_MS;
print(
  `${isResumedInTime ? 'holds ' : 'BROKEN'}  work of a dead worker goes on within ${RESUMED_P99_MAX_MS} ms at the 99th percentile`,
);
print(`${failedLate.length === 0 ? 'holds ' : 'BROKEN'}  requests fail only while the database is down and 2 s longer`);
process.exit(violations.length === 0 && isResumedInTime && failedLate.length === 0 ? 0 : 1);
