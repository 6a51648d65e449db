/** What the tests of notify share: receivers that behave as told, and a sender on a database and a clock of its own. */
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CreateWebhookEndpointBody, Mode } from '@guildhall/contract';
import pg from 'pg';
import { testDatabase } from '../../../test/harness/database.ts';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { createKeyring } from '../../platform/crypto/index.ts';
import { createEgress, type Egress } from '../../platform/egress/index.ts';
import { createIds } from '../../platform/ids/index.ts';
import { createOutbox, type OutboxEvent } from '../../platform/outbox/index.ts';
import { silentLogger } from '../../platform/telemetry/index.ts';
import { createAudit } from '../audit/index.ts';
import { createNotify } from './index.ts';
import { createWebhookService } from './service.ts';
import { listDeliveries } from './store.ts';
import type { Delivery } from './types.ts';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** Set how it answers; at first it says 200. */
  answer: (response: ServerResponse, received: Received) => void;
  /** Resolves when it has received `n` requests in all. */
  got(n: number): Promise<void>;
  close(): Promise<void>;
}

export const status =
  (code: number, headers: Record<string, string> = {}): Receiver['answer'] =>
  (response) => {
    response.writeHead(code, headers).end('answer');
  };

/** A real HTTP server on loopback. What an endpoint of an earlier receiver sends to a port that came again, it does not know. */
export async function receiver(): Promise<Receiver> {
  const path = `/hook/${randomUUID()}?from=guildhall`;
  const received: Received[] = [];
  const waiting: { n: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    if (request.url !== path) {
      response.writeHead(404).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { headers: request.headers, body: Buffer.concat(chunks).toString('utf8') };
      received.push(one);
      made.answer(response, one);
      for (const wait of waiting) if (received.length >= wait.n) wait.resolve();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const made: Receiver = {
    url: `http://127.0.0.1:${port}${path}`,
    received,
    answer: status(200),
    got: (n) =>
      received.length >= n
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ n, resolve: () => resolve() })),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return made;
}

export const ORG = 'org_a';
const ACTOR = { orgId: ORG, mode: 'live', keyId: 'key_1', requestId: 'req_1' } as const;
const silentBus: Bus = { publish: () => {}, subscribe: () => () => {}, onGap: () => () => {}, close: async () => {} };

export type Sender = Awaited<ReturnType<typeof sender>>;

/** A sender without timers: what is due goes out when a test calls `drain`. */
export async function sender() {
  const database = await testDatabase();
  const { db } = database;
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  let shiftMs = 0;
  const clock: Clock = {
    now: () => new Date(Date.now() + shiftMs),
    monotonicMs: () => performance.now(),
  };
  const ids = createIds(clock);
  const outcomes: string[] = [];
  const egress = createEgress({ allowPrivateCidrs: ['127.0.0.1/32'], clock });
  const deps = {
    db,
    ids,
    clock,
    keyring: createKeyring({ masterKey: randomBytes(32) }),
    audit: createAudit({ ids }),
    egress,
    bus: silentBus,
    outbox: createOutbox(ids),
    log: silentLogger,
    randomBytes,
    // The middle of the jitter: exactly the schedule.
    random: () => 0.5,
    attempted: (outcome: string) => outcomes.push(outcome),
  };
  const service = createWebhookService(deps);
  const process = (own: Partial<{ egress: Egress }> = {}) => createNotify({ ...deps, ...own });
  const notify = process();
  const asOwner = async (text: string, values: readonly unknown[] = []) => (await owner.query(text, [...values])).rows;
  return {
    db,
    egress,
    outcomes,
    service,
    actor: ACTOR,
    notify,
    /** Another process on the same database. */
    process,
    asOwner,
    drain: () => notify.deliveries.drain(),
    create: (body: Partial<CreateWebhookEndpointBody> & { url: string }, mode: Mode = 'live') =>
      db.tenant(ORG, (tx) => service.create(tx, { ...ACTOR, mode }, { events: ['*'], description: '', ...body })),
    /** Hands an event out as the outbox does. */
    emit: async (event: Partial<OutboxEvent> = {}) => {
      const whole: OutboxEvent = {
        id: ids.make('evt'),
        orgId: ORG,
        type: 'run.succeeded.v1',
        data: { runId: 'run_1', mode: 'live' },
        createdAt: clock.now(),
        ...event,
      };
      await db.tenant(whole.orgId, (tx) => notify.reader(tx, [whole]));
      return whole;
    },
    log: (endpointId: string): Promise<Delivery[]> =>
      db.tenant(ORG, (tx) => listDeliveries(tx, { endpointId, status: undefined, beforeId: undefined, limit: 1_000 })),
    endpoint: (id: string) => db.tenant(ORG, (tx) => service.get(tx, 'live', id)),
    /** Moves the clocks of the database and the processes. */
    advance: async (ms: number) => {
      shiftMs += ms;
      await asOwner(
        `insert into platform.clock_shift (shift) values ($1::interval) on conflict (single) do update set shift = excluded.shift`,
        [`${shiftMs} milliseconds`],
      );
    },
    close: async () => {
      await notify.deliveries.stop(0);
      await egress.close();
      await owner.end();
      await database.close();
    },
  };
}
