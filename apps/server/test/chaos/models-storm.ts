/**
 * The gateway under hostile load while its processes die, PostgreSQL and Redis restart, answers of the database are lost and providers
 * fail, all by a seeded timetable. Requests and their order are the same for the same seed; how they interleave is not.
 */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { migrate } from '../../src/platform/db/index.ts';
import { startCluster, type TestCluster } from '../harness/cluster.ts';
import { startRedis } from '../harness/redis.ts';
import { startTcpProxy, type TcpProxy } from '../harness/tcp-proxy.ts';
import { MIGRATIONS } from '../harness/template.ts';
import type { Ground } from './foundation.ts';
import type { Violation } from './invariants.ts';
import { type LossyLink, startLossyLink } from './lossy-link.ts';
import { createModelClient, type Received } from './models-client.ts';
import { type Customer, customersOf, hand } from './models-ground.ts';
import { type Hostile, hostile, numbers } from './models-hostile.ts';
import { callViolations, leaked, lostReceipts, type Receipt } from './models-invariants.ts';
import { asProviders, type ProviderProcess, startProvider } from './models-provider.ts';
import { isReceipt, receiptOf } from './models-receipt.ts';
import { watchMoney } from './models-watch.ts';
import { type Running, standBy } from './processes.ts';
import { openStage, type Stage } from './stage.ts';

export interface ModelStormOptions {
  readonly seed: number;
  readonly requests: number;
  /** A process is killed after so many further requests, from this range. */
  readonly killEvery: readonly [number, number];
  readonly restartEvery: readonly [number, number];
  tell(line: string): void;
}

export interface ModelStormReport {
  readonly seed: number;
  readonly requests: number;
  readonly seconds: number;
  readonly kills: { readonly atRandom: number; readonly atFailpoints: number };
  readonly restarts: { readonly immediate: number; readonly killed: number };
  readonly redisLost: number;
  readonly answersLost: number;
  readonly providerRequests: number;
  /** Answers by status; 0 for none. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly left: number;
  readonly receipts: number;
  readonly calls: Readonly<Record<string, number>>;
  /** Of calls that did not succeed. */
  readonly errors: Readonly<Record<string, number>>;
  readonly wires: Readonly<Record<string, number>>;
  readonly chargedNanos: string;
  readonly lostNanos: string;
  readonly samples: number;
  readonly violations: readonly Violation[];
}

const PROCESSES = 4;
const LANES = 48;
// Requests between two allowances of every organisation.
const TURN = 100;
const TELL_EVERY = 2_000;
// Each passage is some way into the life of a process, so that all of its work is under way.
const FAILPOINTS = [
  'call.after-hold=crash@200',
  'call.before-settle=crash@400',
  'call.after-settle=crash@600',
] as const;
// Of the messages to the database that carry the books of calls, over the one link that loses.
const LOSS_RATE = 1 / 150;
const REDIS_AWAY_MS = 1_500;
const PROVIDER_AWAY_MS = 300;
const RETRY_MS = 20;

// Joined at run time, so that no scanner finds a secret in this file.
const CANARIES = {
  operator: ['sk', 'canary-operator-0123456789'].join('-'),
  own: ['sk', 'canary-own-0123456789'].join('-'),
};

interface Scene {
  readonly stage: Stage;
  readonly cluster: TestCluster;
  readonly link: LossyLink;
  readonly redis: TcpProxy;
  readonly provider: ProviderProcess;
  readonly customers: readonly [Customer, ...Customer[]];
}

class ModelStorm {
  readonly #options: ModelStormOptions;
  readonly #scene: Scene;
  readonly #random: () => number;
  readonly #client = createModelClient(LANES);
  readonly #processes: (Running | undefined)[] = Array.from({ length: PROCESSES }, () => undefined);
  readonly #starting: Promise<void>[] = [];
  #spare = standBy();
  #armed = 0;
  #sent = 0;
  #isOver = false;
  kills = { atRandom: 0, atFailpoints: 0 };
  restarts = { immediate: 0, killed: 0 };
  redisLost = 0;
  left = 0;
  statuses: Record<string, number> = {};
  receipts: Receipt[] = [];
  found: Violation[] = [];

  constructor(options: ModelStormOptions, scene: Scene) {
    this.#options = options;
    this.#scene = scene;
    this.#random = numbers(options.seed);
  }

  #between([from, to]: readonly [number, number]): number {
    return from + Math.floor(this.#random() * (to - from + 1));
  }

  /** A process in this place, and another when it dies. */
  async #fill(place: number): Promise<void> {
    const { stage, link } = this.#scene;
    const ready = this.#spare;
    this.#spare = standBy();
    // The first place speaks over the link that loses answers.
    const ground: Ground =
      place === 0
        ? {
            ...stage.ground,
            appUrl: link.through(stage.ground.appUrl),
            systemUrl: link.through(stage.ground.systemUrl),
          }
        : stage.ground;
    const failpoint = place === 0 ? undefined : FAILPOINTS[this.#armed++];
    const running = await ready.go({ role: 'api', ground, ...(failpoint ? { failpoint } : {}) });
    if (this.#isOver) return running.kill();
    // One that came up while the database was away has given up.
    if (!running.isAlive()) return this.#fill(place);
    this.#processes[place] = running;
    void running.exited.then((signal) => {
      if (this.#processes[place] !== running) return;
      this.#processes[place] = undefined;
      if (signal === 'SIGKILL') this.kills.atFailpoints += 1;
      else if (!this.#isOver) this.found.push({ invariant: 'no process ends by itself', what: `by ${signal}` });
      if (!this.#isOver) this.#starting.push(this.#fill(place));
    });
    return undefined;
  }

  async #killOne(): Promise<void> {
    const living = this.#processes.flatMap((running, place) => (running ? [{ running, place }] : []));
    const victim = living[this.#between([0, living.length - 1])];
    // Somebody is left to ask.
    if (living.length < 2 || !victim) return;
    this.#processes[victim.place] = undefined;
    await victim.running.kill();
    this.kills.atRandom += 1;
    await this.#fill(victim.place);
  }

  async #restartDatabase(): Promise<void> {
    const { cluster } = this.#scene;
    const downMs = this.#between([0, 500]);
    if (this.restarts.immediate <= this.restarts.killed) {
      await cluster.restartImmediate(downMs);
      this.restarts.immediate += 1;
    } else {
      await cluster.killPostmaster();
      await pause(downMs);
      await cluster.start();
      this.restarts.killed += 1;
    }
  }

  async #loseRedis(): Promise<void> {
    const { redis } = this.#scene;
    this.redisLost += 1;
    await redis.set(this.redisLost % 2 ? 'refused' : 'hole');
    await pause(REDIS_AWAY_MS);
    await redis.set('open');
  }

  /** One kind of fault again and again, each time after so many further requests. */
  async #again(every: readonly [number, number], fault: () => Promise<void>): Promise<void> {
    for (;;) {
      const at = this.#sent + this.#between(every);
      while (this.#sent < at && !this.#isOver) await pause(RETRY_MS);
      if (this.#isOver) return;
      await fault();
    }
  }

  #loseAnswers(): void {
    this.#scene.link.lose((_, seen) => {
      if (!seen.includes('models.book_calls') || this.#random() >= LOSS_RATE) return undefined;
      return this.#random() < 0.7 ? 'answer' : 'question';
    });
  }

  async #urlFor(): Promise<string> {
    for (;;) {
      const living = this.#processes.filter((running) => running !== undefined);
      const chosen = living[Math.floor(this.#random() * living.length)];
      if (chosen) return chosen.url;
      await pause(RETRY_MS);
    }
  }

  #note(question: Hostile, received: Received): void {
    const { status, end, body } = received;
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    if (end === 'left') this.left += 1;
    if (Object.values(CANARIES).some((secret) => body.includes(secret)))
      this.found.push({
        invariant: 'I10 no key of a provider is written anywhere',
        what: `in an answer to ${question.what}`,
      });
    if (status === 500)
      this.found.push({ invariant: 'no request meets a bug', what: `${question.what}: ${body.slice(0, 300)}` });
    if (isReceipt(received)) this.receipts.push(receiptOf(received));
  }

  async #lane(): Promise<void> {
    const { customers, provider, stage } = this.#scene;
    const { seed, requests, tell } = this.#options;
    while (this.#sent < requests) {
      const index = this.#sent;
      this.#sent += 1;
      if (index % TURN === 0) void hand(stage, customers, index / TURN);
      if (index % TELL_EVERY === TELL_EVERY - 1) tell(`${index + 1} requests: ${JSON.stringify(this.statuses)}`);
      const question = hostile({ seed, ownKey: CANARIES.own, providerUrl: provider.url }, index);
      const [rich, ...poor] = customers;
      const { key } = question.isRich ? rich : (poor[index % poor.length] ?? rich);
      const headers = { authorization: `Bearer ${key}`, ...question.headers };
      this.#note(question, await this.#client.ask(await this.#urlFor(), { ...question, headers }));
    }
  }

  /** Everything at once, until every request has come to some end. */
  async blow(): Promise<void> {
    const { killEvery, restartEvery, requests } = this.#options;
    await Promise.all(this.#processes.map((_, place) => this.#fill(place)));
    this.#loseAnswers();
    const faults = [
      this.#again(killEvery, () => this.#killOne()),
      this.#again(restartEvery, () => this.#restartDatabase()),
      this.#again([requests / 5, requests / 4], () => this.#loseRedis()),
      this.#again([requests / 3, requests / 2], () => this.#scene.provider.refuse(PROVIDER_AWAY_MS)),
    ];
    try {
      await Promise.all(Array.from({ length: LANES }, () => this.#lane()));
    } finally {
      this.#isOver = true;
      await Promise.all(faults);
      await Promise.all(this.#starting);
      this.#scene.link.lose();
      this.#client.close();
    }
  }

  /** Those that live are asked to stop in good order. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#spare.kill();
    await Promise.all(
      this.#processes.map(async (running) => {
        running?.signal('SIGTERM');
        await running?.exited;
      }),
    );
  }
}

/** Past the expiry of every hold, and swept. */
export async function expireAll(stage: Stage): Promise<void> {
  await stage.query(`insert into platform.clock_shift (shift) values (interval '1 hour')
    on conflict (single) do update set shift = platform.clock_shift.shift + excluded.shift`);
  await stage.server.platform.models.sweepExpired();
}

async function counts(
  stage: Stage,
  column: 'status' | 'wire' | 'error_code',
  where: string,
): Promise<Record<string, number>> {
  const rows = await stage.query<{ name: string; n: number }>(
    `select ${column} as name, count(*)::int as n from models.call where ${where} group by 1 order by 1`,
  );
  return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
}

async function judge(storm: ModelStorm, { stage }: Scene): Promise<Violation[]> {
  await stage.another('worker');
  for (let i = 0; i < 200 && (await stage.query('select 1 from platform.outbox limit 1')).length > 0; i += 1)
    await pause(50);
  return [
    ...storm.found.slice(0, 20),
    ...(await callViolations(stage)),
    ...(await lostReceipts(stage.query, storm.receipts)),
    ...(await leaked(stage, Object.values(CANARIES))),
  ];
}

async function blowOn(options: ModelStormOptions, scene: Scene): Promise<ModelStormReport> {
  const { stage, link, provider } = scene;
  const began = performance.now();
  const watch = watchMoney(stage.ground.ownerUrl);
  const storm = new ModelStorm(options, scene);
  try {
    await storm.blow();
  } finally {
    await storm.end();
  }
  const { samples, violations } = await watch.end();
  await expireAll(stage);
  const overspent = [...new Set(violations)].map((what) => ({ invariant: 'I3 at every sampled instant', what }));
  const [sums] = await stage.query<{ charged: string; lost: string }>(
    'select coalesce(sum(cost_nanos), 0) as charged, coalesce(sum(loss_nanos), 0) as lost from models.call',
  );
  const { kills, restarts, redisLost, statuses, left, receipts } = storm;
  return {
    seed: options.seed,
    requests: options.requests,
    kills,
    restarts,
    redisLost,
    answersLost: link.lost(),
    providerRequests: (await provider.stats()).requests,
    statuses,
    left,
    receipts: receipts.length,
    calls: await counts(stage, 'status', 'true'),
    errors: await counts(stage, 'error_code', 'error_code is not null'),
    wires: await counts(stage, 'wire', "status = 'succeeded'"),
    chargedNanos: sums?.charged ?? '0',
    lostNanos: sums?.lost ?? '0',
    samples,
    violations: [...overspent, ...(await judge(storm, scene))],
    seconds: (performance.now() - began) / 1_000,
  };
}

/** On a PostgreSQL of its own, with fsync, so that what was committed is there after every restart. */
export async function modelStorm(options: ModelStormOptions): Promise<ModelStormReport> {
  const closers: (() => Promise<unknown>)[] = [];
  const opened = async <T>(thing: T, close: (thing: T) => Promise<unknown>): Promise<T> => {
    closers.unshift(() => close(thing));
    return thing;
  };
  try {
    const cluster = await opened(await startCluster({ fsync: true }), (one) => one.close());
    const passwords = { appPassword: 'app-of-chaos', systemPassword: 'system-of-chaos' };
    await migrate({ ownerUrl: cluster.url(), directory: MIGRATIONS, ...passwords });
    const as = (role: string, password: string): string => {
      const url = new URL(cluster.url());
      url.username = role;
      url.password = password;
      return url.href;
    };
    const provider = await opened(await startProvider(), (one) => one.close());
    const server = await opened(await startRedis(), (one) => one.close());
    const redis = await opened(await startTcpProxy(server.port), (one) => one.close());
    const link = await opened(await startLossyLink(cluster.url()), (one) => one.close());
    const logFile = path.join(tmpdir(), `guildhall-chaos-${process.pid}-${options.seed}.log`);
    closers.unshift(() => rm(logFile, { force: true }));
    const stage = await opened(
      await openStage({
        ownerUrl: cluster.url(),
        appUrl: as('guildhall_app', passwords.appPassword),
        systemUrl: as('guildhall_system', passwords.systemPassword),
        environment: {
          ...asProviders(provider.url, CANARIES.operator),
          REDIS_URL: `redis://127.0.0.1:${redis.port}`,
          LIMITS_SCALE: '1000',
        },
        logFile,
        close: async () => {},
      }),
      (one) => one.close(),
    );
    const customers = await customersOf(stage);
    return await blowOn(options, { stage, cluster, link, redis, provider, customers });
  } finally {
    for (const close of closers) await close();
  }
}
