import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { type Bus, createBus } from './index.ts';

let made: TestDatabase;
let buses: Bus[];
beforeEach(async () => {
  made = await testDatabase();
  buses = await Promise.all(['one', 'two'].map((origin) => createBus(made.db, origin, () => {})));
});
afterEach(async () => {
  for (const bus of buses) await bus.close();
  await made.close();
});

const pair = (): readonly [Bus, Bus] => {
  const [one, two] = buses;
  if (!one || !two) throw new Error('two buses are made before each test');
  return [one, two];
};

describe('the bus', () => {
  it('wakes this process at once and others soon, each once, whatever was published together', async () => {
    const [one, two] = pair();
    const here: string[] = [];
    const there: string[] = [];
    const all = Promise.withResolvers<void>();
    one.subscribe('run', (id) => here.push(id));
    two.subscribe('run', (id) => {
      there.push(id);
      if (there.length === 500) all.resolve();
    });
    const ids = Array.from({ length: 500 }, (_, index) => `run_${index}`);
    for (const id of ids) one.publish('run', id);
    one.publish('run', 'run_0');
    expect(here).toEqual([...ids, 'run_0']);
    await all.promise;
    expect(there.toSorted()).toEqual(ids.toSorted());
  });

  it('tells listeners of one channel nothing of another, and those that left nothing at all', async () => {
    const [one, two] = pair();
    const heard: string[] = [];
    const end = Promise.withResolvers<void>();
    const leave = two.subscribe('work', (id) => heard.push(`left ${id}`));
    leave();
    two.subscribe('work', (id) => heard.push(id));
    two.subscribe('outbox', () => end.resolve());
    one.publish('work', 'a');
    one.publish('cancel', 'b');
    one.publish('outbox', 'c');
    await end.promise;
    expect(heard).toEqual(['a']);
  });
});
