/**
 * `npm run chaos:models [-- --requests 1000000 --report figures.jsonl]`: the promises of the gateway, tried for as long as it takes. It goes in
 * rounds, each a storm on a database of its own with a seed of its own; each adds its figures to the report, and a later start with the
 * same report goes on where the last one ended. Ends with 1 when a promise does not hold.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CALL_INVARIANTS } from '../../apps/server/test/chaos/models-invariants.ts';
import { type ModelStormReport, modelStorm } from '../../apps/server/test/chaos/models-storm.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    round: { type: 'string', default: '50000' },
    seed: { type: 'string' },
    report: { type: 'string' },
  },
});

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Rounds of earlier starts. */
function earlier(file: string | undefined): ModelStormReport[] {
  if (file === undefined || !existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  // Written below.
  return lines.map((line) => JSON.parse(line) as ModelStormReport);
}

const total = (rounds: readonly ModelStormReport[], of: (round: ModelStormReport) => number): number =>
  rounds.reduce((sum, round) => sum + of(round), 0);

function summary(rounds: readonly ModelStormReport[]): void {
  const figure = (name: string, of: (round: ModelStormReport) => number): void =>
    print(`${name.padEnd(28)}${Math.round(total(rounds, of)).toLocaleString('en')}`);
  print('');
  figure('requests', ({ requests }) => requests);
  figure('rounds', () => 1);
  figure('seconds', ({ seconds }) => seconds);
  figure('processes killed', ({ kills }) => kills.atRandom + kills.atFailpoints);
  figure('restarts of PostgreSQL', ({ restarts }) => restarts.immediate + restarts.killed);
  figure('times Redis was lost', ({ redisLost }) => redisLost);
  figure('answers of PostgreSQL lost', ({ answersLost }) => answersLost);
  figure('clients that left', ({ left }) => left);
  figure('calls with a hold', ({ calls }) => Object.values(calls).reduce((sum, n) => sum + n, 0));
  figure('refused for money', ({ statuses }) => statuses['402'] ?? 0);
  figure('answers checked in history', ({ receipts }) => receipts);
  figure('samples of all money', ({ samples }) => samples);
  print('');
  const violations = rounds.flatMap((round) => round.violations);
  const names = new Set([...CALL_INVARIANTS, 'I3 at every sampled instant', ...violations.map((one) => one.invariant)]);
  for (const name of names) {
    const found = violations.filter(({ invariant }) => invariant === name);
    print(`${found.length === 0 ? 'holds ' : 'BROKEN'}  ${name}`);
    for (const { what } of found.slice(0, 10)) print(`          ${what}`);
  }
}

const rounds = earlier(values.report);
const wanted = Number(values.requests);
const firstSeed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
for (let turn = 0; total(rounds, ({ requests }) => requests) < wanted; turn += 1) {
  const requests = Math.min(Number(values.round), wanted - total(rounds, (round) => round.requests));
  const seed = firstSeed + turn;
  print(`seed ${seed}: ${requests} requests`);
  const round = await modelStorm({
    seed,
    requests,
    killEvery: [1_000, 3_000],
    restartEvery: [4_000, 8_000],
    tell: print,
  });
  rounds.push(round);
  if (values.report !== undefined) appendFileSync(values.report, `${JSON.stringify(round)}\n`);
  print(`${round.seconds.toFixed(0)} s, ${round.violations.length} violations`);
}
summary(rounds);
process.exit(rounds.every(({ violations }) => violations.length === 0) ? 0 : 1);
