/**
 * Wake-ups between processes. A message means "look again", never "here is the truth": it may be lost or doubled, so every listener
 * also looks by itself from time to time.
 *
 * Messages are sent after commit, gathered for a moment, in one statement: NOTIFY inside a hot transaction would make all commits
 * of the database queue behind one lock.
 */
import { EventEmitter } from 'node:events';
import { type Db, sql } from '../db/index.ts';

export type Channel = 'work' | 'run' | 'ended' | 'cancel' | 'outbox' | 'deliver' | 'channels' | 'limits' | 'master-key';

export interface Bus {
  /** Wakes listeners of this process at once and those of others within a few milliseconds. Never throws. */
  publish(channel: Channel, payload: string): void;
  /** Listens to a channel, or to one payload of it alone. Returns the way to stop. */
  subscribe(channel: Channel, listener: (payload: string) => void, only?: string): () => void;
  /** Called when messages of other processes may have been missed. */
  onGap(listener: () => void): () => void;
  close(): Promise<void>;
}

// Short against the 25 ms that a start may take, long enough to gather a burst.
const GATHER_MS = 3;
// The server keeps payloads of at most 8,000 bytes; ids are about 30.
const BATCH_MAX = 200;
const PG_CHANNEL = 'guildhall_bus';

/** `origin` tells this process's own messages apart, which it has already delivered to itself. */
export async function createBus(db: Db, origin: string, onSendError: (error: unknown) => void): Promise<Bus> {
  const emitter = new EventEmitter().setMaxListeners(0);
  const pending = new Map<string, Set<string>>();
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();

  const deliver = (channel: string, payload: string): void => {
    emitter.emit(channel, payload);
    emitter.emit(`${channel} ${payload}`, payload);
  };

  const stopListening = await db.listen(
    [PG_CHANNEL],
    (_, text) => {
      const [from = '', channel = '', ...payloads] = text.split(' ');
      if (from === origin) return;
      for (const payload of payloads) deliver(channel, payload);
    },
    () => emitter.emit('gap'),
  );

  const send = async (): Promise<void> => {
    timer = undefined;
    const messages: string[] = [];
    for (const [channel, payloads] of pending) {
      const all = [...payloads];
      for (let i = 0; i < all.length; i += BATCH_MAX)
        messages.push([origin, channel, ...all.slice(i, i + BATCH_MAX)].join(' '));
    }
    pending.clear();
    await db.direct((tx) => sql`select pg_notify(${PG_CHANNEL}, m) from unnest(${messages}::text[]) m`.execute(tx));
  };

  return {
    publish: (channel, payload) => {
      deliver(channel, payload);
      const gathered = pending.get(channel) ?? new Set<string>();
      pending.set(channel, gathered.add(payload));
      timer ??= setTimeout(() => {
        sending = send().catch(onSendError);
      }, GATHER_MS);
    },
    subscribe: (channel, listener, only) => {
      const name = only === undefined ? channel : `${channel} ${only}`;
      emitter.on(name, listener);
      return () => emitter.off(name, listener);
    },
    onGap: (listener) => {
      emitter.on('gap', listener);
      return () => emitter.off('gap', listener);
    },
    close: async () => {
      clearTimeout(timer);
      await sending;
      await stopListening();
    },
  };
}
