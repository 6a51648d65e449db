/** The gateway survives: the small form. The large one is `npm run chaos:models`. */
import { expect, it } from 'vitest';
import { modelStorm } from './models-storm.ts';

const SEED = Number(process.env.CHAOS_SEED ?? 20_261_121);
const REQUESTS = Number(process.env.CHAOS_REQUESTS ?? 20_000);

it('20,000 hostile requests from 4 processes on small budgets, with kills, restarts and faults of every kind, overspend nothing and lose nothing', async () => {
  const report = await modelStorm({
    seed: SEED,
    requests: REQUESTS,
    killEvery: [REQUESTS / 4, REQUESTS / 3],
    restartEvery: [REQUESTS / 4, REQUESTS / 3],
    tell: (line) => void (process.env.CHAOS_TELL && process.stderr.write(`${line}\n`)),
  });
  const { violations, ...figures } = report;
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  expect(violations).toEqual([]);
}, 300_000);
