/** Embeddings that wait at the same time go to the provider together. */
import type { Clock } from '../../../platform/clock/index.ts';
import type { PlannedTarget } from '../call/plan.ts';
import type { Attempt, Channel, JsonObject, ProviderKind, TokenUsage } from '../types.ts';
import { type Upstream, type UpstreamCall, UpstreamError, upstreamErrors } from '../upstream/index.ts';
import { readVectors, type VectorsRead } from './answer.ts';
import { canonical } from './keys.ts';
import { share } from './share.ts';

/** How long a request waits for others while one is under way. Nobody waits where nothing is. */
const WAIT_MS = 5;

/** What one request of a batch may hold. */
interface Limits {
  readonly inputs: number;
  readonly tokens: number;
}
const OPENAI: Limits = { inputs: 2_048, tokens: 300_000 };
/** Within what Google (100 inputs) and Mistral (16,384 tokens) take; others say nothing. */
const CAREFUL: Limits = { inputs: 96, tokens: 8_000 };
const limitsOf = (kind: ProviderKind): Limits => (kind === 'openai' ? OPENAI : CAREFUL);

export interface Member {
  readonly target: PlannedTarget;
  readonly inputs: readonly (string | readonly number[])[];
  /** Tokens by our count, for each input. */
  readonly counts: readonly number[];
  /** The most tokens that the provider may count. */
  readonly tokensMax: number;
  /** The body for the provider without model and input. */
  readonly options: JsonObject;
  readonly clientHeaders: NonNullable<UpstreamCall<PlannedTarget>['clientHeaders']>;
  readonly signal: AbortSignal;
  /** False for a key that the request brings. */
  readonly mayShare: boolean;
  readonly totalMs: number;
}

export interface Embedded extends VectorsRead {
  /** The provider's own bytes, where they hold nothing but this answer. */
  readonly body: Buffer | undefined;
  readonly channel: Channel;
  readonly attempts: readonly Attempt[];
}

export interface Batches {
  /**
   * The vectors of one request, with its share of what the provider says was used. @throws UpstreamError as the upstream does; nothing of what
   * other requests hold is in it.
   */
  ask(member: Member): Promise<Embedded>;
}

export interface BatchesDeps {
  readonly clock: Clock;
  readonly upstream: Pick<Upstream, 'ask'>;
}

interface Seat {
  readonly member: Member;
  readonly resolve: (answer: Embedded) => void;
  readonly reject: (error: unknown) => void;
  /** Its client left, or it has its answer. */
  isOver: boolean;
  sentMs: number | undefined;
  /** Tells the request to the provider that nobody waits for it. */
  left: () => void;
}

interface Group {
  waiting: Seat[];
  flying: number;
  timer: NodeJS.Timeout | undefined;
}

/** A fault of the one request is a fault of the batch, and only alone it shows whose it was. */
const isOfOne = (error: unknown): boolean =>
  error instanceof UpstreamError &&
  [upstreamErrors.providerRefused, upstreamErrors.providerTooLarge, upstreamErrors.badAnswer].some(
    (spec) => spec.code === error.spec.code,
  );

/** With a key of one's own these choose an account within it. */
const ACCOUNT_HEADERS = ['openai-organization', 'openai-project', 'http-referer', 'x-title'];

/** Requests of one group differ in their inputs alone. */
function groupOf({ target, options, clientHeaders }: Member): string {
  const account = target.ownKey ? ACCOUNT_HEADERS.map((name) => clientHeaders[name] ?? null) : [];
  const channels = target.channels.map(({ id, baseUrl, ownerOrgId }) => [id, baseUrl, ownerOrgId ?? null]);
  return canonical([target.model, target.wire, channels, options, account]);
}

/** As many as fit together; the first always. */
function takeBatch(waiting: Seat[]): Seat[] {
  const batch: Seat[] = [];
  let [inputs, tokens] = [0, 0];
  for (let seat = waiting[0]; seat; seat = waiting[0]) {
    const { target, inputs: own, tokensMax } = seat.member;
    const limits = limitsOf(target.kind);
    inputs += own.length;
    tokens += tokensMax;
    if (batch.length > 0 && (inputs > limits.inputs || tokens > limits.tokens)) break;
    batch.push(seat);
    waiting.shift();
  }
  return batch;
}

/** Each seat's part of the answer. The last word on the sum is the provider's. */
function divide(batch: readonly Seat[], answer: VectorsRead): VectorsRead[] {
  const [only] = batch;
  if (only && batch.length === 1) return [answer];
  const counts = batch.map(({ member }) => member.counts.reduce((sum, count) => sum + count, 0));
  const { usage } = answer;
  const inputs = usage && share(usage.input, counts);
  const outputs = usage && share(usage.output, counts);
  let from = 0;
  return batch.map(({ member }, index) => {
    const items = answer.items.slice(from, from + member.inputs.length);
    from += member.inputs.length;
    const own: TokenUsage | undefined = usage && {
      ...usage,
      input: inputs?.[index] ?? 0,
      output: outputs?.[index] ?? 0,
      cached: 0,
      cacheWrite: 0,
      cacheWriteLong: 0,
      reasoning: 0,
      images: 0,
    };
    return { ...answer, items, usage: own };
  });
}

class Coalescing implements Batches {
  readonly #deps: BatchesDeps;
  readonly #groups = new Map<string, Group>();

  constructor(deps: BatchesDeps) {
    this.#deps = deps;
  }

  ask(member: Member): Promise<Embedded> {
    const { promise, resolve, reject } = Promise.withResolvers<Embedded>();
    const seat: Seat = { member, resolve, reject, isOver: false, sentMs: undefined, left: () => {} };
    if (member.signal.aborted) {
      this.#leave(seat);
      return promise;
    }
    const onAbort = (): void => this.#leave(seat);
    member.signal.addEventListener('abort', onAbort, { once: true });
    this.#enter(seat);
    return promise.finally(() => member.signal.removeEventListener('abort', onAbort));
  }

  #enter(seat: Seat): void {
    if (!seat.member.mayShare) {
      void this.#send([seat]);
      return;
    }
    const name = groupOf(seat.member);
    const group = this.#groups.get(name) ?? { waiting: [], flying: 0, timer: undefined };
    this.#groups.set(name, group);
    group.waiting.push(seat);
    if (group.flying === 0 || this.#isFull(group)) this.#flush(name, group);
    else group.timer ??= setTimeout(() => this.#flush(name, group), WAIT_MS);
  }

  #isFull({ waiting }: Group): boolean {
    const [first] = waiting;
    if (!first) return false;
    const limits = limitsOf(first.member.target.kind);
    const inputs = waiting.reduce((sum, { member }) => sum + member.inputs.length, 0);
    const tokens = waiting.reduce((sum, { member }) => sum + member.tokensMax, 0);
    return inputs >= limits.inputs || tokens >= limits.tokens;
  }

  #flush(name: string, group: Group): void {
    clearTimeout(group.timer);
    group.timer = undefined;
    group.waiting = group.waiting.filter(({ isOver }) => !isOver);
    while (group.waiting.length > 0) void this.#fly(name, group, takeBatch(group.waiting));
    if (group.flying === 0) this.#groups.delete(name);
  }

  async #fly(name: string, group: Group, batch: readonly Seat[]): Promise<void> {
    group.flying += 1;
    await this.#send(batch);
    group.flying -= 1;
    this.#flush(name, group);
  }

  /** Never throws: every seat hears for itself. */
  async #send(batch: readonly Seat[]): Promise<void> {
    const [first] = batch;
    if (!first) return;
    const controller = new AbortController();
    for (const seat of batch) {
      seat.sentMs = this.#deps.clock.monotonicMs();
      seat.left = () => {
        if (batch.every(({ isOver }) => isOver)) controller.abort();
      };
    }
    try {
      const { target, options, clientHeaders, totalMs } = first.member;
      const inputs = batch.flatMap(({ member }) => member.inputs);
      const reached = await this.#deps.upstream.ask({
        targets: [target],
        mayFallBack: false,
        mayLeaveSpendLimit: true,
        body: () => JSON.stringify({ ...options, model: target.name, input: inputs }),
        clientHeaders,
        tokens: batch.reduce((sum, { member }) => sum + member.tokensMax, 0),
        signal: controller.signal,
        limits: { totalMs },
        read: (body) => readVectors(body, inputs.length),
      });
      const { channel, attempts, answer } = reached;
      const own = batch.length === 1 ? reached.body : undefined;
      const parts = divide(batch, answer);
      batch.forEach((seat, index) => {
        const part = parts[index];
        if (part && !seat.isOver) seat.resolve({ ...part, channel, attempts, body: own });
        seat.isOver = true;
      });
    } catch (error) {
      await this.#failed(batch, error);
    }
  }

  async #failed(batch: readonly Seat[], error: unknown): Promise<void> {
    const here = batch.filter(({ isOver }) => !isOver);
    if (batch.length > 1 && isOfOne(error)) {
      await Promise.all(here.map((seat) => this.#send([seat])));
      return;
    }
    for (const seat of here) {
      seat.isOver = true;
      seat.reject(error);
    }
  }

  #leave(seat: Seat): void {
    if (seat.isOver) return;
    seat.isOver = true;
    const { target } = seat.member;
    const [channel] = target.channels;
    const sent = seat.sentMs !== undefined && channel;
    // What the provider may have read of it is booked as the operator's loss, as for any call whose client leaves.
    const attempts = sent
      ? [
          {
            channelId: channel.id,
            kind: target.kind,
            model: target.model,
            outcome: upstreamErrors.callerLeft.code,
            status: undefined,
            ms: this.#deps.clock.monotonicMs() - (seat.sentMs ?? 0),
          },
        ]
      : [];
    seat.reject(new UpstreamError(upstreamErrors.callerLeft, { attempts, isWorthRepeating: false }));
    seat.left();
  }
}

export const createBatches = (deps: BatchesDeps): Batches => new Coalescing(deps);
