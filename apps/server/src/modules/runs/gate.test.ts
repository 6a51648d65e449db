import { describe, expect, it } from 'vitest';
import { createGate } from './gate.ts';

const never = new AbortController().signal;
/** Work that ends when told to. */
const job = () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let begun = false;
  return {
    work: () => {
      begun = true;
      return promise;
    },
    end: resolve,
    hasBegun: () => begun,
  };
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a gate', () => {
  it('lets no more than its number in at once, and the rest in the order they came', async () => {
    const gate = createGate(2);
    const jobs = Array.from({ length: 5 }, job);
    const order: number[] = [];
    const all = jobs.map((one, index) =>
      gate.pass(never, () => {
        order.push(index);
        return one.work();
      }),
    );
    await turn();
    expect(order).toEqual([0, 1]);
    for (const [index, one] of jobs.entries()) {
      one.end();
      await turn();
      expect(order).toEqual([0, 1, 2, 3, 4].slice(0, Math.min(5, index + 3)));
    }
    await Promise.all(all);
  });

  it('passes on the place of work that failed', async () => {
    const gate = createGate(1);
    await expect(gate.pass(never, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await gate.pass(never, async () => 'next')).toBe('next');
  });

  it('forgets whoever gives up while waiting, and lets the next one in', async () => {
    const gate = createGate(1);
    const [inside, impatient, patient] = [job(), job(), job()];
    const leaving = new AbortController();
    const first = gate.pass(never, inside.work);
    const second = gate.pass(leaving.signal, impatient.work);
    const third = gate.pass(never, patient.work);
    leaving.abort(new Error('no longer'));
    await expect(second).rejects.toThrow('no longer');
    inside.end();
    await first;
    await turn();
    expect([impatient.hasBegun(), patient.hasBegun()]).toEqual([false, true]);
    patient.end();
    await third;
    await expect(gate.pass(leaving.signal, job().work)).rejects.toThrow('no longer');
    expect(await gate.pass(never, async () => 'free')).toBe('free');
  });
});
