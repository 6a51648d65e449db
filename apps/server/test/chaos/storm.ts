/**
 * Runs under way while workers die and PostgreSQL restarts, by a seeded timetable. Starts are sent by clients that try again with the
 * same idempotency key until they are answered.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { migrate } from '../../src/platform/db/index.ts';
import { startCluster, type TestCluster } from '../harness/cluster.ts';
import { MIGRATIONS } from '../harness/template.ts';
import { findViolations, type Violation } from './invariants.ts';
import { Orphans, type Times } from './orphans.ts';
import { type Running, standBy } from './processes.ts';
import { openStage, type Stage } from './stage.ts';

export interface StormOptions {
  readonly seed: number;
  readonly runs: number;
  /** Starts a second, all in all. */
  readonly startsPerSecond: number;
  readonly workers: number;
  /** A worker is killed after a time from this range, again and again; left out: none. */
  readonly killMs?: readonly [number, number];
  /** The same for PostgreSQL: by turns an immediate shutdown and kill -9 of its main process. */
  readonly restartMs?: readonly [number, number];
  /** The storm blows at least until so many restarts. */
  readonly restartsMin?: number;
  /** How long all runs may take after the last start. */
  readonly endWithinMs: number;
  tell(line: string): void;
}

export interface StormReport {
  readonly kills: number;
  readonly restarts: { readonly immediate: number; readonly killed: number };
  /** How long what a dead worker held lay idle, counting time in which the database was up and a worker was ready. */
  readonly resumed: Times;
  readonly requests: { readonly sent: number; readonly refused: number; readonly unanswered: number };
  /** Requests that failed although the database had been up for longer than two seconds. */
  readonly failedLate: readonly string[];
  readonly ended: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly violations: readonly Violation[];
}

// What a request may still see of an outage.
const HEAL_MS = 2_000;

/** A reproducible stream of whole numbers in [from, to]. */
export function timetable(seed: number): (range: readonly [number, number]) => number {
  let state = seed >>> 0;
  return ([from, to]) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return from + Math.floor((state / 2 ** 32) * (to - from + 1));
  };
}

class Storm {
  readonly #options: StormOptions;
  readonly #stage: Stage;
  readonly #cluster: TestCluster;
  readonly #orphans: Orphans;
  readonly #next: (range: readonly [number, number]) => number;
  readonly #workers = new Set<Running>();
  #spare = standBy();
  #isOver = false;
  #isUp = true;
  #upSince = performance.now();
  kills = 0;
  restarts = { immediate: 0, killed: 0 };
  requests = { sent: 0, refused: 0, unanswered: 0 };
  failedLate: string[] = [];

  constructor(options: StormOptions, stage: Stage, cluster: TestCluster) {
    this.#options = options;
    this.#stage = stage;
    this.#cluster = cluster;
    this.#next = timetable(options.seed);
    this.#orphans = new Orphans(stage, () => this.#isUp && this.#workers.size > 0);
  }

  /** One request and what became of it. */
  async #request(send: () => ReturnType<Stage['call']>): Promise<number> {
    const wasUp = this.#isUp && performance.now() - this.#upSince > HEAL_MS;
    const sentAt = performance.now();
    const reply = await send();
    this.requests.sent += 1;
    if (reply === undefined) this.requests.unanswered += 1;
    if (reply && reply.status >= 500) this.requests.refused += 1;
    const failed = reply === undefined || reply.status >= 500;
    const stayedUp = this.#isUp && this.#upSince < sentAt;
    if (failed && wasUp && stayedUp)
      this.failedLate.push(`${reply?.status ?? 'no answer'} ${Math.round(sentAt - this.#upSince)} ms after the start`);
    return reply?.status ?? 0;
  }

  async #client(index: number): Promise<void> {
    const agent = index % 10 === 0 ? 'calling' : 'counting';
    for (;;) {
      const status = await this.#request(() =>
        this.#stage.start(agent, {}, { idempotencyKey: `storm-${index}`, timeoutMs: 20_000 }),
      );
      if (status === 202) return;
      if (status !== 0 && status < 500 && status !== 409) throw new Error(`a start was answered ${status}`);
      await pause(200);
    }
  }

  async #startAll(): Promise<void> {
    const clients: Promise<void>[] = [];
    for (let index = 0; index < this.#options.runs; index += 1) {
      clients.push(this.#client(index));
      await pause(1_000 / this.#options.startsPerSecond);
    }
    await Promise.all(clients);
  }

  async #probe(): Promise<void> {
    while (!this.#isOver) {
      await this.#request(() => this.#stage.call('GET', '/v1/balance', undefined, { timeoutMs: 20_000 }));
      await pause(50);
    }
  }

  async addWorker(): Promise<void> {
    const ready = this.#spare;
    this.#spare = standBy();
    const worker = await ready.go({ role: 'worker', ground: this.#stage.ground });
    if (this.#isOver) return worker.kill();
    // One that came up while the database was away has given up: the next one.
    if (!worker.isAlive()) return this.addWorker();
    this.#workers.add(worker);
    return undefined;
  }

  async #killWorkers(range: readonly [number, number]): Promise<void> {
    while (!this.#isOver) {
      await pause(this.#next(range));
      const all = [...this.#workers];
      const victim = all[this.#next([0, all.length - 1])];
      if (this.#isOver || !victim) continue;
      this.#workers.delete(victim);
      await victim.kill();
      this.kills += 1;
      await this.#orphans.died(victim.pid);
      // Its successor comes up beside the next event of the timetable.
      this.#successors.push(this.addWorker());
    }
  }
  readonly #successors: Promise<void>[] = [];

  async #restartDatabase(range: readonly [number, number]): Promise<void> {
    for (let turn = 0; !this.#isOver; turn += 1) {
      await pause(this.#next(range));
      if (this.#isOver) return;
      const downMs = this.#next([0, 1_000]);
      this.#isUp = false;
      if (turn % 2 === 0) {
        await this.#cluster.restartImmediate(downMs);
        this.restarts.immediate += 1;
      } else {
        await this.#cluster.killPostmaster();
        await pause(downMs);
        await this.#cluster.start();
        this.restarts.killed += 1;
      }
      this.#upSince = performance.now();
      this.#isUp = true;
    }
  }

  async #follow(): Promise<void> {
    let told = performance.now();
    for (;;) {
      await pause(250);
      const counts = await this.#stage
        .query<{ status: string; n: number }>('select status, count(*)::int as n from runs.run group by 1')
        .catch(() => undefined);
      if (counts === undefined) continue;
      await this.#stage.decide().catch(() => undefined);
      if (performance.now() - told > 10_000) {
        told = performance.now();
        this.#options.tell(
          `${this.kills} workers killed, ${this.restarts.immediate + this.restarts.killed} restarts: ${counts.map(({ status, n }) => `${n} ${status}`).join(', ')}`,
        );
      }
      const restarts = this.restarts.immediate + this.restarts.killed;
      if (restarts < (this.#options.restartsMin ?? 0)) continue;
      if (this.#isStarted && counts.every(({ status }) => ['succeeded', 'failed', 'cancelled'].includes(status)))
        return;
    }
  }
  #isStarted = false;

  /** Everything at once, until every run has ended. */
  async blow(): Promise<Times> {
    const { killMs, restartMs, workers, endWithinMs } = this.#options;
    await Promise.all(Array.from({ length: workers }, () => this.addWorker()));
    const faults = [
      this.#probe(),
      this.#orphans.watch(() => this.#isOver),
      ...(killMs ? [this.#killWorkers(killMs)] : []),
      ...(restartMs ? [this.#restartDatabase(restartMs)] : []),
    ];
    const following = this.#follow();
    try {
      await this.#startAll();
      this.#isStarted = true;
      const late = pause(endWithinMs).then(() => 'late');
      if ((await Promise.race([following, late])) === 'late') this.#options.tell('not every run has ended in time');
    } finally {
      this.#isOver = true;
      await Promise.all(faults);
      await Promise.all(this.#successors);
    }
    return this.#orphans.times();
  }

  async end(): Promise<void> {
    this.#spare.kill();
    for (const worker of this.#workers) await worker.kill();
  }
}

/** On a PostgreSQL of its own, with fsync, so that what was committed is there after every restart. */
export async function storm(options: StormOptions): Promise<StormReport> {
  const cluster = await startCluster({ fsync: true });
  try {
    const passwords = { appPassword: 'app-of-chaos', systemPassword: 'system-of-chaos' };
    await migrate({ ownerUrl: cluster.url(), directory: MIGRATIONS, ...passwords });
    const as = (role: string, password: string): string => {
      const url = new URL(cluster.url());
      url.username = role;
      url.password = password;
      return url.href;
    };
    const stage = await openStage({
      ownerUrl: cluster.url(),
      appUrl: as('guildhall_app', passwords.appPassword),
      systemUrl: as('guildhall_system', passwords.systemPassword),
      creditNanos: 10_000_000_000_000n,
      close: async () => {},
    });
    const one = new Storm(options, stage, cluster);
    const began = performance.now();
    try {
      const resumed = await one.blow();
      await settle(stage);
      const ends = await stage.query<{ status: string; n: number }>(
        'select status, count(*)::int as n from runs.run group by 1',
      );
      return {
        kills: one.kills,
        restarts: one.restarts,
        resumed,
        requests: one.requests,
        failedLate: one.failedLate,
        ended: Object.fromEntries(ends.map(({ status, n }) => [status, n])),
        seconds: (performance.now() - began) / 1_000,
        violations: [...(await findViolations(stage)), ...(await wrongEffects(stage, options.runs))],
      };
    } finally {
      await one.end();
      await stage.close();
    }
  } finally {
    await cluster.close();
  }
}

/** A last worker hands out what is left in the outbox. */
async function settle(stage: Stage): Promise<void> {
  await stage.another('worker');
  for (let i = 0; i < 200 && (await stage.query('select 1 from platform.outbox limit 1')).length > 0; i += 1)
    await pause(50);
}

async function wrongEffects(stage: Stage, runs: number): Promise<Violation[]> {
  const wrong = (what: string): Violation => ({ invariant: 'every effect counted once', what });
  const found = stage.counter.repeatedOnce().map((key) => wrong(`paid twice: ${key}`));
  if (stage.acknowledged.size !== runs)
    found.push(wrong(`${stage.acknowledged.size} of ${runs} starts became runs of their own`));
  const rows = await stage.query<{ id: string; status: string; parent_run_id: string | null; code: string | null }>(
    `select id, status, parent_run_id, error ->> 'code' as code from runs.run where agent_id = 'counting'`,
  );
  for (const { id, status, parent_run_id, code } of rows) {
    const paid = stage.counter.onceUnder(`${id}:once 2#1`);
    const wanted = parent_run_id ? 1 : 2;
    const effective = stage.counter.effectiveOf(id);
    const isRejected = status === 'failed' && code === 'runs.review-rejected' && paid === 1;
    if (status !== 'succeeded' && !isRejected) found.push(wrong(`${id} ended as ${status} (${code})`));
    if (status === 'succeeded' && effective !== wanted)
      found.push(wrong(`${id} had ${effective} of ${wanted} effects`));
    if (status === 'succeeded' && !parent_run_id && paid !== 1) found.push(wrong(`${id} paid ${paid} times`));
  }
  return found;
}
