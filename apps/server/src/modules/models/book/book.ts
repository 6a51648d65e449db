/** Takes and settles the holds of all calls of this process, as many at once as wait. */
import type { Clock } from '../../../platform/clock/index.ts';
import { type Db, isRetryable } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type Failpoint, noFailpoints } from '../../../platform/failpoints/index.ts';
import { type HoldAnswer, refusingBudget } from '../../ledger/index.ts';
import { callErrors } from '../errors.ts';
import { type BookRow, beginElement, bookCalls, type Element, endElement, hitElement } from './store.ts';
import type { CallBook, CallRoom } from './types.ts';

// Beyond this a statement holds an organisation's money for longer than a new turn costs.
const BATCH_MAX = 128;
// Up to so many cost little more than one.
const BATCH_MIN = 4;
const RETRY_MS = 100;
// A caller who waits for a hold gives up soon; a settlement is worth waiting for as long as its hold lives.
const BEGIN_PATIENCE_MS = 5_000;
const END_PATIENCE_MS = 60_000;

interface Entry {
  readonly kind: 'begin' | 'end';
  readonly id: string;
  readonly element: Element;
  readonly giveUpAtMs: number;
  resolve(row: BookRow): void;
  reject(error: unknown): void;
}

export interface BookDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly failpoint?: Failpoint | undefined;
}

/**
 * While one statement is under way, whoever comes waits for the next: so one call alone waits for nothing, and under load a commit is shared by
 * all that came meanwhile. A lost connection is answered by saying the same again, which the books take once.
 */
class Pipeline {
  readonly deps: BookDeps;
  waiting: Entry[] = [];
  running: Promise<void> | undefined;

  constructor(deps: BookDeps) {
    this.deps = deps;
  }

  add(kind: Entry['kind'], id: string, element: Entry['element']): Promise<BookRow> {
    const patience = kind === 'begin' ? BEGIN_PATIENCE_MS : END_PATIENCE_MS;
    const { promise, resolve, reject } = Promise.withResolvers<BookRow>();
    const giveUpAtMs = this.deps.clock.monotonicMs() + patience;
    this.waiting.push({ kind, id, element, giveUpAtMs, resolve, reject });
    this.running ??= this.drain();
    return promise;
  }

  async drain(): Promise<void> {
    // Lets whatever became ready in the same turn of the event loop share the statement.
    await Promise.resolve();
    while (this.waiting.length > 0) await this.say(this.waiting.splice(0, this.share()));
    this.running = undefined;
  }

  /**
   * Half of those that wait. Calls whose statement was one are answered at one moment, ask their providers at one moment and come back at one
   * moment: taken whole, such a crowd would stay together for ever and each wait for all. Halved each time, it is spread over time.
   */
  share(): number {
    return Math.min(BATCH_MAX, Math.max(BATCH_MIN, Math.ceil(this.waiting.length / 2)));
  }

  async say(batch: readonly Entry[]): Promise<void> {
    try {
      const rows = await this.deps.db.system((tx) =>
        bookCalls(
          tx,
          batch.map(({ element }) => element),
        ),
      );
      const answers = new Map(rows.map((row) => [`${row.kind} ${row.id}`, row]));
      for (const entry of batch) {
        const row = answers.get(`${entry.kind} ${entry.id}`);
        if (row) entry.resolve(row);
        else entry.reject(new Error(`assertion failed: the books say nothing of call ${entry.id}`));
      }
    } catch (error) {
      await this.again(batch, error);
    }
  }

  /** A fault of the connection concerns all and passes; any other concerns one, which is found by asking for each alone. */
  async again(batch: readonly Entry[], error: unknown): Promise<void> {
    if (!isRetryable(error)) {
      const [only, ...others] = batch;
      if (others.length === 0) only?.reject(error);
      else for (const entry of batch) await this.say([entry]);
      return;
    }
    const now = this.deps.clock.monotonicMs();
    const patient = batch.filter((entry) => entry.giveUpAtMs > now);
    for (const entry of batch) {
      if (entry.giveUpAtMs <= now) entry.reject(new GuildhallError(callErrors.booksAway, { cause: error }));
    }
    this.waiting.unshift(...patient);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function holdAnswer(row: BookRow, requiredNanos: bigint): HoldAnswer {
  if (row.outcome === 'ok') return { ok: true };
  if (row.outcome !== 'balance' && row.outcome !== 'budget')
    throw new Error(`assertion failed: the hold of call ${row.id} is ${row.outcome}`);
  return {
    ok: false,
    reason: row.outcome,
    requiredNanos,
    availableNanos: row.available ?? 0n,
    ...(row.budget ? { budget: refusingBudget(row.budget) } : {}),
  };
}

function assertRoom({ outcome, available, retry_seconds }: BookRow, room: CallRoom): void {
  const members = { retryAfterSeconds: retry_seconds };
  if (outcome === 'tokens-per-day')
    throw new GuildhallError(callErrors.tokensPerDay, {
      detail: `Of ${room.tokensPerDay} tokens a day ${available} are left, and this call may need more.`,
      members,
    });
  if (outcome === 'calls-at-once')
    throw new GuildhallError(callErrors.callsAtOnce, { detail: `The limit is ${room.callsAtOnce} at once.`, members });
}

export function createCallBook(deps: BookDeps): CallBook {
  const pipeline = new Pipeline(deps);
  const { failpoint = noFailpoints } = deps;
  return {
    async begin(call, hold, room) {
      const row = await pipeline.add('begin', call.id, beginElement(call, hold, room));
      if (room) assertRoom(row, room);
      if (row.outcome === 'ok') await failpoint('call.after-hold');
      return holdAnswer(row, hold.amountNanos);
    },
    async end(call, hold, end) {
      await failpoint('call.before-settle');
      const row = await pipeline.add('end', call.id, endElement(call, hold, end));
      if (row.outcome !== 'ok' && row.outcome !== 'late')
        throw new Error(`assertion failed: the settlement of call ${call.id} is ${row.outcome}`);
      await failpoint('call.after-settle');
      return { outcome: row.outcome, chargedNanos: row.charged ?? 0n };
    },
    async hit(call, hit) {
      await pipeline.add('end', call.id, hitElement(call, hit));
    },
    close: async () => {
      await pipeline.running;
    },
  };
}
