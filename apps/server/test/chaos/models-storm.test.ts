/** The gateway survives: the small form, by the seed of CHAOS_SEED. The large one is `npm run chaos:models`. */
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
  // That it was a storm at all.
  expect(figures.receipts).toBeGreaterThan(REQUESTS / 20);
  expect(figures.statuses[402]).toBeGreaterThan(REQUESTS / 20);
  expect(figures.samples).toBeGreaterThan(50);
  expect(Object.keys(figures.wires)).toEqual(['chat', 'embeddings', 'messages', 'responses']);
  expect(figures.kills.atFailpoints).toBeGreaterThan(0);
  expect(figures.kills.atRandom).toBeGreaterThan(0);
  expect(figures.restarts.immediate + figures.restarts.killed).toBeGreaterThan(0);
}, 300_000);
