/** Joins transport, choice and health. */
import type { Clock } from '../../../platform/clock/index.ts';
import type { Egress } from '../../../platform/egress/index.ts';
import { askOnce, streamOnce } from './attempt.ts';
import { UpstreamError, upstreamErrors } from './errors.ts';
import { Health } from './health.ts';
import { type RouteDeps, route } from './route.ts';
import type { CallLimits, Target, Upstream, UpstreamCall } from './types.ts';

export interface UpstreamDeps extends Omit<RouteDeps, 'health'> {
  readonly egress: Egress;
  readonly clock: Clock;
  /** Over the defaults; a call's own stand over these. */
  readonly limits?: Partial<CallLimits>;
}

const DEFAULTS: CallLimits = {
  connectMs: 10_000,
  firstByteMs: 600_000,
  idleMs: 120_000,
  totalMs: 600_000,
  waitMsMax: 30_000,
  attemptsMax: 6,
  attemptsPerTargetMax: 3,
  answerBytesMax: 64 * 1024 * 1024,
};
// Headers of a stream come long before its text; what is silent for so long has hung.
const STREAM_DEFAULTS: Partial<CallLimits> = { firstByteMs: 120_000 };

export function createUpstream(deps: UpstreamDeps): Upstream {
  const health = new Health(deps.clock);
  const routing: RouteDeps = { ...deps, health };
  const limitsOf = (call: UpstreamCall<Target>, defaults: Partial<CallLimits>): CallLimits => ({
    ...DEFAULTS,
    ...defaults,
    ...deps.limits,
    ...call.limits,
  });
  return {
    async ask(call) {
      const reached = await route(routing, call, limitsOf(call, {}), (tried) => askOnce(deps, tried, call.read));
      const { visit, content, ...rest } = reached;
      visit.leave();
      return { ...rest, ...content };
    },
    async stream(call) {
      const reached = await route(routing, call, limitsOf(call, STREAM_DEFAULTS), (tried) => streamOnce(deps, tried));
      const { visit, content: body, ...rest } = reached;
      body
        .once('error', (error) => {
          if (error instanceof UpstreamError && error.spec !== upstreamErrors.callerLeft)
            visit.breakOff(error.spec.code);
        })
        .once('close', () => visit.leave());
      // Whoever takes the stream may be late for its end.
      if (body.closed) visit.leave();
      return { ...rest, body };
    },
    health: () => health.snapshot(),
  };
}
