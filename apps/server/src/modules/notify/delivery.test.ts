import { gzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Egress } from '../../platform/egress/index.ts';
import { ORG, type Receiver, receiver, type Sender, sender, status } from './fixture.ts';
import { RETRY_PAUSES_MS } from './rules.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
// Rounding of the database's clock, which goes on while a test runs.
const SLACK_MS = 5_000;

let out: Sender;
let hook: Receiver;
beforeEach(async () => {
  [out, hook] = await Promise.all([sender(), receiver()]);
});
afterEach(async () => {
  await hook.close();
  await out.close();
});

const auditActions = () => out.asOwner('select action, data from audit.event order by seq');
const only = <T>(items: readonly T[]): T => {
  expect(items).toHaveLength(1);
  return items[0] as T;
};

describe('what is sent', () => {
  it('the reference library verifies it, and the payload tells type, instant, mode and data', async () => {
    const { secret } = await out.create({ url: hook.url });
    const event = await out.emit();
    expect(await out.drain()).toBe(1);
    const { headers, body } = only(hook.received);
    expect(headers['webhook-id']).toBe(event.id);
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toEqual({
      type: 'run.succeeded.v1',
      timestamp: event.createdAt.toISOString(),
      data: { runId: 'run_1', mode: 'live' },
    });
    expect(() => new Webhook(secret).verify(`${body} `, headers as Record<string, string>)).toThrow();
  });

  it('after a rotation both secrets verify until the overlap ends, then the new one alone', async () => {
    const made = await out.create({ url: hook.url });
    const rotated = await out.db.tenant(ORG, (tx) => out.service.rotate(tx, out.actor, made.endpoint.id, 3_600));
    await out.emit();
    await out.drain();
    await out.advance(HOUR_MS + SLACK_MS);
    await out.emit();
    await out.drain();
    const verifies = (secret: string, index: number): boolean => {
      const one = hook.received[index];
      if (!one) throw new Error('nothing was received');
      const signatures = (one.headers['webhook-signature'] as string).split(' ');
      const at = new Date(Number(one.headers['webhook-timestamp']) * 1_000);
      return signatures.includes(new Webhook(secret).sign(one.headers['webhook-id'] as string, at, one.body));
    };
    expect([made.secret, rotated.secret].map((secret) => verifies(secret, 0))).toEqual([true, true]);
    expect([made.secret, rotated.secret].map((secret) => verifies(secret, 1))).toEqual([false, true]);
  });

  it('the secret is not readable in the database', async () => {
    const { secret } = await out.create({ url: hook.url });
    const [row] = await out.asOwner(`select encode(secret, 'escape') as text from notify.endpoint`);
    expect(row.text).not.toContain(secret.slice(6, 20));
  });

  it('an endpoint gets the events it names, and another organisation none', async () => {
    const failed = await out.create({ url: hook.url, events: ['run.failed.v1'] });
    const all = await out.create({ url: hook.url, events: ['run.*'] });
    await out.emit({ type: 'run.succeeded.v1' });
    await out.emit({ type: 'run.succeeded.v1', orgId: 'org_b' });
    await out.emit({ type: 'internal.thing.v1' });
    await out.drain();
    expect(await out.log(failed.endpoint.id)).toEqual([]);
    expect((await out.log(all.endpoint.id)).map((row) => row.eventType)).toEqual(['run.succeeded.v1']);
    expect(hook.received).toHaveLength(1);
  });

  it('an event that the outbox hands out twice is sent once', async () => {
    await out.create({ url: hook.url });
    const event = await out.emit();
    await out.emit(event);
    await out.drain();
    await out.emit(event);
    await out.drain();
    expect(hook.received).toHaveLength(1);
  });
});

describe('attempts', () => {
  it('ten attempts under one id follow the schedule; then the delivery has failed', async () => {
    hook.answer = status(500);
    const { endpoint } = await out.create({ url: hook.url });
    const event = await out.emit();
    for (const pause of RETRY_PAUSES_MS) {
      expect(await out.drain()).toBe(1);
      const row = only(await out.log(endpoint.id));
      expect((row.nextAttemptAt?.getTime() ?? 0) - (row.lastAttemptAt?.getTime() ?? 0)).toBe(pause);
      await out.advance(pause - SLACK_MS + 1_000);
      expect(await out.drain()).toBe(0);
      await out.advance(SLACK_MS);
    }
    expect(await out.drain()).toBe(1);
    expect(only(await out.log(endpoint.id))).toMatchObject({
      status: 'failed',
      attempts: 10,
      responseStatus: 500,
      error: 'status-500',
      nextAttemptAt: undefined,
    });
    await out.advance(HOUR_MS);
    expect(await out.drain()).toBe(0);
    expect(new Set(hook.received.map((one) => one.headers['webhook-id']))).toEqual(new Set([event.id]));
    expect(new Set(hook.received.map((one) => one.body)).size).toBe(1);
    expect(out.outcomes).toEqual([...Array(9).fill('retried'), 'exhausted']);
    await out.db.tenant(ORG, (tx) => out.service.replay(tx, out.actor, endpoint.id, { failed: true }));
    expect(await out.drain()).toBe(1);
    const again = only(await out.log(endpoint.id));
    expect(again).toMatchObject({ status: 'pending', attempts: 11 });
    expect((again.nextAttemptAt?.getTime() ?? 0) - (again.lastAttemptAt?.getTime() ?? 0)).toBe(RETRY_PAUSES_MS[0]);
  });

  it('a success after failures ends it and clears the endpoint', async () => {
    hook.answer = status(500);
    const { endpoint } = await out.create({ url: hook.url });
    await out.emit();
    await out.drain();
    expect((await out.endpoint(endpoint.id)).failingSince).toBeInstanceOf(Date);
    hook.answer = status(204);
    await out.advance(6_000);
    await out.drain();
    expect(only(await out.log(endpoint.id))).toMatchObject({ status: 'delivered', attempts: 2, responseStatus: 204 });
    expect((await out.endpoint(endpoint.id)).failingSince).toBeUndefined();
  });

  it('a redirect is a failure and is not followed', async () => {
    const target = await receiver();
    hook.answer = status(307, { location: target.url });
    const { endpoint } = await out.create({ url: hook.url });
    await out.emit();
    await out.drain();
    expect(only(await out.log(endpoint.id))).toMatchObject({
      status: 'pending',
      error: 'redirect',
      responseStatus: 307,
    });
    expect(target.received).toEqual([]);
    await target.close();
  });

  it('429 with Retry-After quiets the endpoint for other events as well', async () => {
    hook.answer = status(429, { 'retry-after': '600' });
    await out.create({ url: hook.url });
    await out.emit();
    await out.drain();
    hook.answer = status(200);
    await out.emit();
    await out.advance(590_000);
    expect(await out.drain()).toBe(0);
    await out.advance(15_000);
    expect(await out.drain()).toBe(2);
    expect(out.outcomes).toEqual(['retried', 'delivered', 'delivered']);
  });

  it('410 disables the endpoint at once, with an audit row; later events wait in the log for a replay', async () => {
    hook.answer = status(410);
    const { endpoint } = await out.create({ url: hook.url });
    await out.emit();
    await out.drain();
    expect(await out.endpoint(endpoint.id)).toMatchObject({ enabled: false, disabledReason: 'gone' });
    expect((await auditActions()).at(-1)).toMatchObject({
      action: 'webhook-endpoint.disable',
      data: { reason: 'gone' },
    });
    await out.emit();
    expect(await out.drain()).toBe(0);
    const [later, first] = await out.log(endpoint.id);
    expect([first, later]).toMatchObject([
      { status: 'failed', error: 'gone', attempts: 1 },
      { status: 'failed', error: 'endpoint-disabled', attempts: 0 },
    ]);
    hook.answer = status(200);
    await out.db.tenant(ORG, (tx) => out.service.update(tx, out.actor, endpoint.id, { enabled: true }));
    await out.db.tenant(ORG, (tx) => out.service.replay(tx, out.actor, endpoint.id, { failed: true }));
    expect(await out.drain()).toBe(2);
  });

  it('five days of failures disable the endpoint and end what is pending', async () => {
    hook.answer = status(500);
    const { endpoint } = await out.create({ url: hook.url });
    await out.emit();
    await out.drain();
    await out.advance(5 * DAY_MS - HOUR_MS);
    await out.drain();
    expect((await out.endpoint(endpoint.id)).enabled).toBe(true);
    await out.emit();
    await out.advance(2 * HOUR_MS);
    await out.drain();
    expect(await out.endpoint(endpoint.id)).toMatchObject({ enabled: false, disabledReason: 'failing' });
    // For the operator; the same transaction, so that it is told once.
    expect(await out.asOwner('select type, data from platform.outbox')).toEqual([
      { type: 'webhook-endpoint.disabled.v1', data: { endpointId: endpoint.id, reason: 'failing' } },
    ]);
    expect((await out.log(endpoint.id)).map((row) => row.status)).toEqual(['failed', 'failed']);
    expect((await auditActions()).filter((row) => row.action === 'webhook-endpoint.disable')).toHaveLength(1);
  });
});

describe('hostile receivers', () => {
  it.each([
    [
      'an endless answer',
      (response: Parameters<Receiver['answer']>[0]) => {
        const more = () => {
          while (response.write('x'.repeat(16_384)) && !response.destroyed);
        };
        response.writeHead(200).on('drain', more);
        more();
      },
    ],
    [
      'a compressed bomb',
      (response: Parameters<Receiver['answer']>[0]) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000)));
      },
    ],
    [
      'an answer that lies about its length',
      (response: Parameters<Receiver['answer']>[0]) => {
        response.writeHead(200, { 'content-length': '99999999999' }).write('x'.repeat(100_000));
      },
    ],
  ])('%s is read for 64 KB at most and counts by its status', async (_, answer) => {
    hook.answer = answer;
    const { endpoint } = await out.create({ url: hook.url });
    await out.emit();
    await out.drain();
    expect(only(await out.log(endpoint.id))).toMatchObject({ status: 'delivered', responseStatus: 200 });
  });

  it('a connection that is cut is a failure without a status', async () => {
    hook.answer = (response) => response.destroy();
    const { endpoint } = await out.create({ url: hook.url });
    await out.emit();
    await out.drain();
    expect(only(await out.log(endpoint.id))).toMatchObject({
      status: 'pending',
      error: 'egress.unreachable',
      responseStatus: undefined,
    });
  });

  it('an address that turned private is refused when it is called', async () => {
    const { endpoint } = await out.create({ url: hook.url });
    await out.asOwner(`update notify.endpoint set url = 'http://10.0.0.1/'`);
    await out.emit();
    await out.drain();
    expect(only(await out.log(endpoint.id))).toMatchObject({ status: 'pending', error: 'egress.denied' });
  });
});

describe('crashes and stops', () => {
  /** Sends as ever, and never learns of the answer. */
  const deaf = (egress: Egress): Egress => ({
    ...egress,
    request: async (url, request) => {
      await egress.request(url, { ...request, signal: undefined } as never);
      request?.signal?.throwIfAborted();
      return new Promise((_, reject) => {
        request?.signal?.addEventListener('abort', () => reject(request.signal?.reason), { once: true });
      });
    },
  });

  it('killed between sending and writing down: sent again under the same id once the lease has ended, and not before', async () => {
    const { endpoint } = await out.create({ url: hook.url });
    const event = await out.emit();
    const doomed = out.process({ egress: deaf(out.egress) });
    void doomed.deliveries.drain();
    await hook.got(1);
    expect(await out.drain()).toBe(0);
    await out.advance(46_000);
    expect(await out.drain()).toBe(1);
    expect(hook.received.map((one) => one.headers['webhook-id'])).toEqual([event.id, event.id]);
    expect(only(await out.log(endpoint.id))).toMatchObject({ status: 'delivered', attempts: 1 });
    await doomed.deliveries.stop(0);
    expect(only(await out.log(endpoint.id))).toMatchObject({ status: 'delivered', attempts: 1 });
  });

  it('a process that stops gives back what it could not finish, and the next one sends it at once', async () => {
    const { endpoint } = await out.create({ url: hook.url });
    await out.emit();
    const leaving = out.process({ egress: deaf(out.egress) });
    void leaving.deliveries.drain();
    await hook.got(1);
    await leaving.deliveries.stop(0);
    expect(await out.drain()).toBe(1);
    expect(only(await out.log(endpoint.id))).toMatchObject({ status: 'delivered', attempts: 1 });
  });

  it('a process that stops waits for nothing that heeds no end, and the next one sends it at once', async () => {
    const { endpoint } = await out.create({ url: hook.url });
    await out.emit();
    const begun = Promise.withResolvers<void>();
    const leaving = out.process({
      egress: {
        ...out.egress,
        request: () => {
          begun.resolve();
          return new Promise(() => {});
        },
      },
    });
    void leaving.deliveries.drain();
    await begun.promise;
    await leaving.deliveries.stop(0);
    expect(await out.drain()).toBe(1);
    expect(only(await out.log(endpoint.id))).toMatchObject({ status: 'delivered', attempts: 1 });
  });

  it('an answer whose body hangs at the end of a process counts by its status', async () => {
    const { endpoint } = await out.create({ url: hook.url });
    await out.emit();
    const reading = Promise.withResolvers<void>();
    const leaving = out.process({
      egress: {
        ...out.egress,
        request: async (url, request) => ({
          ...(await out.egress.request(url, request)),
          // As a receiver that says 200 and nothing more; all that is read of it is this iterator.
          body: {
            [Symbol.asyncIterator]: () => ({
              next: () => {
                reading.resolve();
                return new Promise(() => {});
              },
            }),
          } as never,
        }),
      },
    });
    void leaving.deliveries.drain();
    await reading.promise;
    await leaving.deliveries.stop(0);
    expect(await out.drain()).toBe(0);
    expect(only(await out.log(endpoint.id))).toMatchObject({ status: 'delivered', attempts: 1 });
  });

  it('whoever dies and however often: every event arrives, each under its own id', async () => {
    const { endpoint } = await out.create({ url: hook.url });
    const other = await out.create({ url: hook.url, events: ['run.*'] });
    const events: string[] = [];
    for (let i = 0; i < 20; i += 1) events.push((await out.emit()).id);
    for (let life = 0; life < 6; life += 1) {
      let sends = 0;
      // From its first death on it claims nothing more.
      const { promise: dead, resolve: die } = Promise.withResolvers<void>();
      const egress: Egress = {
        ...out.egress,
        // Some die before the request leaves, some after it arrived.
        request: (url, request) => {
          sends += 1;
          if (sends <= life) return out.egress.request(url, request);
          die();
          return sends % 2 === 0 ? new Promise(() => {}) : deaf(out.egress).request(url, request);
        },
      };
      void out.process({ egress }).deliveries.drain();
      await dead;
      await out.advance(46_000);
    }
    await out.drain();
    const got = hook.received.map((one) => one.headers['webhook-id']);
    for (const id of events) expect(got.filter((each) => each === id).length).toBeGreaterThanOrEqual(2);
    const log = [...(await out.log(endpoint.id)), ...(await out.log(other.endpoint.id))];
    expect(log.map((row) => row.status)).toEqual(Array(40).fill('delivered'));
    expect(new Set(got)).toEqual(new Set(events));
  });

  it.each([
    [200, { status: 'delivered', attempts: 1, responseStatus: 200 }],
    [500, { status: 'pending', attempts: 1, responseStatus: 500 }],
  ])('after a take-over that was answered %s a late answer changes nothing', async (code, expected) => {
    hook.answer = status(code);
    const { endpoint } = await out.create({ url: hook.url });
    await out.emit();
    const { promise: late, resolve: answerNow } = Promise.withResolvers<void>();
    const slow = out.process({
      egress: {
        ...out.egress,
        request: async (url, request) => {
          const answer = await out.egress.request(url, request);
          await late;
          return { ...answer, status: 418 };
        },
      },
    });
    const slowly = slow.deliveries.drain();
    await hook.got(1);
    await out.advance(46_000);
    await out.drain();
    answerNow();
    await slowly;
    expect(only(await out.log(endpoint.id))).toMatchObject(expected);
  });
});

describe('isolation', () => {
  it('a receiver that never answers gets two at a time and delays no other', async () => {
    const hole = await receiver();
    hole.answer = () => {};
    await out.create({ url: hole.url, events: ['run.failed.v1'] });
    await out.create({ url: hook.url, events: ['run.succeeded.v1'] });
    for (let i = 0; i < 40; i += 1) await out.emit({ type: 'run.failed.v1' });
    for (let i = 0; i < 40; i += 1) await out.emit({ type: 'run.succeeded.v1' });
    out.notify.deliveries.start();
    await hook.got(40);
    expect(hole.received.length).toBeLessThanOrEqual(2);
    await out.notify.deliveries.stop(0);
    await hole.close();
  });

  it('many failing receivers together leave room for those that work', async () => {
    const hole = await receiver();
    hole.answer = () => {};
    for (let i = 0; i < 40; i += 1) await out.create({ url: hole.url, events: ['run.failed.v1'] });
    await out.asOwner('update notify.endpoint set failing_since = platform.now()');
    await out.create({ url: hook.url, events: ['run.succeeded.v1'] });
    await out.emit({ type: 'run.failed.v1' });
    out.notify.deliveries.start();
    await hole.got(16);
    for (let i = 0; i < 10; i += 1) await out.emit({ type: 'run.succeeded.v1' });
    out.notify.deliveries.wake();
    await hook.got(10);
    expect(hole.received).toHaveLength(16);
    await out.notify.deliveries.stop(0);
    await hole.close();
  });

  it('two processes share the work: everything is sent once', async () => {
    await out.create({ url: hook.url });
    for (let i = 0; i < 30; i += 1) await out.emit();
    await Promise.all([out.drain(), out.process().deliveries.drain(), out.process().deliveries.drain()]);
    await out.drain();
    expect(hook.received).toHaveLength(30);
    expect(new Set(hook.received.map((one) => one.headers['webhook-id'])).size).toBe(30);
  });
});

describe('claims', () => {
  it('an endpoint that somebody is just changing is left for the next turn, without waiting', async () => {
    await out.create({ url: hook.url });
    await out.emit();
    await out.asOwner('begin');
    await out.asOwner('select 1 from notify.endpoint for no key update');
    expect(await out.drain()).toBe(0);
    await out.asOwner('commit');
    expect(await out.drain()).toBe(1);
  });

  it('a deleted endpoint takes its deliveries along, also one that is just being sent', async () => {
    const { endpoint } = await out.create({ url: hook.url });
    await out.emit();
    hook.answer = async (response) => {
      await out.db.tenant(ORG, (tx) => out.service.remove(tx, out.actor, endpoint.id));
      response.writeHead(500).end();
    };
    expect(await out.drain()).toBe(1);
    expect(await out.asOwner('select 1 from notify.delivery')).toEqual([]);
  });
});

describe('retention', () => {
  it('events older than 30 days go with their deliveries, unless one is still to be sent', async () => {
    hook.answer = status(500);
    const { endpoint } = await out.create({ url: hook.url });
    const pending = await out.emit();
    await out.drain();
    hook.answer = status(200);
    await out.emit();
    await out.drain();
    await out.advance(31 * DAY_MS);
    const fresh = await out.emit();
    expect(await out.notify.prune()).toBe(1);
    expect((await out.log(endpoint.id)).map((row) => row.eventId)).toEqual([fresh.id, pending.id]);
  });
});
