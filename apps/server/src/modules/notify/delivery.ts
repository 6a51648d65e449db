/**
 * The loop that sends. States: `idle` until `start`; `sending` claims and sends; `draining` (entered by `stop`) claims nothing, lets
 * what is under way end for a while, then gives it back. A process that dies loses its leases with time, and another sends again
 * under the same id.
 */
import { Secret } from '../../platform/crypto/index.ts';
import { GuildhallError } from '../../platform/errors/index.ts';
import { ENDPOINT_DISABLED } from './alert-mail.ts';
import { judge, retryAfterMs, type Sent, type Verdict } from './rules.ts';
import { secretPlace } from './service.ts';
import { signedHeaders } from './signature.ts';
import { claimDeliveries, giveBack, recordAttempt } from './store.ts';
import type { ClaimedDelivery, NotifyDeps } from './types.ts';

// What one process sends at once, and how much of it may go to endpoints that are failing. The bounds of one endpoint stand in notify.claim.
const SLOTS = 32;
const FAILING_SLOTS = 16;
// Standard Webhooks advises 15 to 30 s.
const TIMEOUT_MS = 20_000;
// Sending, and writing down how it went on a slow database.
const LEASE_MS = 45_000;
const ANSWER_MAX_BYTES = 64 * 1024;
// Wake-ups make sending immediate; this is for retries, which come by the clock, and for wake-ups that got lost.
const POLL_MS = 1_000;
/** An endpoint that has failed for so long without a success is disabled. */
const FAILING_MAX_MS = 5 * 24 * 3_600_000;

type Deps = Pick<
  NotifyDeps,
  'db' | 'clock' | 'keyring' | 'audit' | 'egress' | 'bus' | 'log' | 'random' | 'attempted' | 'outbox'
>;

export interface DeliveryLoop {
  start(): void;
  /** Looks for due deliveries at once; does nothing before `start`. */
  wake(): void;
  /** Sends all that is due, without `start`; resolves with the number of attempts. */
  drain(): Promise<number>;
  /** Claims nothing more; what has no answer after `graceMs` is given back, to be sent again under the same id. */
  stop(graceMs: number): Promise<void>;
}

export class Deliveries implements DeliveryLoop {
  readonly #deps: Deps;
  readonly #sending = new Map<string, { readonly isFailing: boolean; readonly done: Promise<void> }>();
  readonly #closers: (() => void)[] = [];
  readonly #abort = new AbortController();
  #state: 'idle' | 'sending' | 'draining' = 'idle';
  #claiming: Promise<unknown> | undefined;
  #claimAgain = false;
  // Claims start behind the endpoint served last, so that a long list of endpoints is walked through in turn.
  #after = '';

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  start(): void {
    this.#state = 'sending';
    const { bus } = this.#deps;
    this.#closers.push(bus.subscribe('deliver', () => this.wake()));
    this.#closers.push(bus.onGap(() => this.wake()));
    const timer = setInterval(() => this.wake(), POLL_MS);
    this.#closers.push(() => clearInterval(timer));
    this.wake();
  }

  wake(): void {
    if (this.#state !== 'sending' || this.#sending.size >= SLOTS) return;
    if (this.#claiming !== undefined) {
      this.#claimAgain = true;
      return;
    }
    this.#claiming = this.#claim()
      .catch((error: unknown) => this.#deps.log.warn('webhooks: a claim failed and will be tried again', { error }))
      .finally(() => {
        this.#claiming = undefined;
        if (!this.#claimAgain) return;
        this.#claimAgain = false;
        this.wake();
      });
  }

  async drain(): Promise<number> {
    let attempts = 0;
    while (this.#state !== 'draining') {
      const claimed = await this.#claim();
      if (claimed === 0) break;
      attempts += claimed;
      await Promise.all([...this.#sending.values()].map((attempt) => attempt.done));
    }
    return attempts;
  }

  async stop(graceMs: number): Promise<void> {
    this.#state = 'draining';
    for (const close of this.#closers) close();
    await this.#claiming;
    const timer = setTimeout(() => this.#abort.abort(), graceMs);
    await Promise.all([...this.#sending.values()].map((attempt) => attempt.done));
    clearTimeout(timer);
  }

  async #claim(): Promise<number> {
    const failing = [...this.#sending.values()].filter((attempt) => attempt.isFailing).length;
    const slots = SLOTS - this.#sending.size;
    const claimed = await this.#deps.db.system((tx) =>
      claimDeliveries(tx, {
        slots,
        failingSlots: Math.max(0, FAILING_SLOTS - failing),
        leaseMs: LEASE_MS,
        afterEndpointId: this.#after,
      }),
    );
    this.#after = claimed.length === slots ? (claimed.at(-1)?.endpointId ?? '') : '';
    for (const delivery of claimed) {
      const done = this.#deliver(delivery).finally(() => {
        this.#sending.delete(delivery.id);
        this.wake();
      });
      this.#sending.set(delivery.id, { isFailing: delivery.isFailing, done });
    }
    return claimed.length;
  }

  /** Never throws: what cannot be written down is sent again when the lease ends. */
  async #deliver(delivery: ClaimedDelivery): Promise<void> {
    const { log, db, random, attempted } = this.#deps;
    const fields = { deliveryId: delivery.id, orgId: delivery.orgId };
    try {
      const sent = await this.#send(delivery);
      if (sent === undefined) {
        await db.system((tx) => giveBack(tx, delivery));
        return;
      }
      const verdict = judge(sent, { step: delivery.step, throttled: delivery.throttled, random: random() });
      await this.#record(delivery, verdict);
      attempted(verdict.outcome);
    } catch (error) {
      log.warn('webhooks: an attempt could not be written down; it will be repeated', { ...fields, error });
    }
  }

  /** Undefined when this process stopped before there was an answer. */
  async #send(delivery: ClaimedDelivery): Promise<Sent | undefined> {
    const { egress, clock, log } = this.#deps;
    const { signal } = this.#abort;
    try {
      const { eventId, body, url } = delivery;
      const asked = egress.request(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Guildhall-Webhooks',
          ...signedHeaders(this.#secretsOf(delivery), { id: eventId, at: clock.now(), body }),
        },
        body,
        firstByteMs: TIMEOUT_MS,
        totalMs: TIMEOUT_MS,
        redirects: 0,
        orgId: delivery.orgId,
        // The status alone counts, so an answer that announces more is no fault; what is read of it is bounded below.
        maxBytes: Number.MAX_SAFE_INTEGER,
        signal,
      });
      const answer = await untilAborted(asked, signal);
      if (answer === undefined) return undefined;
      await untilAborted(readAtMost(answer.body, ANSWER_MAX_BYTES), signal);
      return { status: answer.status, retryAfterMs: retryAfterMs(answer.headers['retry-after'], clock.now()) };
    } catch (error) {
      if (signal.aborted) return undefined;
      if (error instanceof GuildhallError) return { status: undefined, fault: error.spec.code };
      log.error('webhooks: sending failed in a way that nobody foresaw', { error, deliveryId: delivery.id });
      return { status: undefined, fault: 'internal' };
    }
  }

  #secretsOf({ orgId, endpointId, secret, formerSecret }: ClaimedDelivery): Secret[] {
    const open = (column: 'secret' | 'former_secret', sealed: Buffer): Secret =>
      new Secret(this.#deps.keyring.decrypt(secretPlace(orgId, endpointId, column), sealed).toString('utf8'));
    return [open('secret', secret), ...(formerSecret ? [open('former_secret', formerSecret)] : [])];
  }

  async #record(delivery: ClaimedDelivery, verdict: Verdict): Promise<void> {
    const { db, audit, log, outbox } = this.#deps;
    const { orgId, endpointId } = delivery;
    await db.tenant(orgId, async (tx) => {
      const disabled = await recordAttempt(tx, delivery, verdict, FAILING_MAX_MS);
      if (disabled === 'stale' || disabled === undefined) return;
      await audit.append(tx, {
        orgId,
        actorType: 'system',
        action: 'webhook-endpoint.disable',
        targetType: 'webhook-endpoint',
        targetId: endpointId,
        data: { reason: disabled },
      });
      await outbox.append(tx, { orgId, type: ENDPOINT_DISABLED, data: { endpointId, reason: disabled } });
      log.warn('webhooks: an endpoint is disabled', { orgId, endpointId, reason: disabled });
    });
  }
}

/** What `work` comes to; undefined as soon as the signal says so, whether or not `work` heeds it. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
  const giveUp = (): void => resolve(undefined);
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  return promise;
}

/** Lets the connection be used again after a short answer and cuts a long or slow one: what it says no longer matters. */
async function readAtMost(body: AsyncIterable<Buffer>, maxBytes: number): Promise<void> {
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > maxBytes) return;
    }
  } catch {
    // The status has arrived, and it alone is the answer.
    return;
  }
}
