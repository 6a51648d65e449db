/** Processes that are told to stop while calls are under way. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Received } from './models-client.ts';
import { callViolations } from './models-invariants.ts';
import { type ModelStage, openModelStage } from './models-stage.ts';
import { type Running, startProcess } from './processes.ts';
import { until } from './stage.ts';

const STREAMS = 8;
const LANES = 16;
const TOKENS = 30;

let one: ModelStage;
beforeAll(async () => {
  one = await openModelStage({ creditNanos: 1_000_000_000n });
}, 60_000);
afterAll(() => one.close());

const start = (): Promise<Running> => startProcess({ role: 'api', ground: one.stage.ground });

it('a process that is told to stop ends its streams and answers to their last byte, settled, and then leaves by itself', async () => {
  const leaving = await start();
  const streamed = Array.from({ length: STREAMS }, () =>
    one.chat({ url: leaving.url, stream: true, directive: `outputTokens=${TOKENS}&tokensPerSecond=20` }),
  );
  const whole = Array.from({ length: STREAMS }, () => one.chat({ url: leaving.url, directive: 'delayMs=1000' }));
  await until('all are under way', 20_000, () => one.mock.stats().requests >= 2 * STREAMS);
  leaving.signal('SIGTERM');
  const answers = await Promise.all([...streamed, ...whole]);
  expect(await leaving.exited).toBeNull();
  for (const { status, end } of answers) expect({ status, end }).toEqual({ status: 200, end: 'whole' });
  for (const { body } of answers.slice(0, STREAMS)) expect(body.trimEnd().endsWith('data: [DONE]')).toBe(true);
  const calls = await one.calls();
  expect(calls).toHaveLength(2 * STREAMS);
  expect(new Set(calls.map(({ status }) => status))).toEqual(new Set(['succeeded']));
  expect(await callViolations(one.stage)).toEqual([]);
}, 90_000);

it('all processes are restarted one after the other under load: what was taken in is answered whole and settled, nothing is lost', async () => {
  const known = (await one.calls()).length;
  const serving: Running[] = [await start(), await start()];
  const answers: Received[] = [];
  let isOver = false;
  let turn = 0;
  const lane = async (): Promise<void> => {
    while (!isOver) {
      turn += 1;
      const { url } = serving[turn % serving.length] ?? { url: '' };
      answers.push(await one.chat({ url, stream: turn % 2 === 0, directive: 'delayMs=20' }));
    }
  };
  const lanes = Array.from({ length: LANES }, lane);
  try {
    for (const place of [0, 1]) {
      const next = await start();
      await pause(200);
      const [old] = serving.splice(place, 1, next);
      old?.signal('SIGTERM');
      expect(await old?.exited).toBeNull();
    }
  } finally {
    isOver = true;
  }
  await Promise.all(lanes);
  // Only a request that met a closed door has no answer, and of it there is no call.
  const failed = answers.filter(({ status }) => status !== 200);
  expect(failed.map(({ status, body }) => `${status} ${body}`).filter((text) => text !== '0 ')).toEqual([]);
  const got = answers.filter(({ status, end }) => status === 200 && end === 'whole');
  expect(got).toHaveLength(answers.length - failed.length);
  const calls = (await one.calls()).slice(known);
  expect(new Set(calls.map(({ status }) => status))).toEqual(new Set(['succeeded']));
  expect(calls).toHaveLength(got.length);
  expect(await callViolations(one.stage)).toEqual([]);
  for (const running of serving) await running.kill();
}, 120_000);
