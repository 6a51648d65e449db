/** A way to mock providers for the tests of this folder: time moves when a pause is asked for, and every pause is noted. */
import { type MockProvider, startMockProvider } from '../../../../test/harness/mock-provider/index.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { createEgress } from '../../../platform/egress/index.ts';
import type { Channel } from '../types.ts';
import { createUpstream } from './create.ts';
import type { CallLimits, Target, Upstream, UpstreamCall } from './types.ts';

/** The real clock, which can be moved on. */
export function movableClock(): Clock & { move(ms: number): void } {
  let moved = 0;
  return {
    now: () => new Date(Date.now() + moved),
    monotonicMs: () => performance.now() + moved,
    move(ms) {
      moved += ms;
    },
  };
}

export interface World {
  readonly provider: MockProvider;
  readonly upstream: Upstream;
  readonly clock: ReturnType<typeof movableClock>;
  /** Every pause that was asked for. */
  readonly pauses: number[];
  channel(id: string, more?: Partial<Channel>): Channel;
  target(channels: readonly Channel[], more?: Partial<Target>): Target;
  call(targets: readonly Target[], more?: Partial<UpstreamCall<Target>>): UpstreamCall<Target>;
  closeEgress(): Promise<void>;
  close(): Promise<void>;
}

export async function createWorld(
  options: { random?: () => number; limits?: Partial<CallLimits> } = {},
): Promise<World> {
  const provider = await startMockProvider();
  const clock = movableClock();
  const egress = createEgress({ allowPrivateCidrs: [], clock });
  const pauses: number[] = [];
  const upstream = createUpstream({
    egress,
    clock,
    random: options.random ?? (() => 0.5),
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      pauses.push(ms);
      clock.move(ms);
    },
    ...(options.limits ? { limits: options.limits } : {}),
  });
  return {
    provider,
    upstream,
    clock,
    pauses,
    channel: (id, more = {}) => ({
      id,
      kind: 'openai',
      name: id,
      baseUrl: `${provider.url}/v1`,
      weight: 1,
      priority: 0,
      regions: [],
      retainsData: false,
      requestsPerMinute: undefined,
      tokensPerMinute: undefined,
      concurrencyMax: undefined,
      ownerOrgId: undefined,
      isTrustedAddress: true,
      secret: async () => `sk-${id}-0123456789`,
      ...more,
    }),
    target: (channels, more = {}) => ({ model: 'openai/mock-small', wire: 'chat', channels, ...more }),
    call: (targets, more = {}) => ({
      targets,
      mayFallBack: false,
      mayLeaveSpendLimit: false,
      body: ({ model, wire }) => bodyFor(model.replace(/^.*\//, ''), wire === 'embeddings'),
      tokens: 100,
      signal: new AbortController().signal,
      ...more,
    }),
    closeEgress: () => egress.close(),
    async close() {
      await egress.close();
      await provider.close();
    },
  };
}

export const bodyFor = (model: string, embeds = false): string =>
  JSON.stringify(
    embeds ? { model, input: 'hello' } : { model, max_tokens: 50, messages: [{ role: 'user', content: 'hi' }] },
  );

/** The same, streamed. */
export const streamBody = ({ model }: Target): string =>
  JSON.stringify({ ...JSON.parse(bodyFor(model.replace(/^.*\//, ''))), stream: true });

/** An answer in the wire chat. @throws for anything else. */
export function readChoices(body: Buffer): unknown {
  const { choices } = JSON.parse(body.toString('utf8'));
  if (!Array.isArray(choices)) throw new Error('no choices');
  return choices;
}
