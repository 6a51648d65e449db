/** Lets statements that are asked for at the same time share one, and with it one commit. */
import { isConnectionError } from './db.ts';

// Beyond this a statement holds its locks for longer than a new turn costs.
const SHARED_MAX = 16;

interface Waiting<Item, Result> {
  readonly item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Returns a function that sends an item through `send`: at once when its lane is free, else with all that wait by the time it is. So whoever
 * comes alone waits for nothing, and under load a commit is shared. `send` is one transaction and answers in the order of its items. Where a
 * shared one fails, each item is sent alone, so nobody bears another's fault; a lost connection, after which nobody knows, concerns all.
 * What is sent together locks together: only items that take no lock which another item's owner may wait for belong in one lane.
 */
export function together<Item, Result>(
  send: (items: readonly Item[]) => Promise<readonly Result[]>,
): (lane: string, item: Item) => Promise<Result> {
  const lanes = new Map<string, Waiting<Item, Result>[]>();

  const say = async (group: readonly Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await send(group.map(({ item }) => item));
      if (results.length !== group.length)
        throw new Error(`assertion failed: ${results.length} answers to ${group.length} items`);
      // The lengths are equal, so there is one for each.
      for (const [index, { resolve }] of group.entries()) resolve(results[index] as Result);
    } catch (error) {
      if (group.length > 1 && !isConnectionError(error)) for (const one of group) await say([one]);
      else for (const { reject } of group) reject(error);
    }
  };

  const drain = async (lane: string, waiting: Waiting<Item, Result>[]): Promise<void> => {
    while (waiting.length > 0) await say(waiting.splice(0, SHARED_MAX));
    lanes.delete(lane);
  };

  return (lane, item) => {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const waiting = lanes.get(lane);
    if (waiting) waiting.push({ item, resolve, reject });
    else {
      const first = [{ item, resolve, reject }];
      lanes.set(lane, first);
      void drain(lane, first);
    }
    return promise;
  };
}
