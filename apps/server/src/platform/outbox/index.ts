/** What the world outside a transaction must learn, written inside it and handed out after its commit. */
import type { Bus } from '../bus/index.ts';
import { type Db, isConnectionError, sql, type Tx } from '../db/index.ts';
import type { Failpoint } from '../failpoints/index.ts';
import type { Ids } from '../ids/index.ts';
import type { Logger } from '../telemetry/index.ts';

export interface OutboxEvent {
  /** The same for every receiver and every repetition. */
  readonly id: string;
  readonly orgId: string;
  /** Past tense with a version: `run.finished.v1`. */
  readonly type: string;
  readonly data: unknown;
  readonly createdAt: Date;
}

/** Takes events of one organisation in their order, in one transaction of it; must be idempotent by event id and must not touch the network. */
export type OutboxReader = (tx: Tx, events: readonly OutboxEvent[]) => Promise<void>;

export interface Outbox {
  /** Writes an event in the caller's transaction. Call `bus.publish('outbox', …)` after its commit to have it handed out at once. */
  append(tx: Tx, event: { orgId: string; type: string; data: unknown }): Promise<void>;
}

export interface OutboxDispatcher {
  /** Hands out what is due; resolves with the number of events. */
  drain(): Promise<number>;
  stop(): Promise<void>;
}

const BATCH = 100;
// Wake-ups make it immediate; this is for those that got lost.
const POLL_MS = 1_000;

interface OutboxRow {
  position: bigint;
  id: string;
  org_id: string;
  type: string;
  data: unknown;
  created_at: Date;
}

export function createOutbox(ids: Ids): Outbox {
  return {
    append: async (tx, event) => {
      await sql`select platform.tell_outside(${event.orgId}, ${ids.make('evt')}, ${event.type}, ${JSON.stringify(event.data)}::jsonb)`.execute(
        tx,
      );
    },
  };
}

/**
 * Hands events to every reader, at least once. Each event is read in one transaction with its removal, so a reader's rows and the
 * removal commit together; a reader that throws leaves its event for the next turn and does not hold up the others.
 */
export function createOutboxDispatcher(deps: {
  db: Db;
  bus: Bus;
  log: Logger;
  readers: readonly OutboxReader[];
  /** Called after the commit of each event. */
  onHandedOut?: () => void;
  failpoint: Failpoint;
}): OutboxDispatcher {
  const { db, bus, log, readers } = deps;
  let stopped = false;
  let current: Promise<number> = Promise.resolve(0);
  let again = false;
  let busy = false;

  /** One transaction for the events of one organisation. Resolves with how many were still there. */
  const handOut = (orgId: string, rows: readonly OutboxRow[]): Promise<number> =>
    db.tenant(orgId, async (tx) => {
      const ids = rows.map((row) => row.id);
      const taken = await sql<{
        id: string;
      }>`delete from platform.outbox where id = any(${ids}::text[]) returning id`.execute(tx);
      const mine = new Set(taken.rows.map((row) => row.id));
      const events = rows
        .filter(({ id }) => mine.has(id))
        .map((row) => ({ id: row.id, orgId, type: row.type, data: row.data, createdAt: row.created_at }));
      if (events.length > 0) for (const read of readers) await read(tx, events);
      await deps.failpoint('outbox.before-commit');
      return mine.size;
    });

  /** A reader that fails on one event must not hold up the others of its organisation, so they are then handed out one by one. */
  const handOutAll = async (orgId: string, rows: readonly OutboxRow[]): Promise<number> => {
    try {
      const count = await handOut(orgId, rows);
      deps.onHandedOut?.();
      await deps.failpoint('outbox.after-commit');
      return count;
    } catch (error) {
      // Nobody's event is to blame when the database is away: the turn ends.
      if (isConnectionError(error)) throw error;
      if (rows.length > 1) {
        let count = 0;
        for (const row of rows) count += await handOutAll(orgId, [row]);
        return count;
      }
      log.error('outbox: an event could not be handed out and stays', {
        error,
        eventId: rows[0]?.id,
        type: rows[0]?.type,
      });
      return 0;
    }
  };

  const drain = async (): Promise<number> => {
    let done = 0;
    // Behind what was tried already: events that cannot be handed out wait for the next turn and hide nothing.
    let after = 0n;
    for (;;) {
      const { rows } = await db.system((tx) =>
        sql<OutboxRow>`select * from platform.peek_outbox(${BATCH}, ${after})`.execute(tx),
      );
      const byOrg = Map.groupBy(rows, (row) => row.org_id);
      for (const [orgId, events] of byOrg) done += await handOutAll(orgId, events);
      after = rows.at(-1)?.position ?? after;
      if (rows.length < BATCH || stopped) return done;
    }
  };

  const wake = (): void => {
    if (stopped) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    current = drain()
      .catch((error: unknown) => {
        log.warn('outbox: handing out failed and will be tried again', { error });
        return 0;
      })
      .finally(() => {
        busy = false;
        if (again) {
          again = false;
          wake();
        }
      });
  };

  const unsubscribe = bus.subscribe('outbox', wake);
  const timer = setInterval(wake, POLL_MS);
  return {
    drain,
    stop: async () => {
      stopped = true;
      unsubscribe();
      clearInterval(timer);
      await current;
    },
  };
}
