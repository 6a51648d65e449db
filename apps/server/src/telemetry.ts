/** How a process is watched from outside, by the operator's settings: its log with traces and reports of faults, and the way out they take. */
import type { Settings } from './config/index.ts';
import type { Foundation } from './foundation.ts';
import type { Clock } from './platform/clock/index.ts';
import { createEgress, type Egress, type EgressOptions } from './platform/egress/index.ts';
import {
  createErrorTracker,
  createScrubber,
  createTracer,
  type ErrorTracker,
  type Logger,
  observeLog,
  type Tracer,
} from './platform/telemetry/index.ts';
import { VERSION } from './version.ts';

export interface Watched {
  readonly egress: Egress;
  readonly tracer: Tracer;
  readonly errors: ErrorTracker;
  /** The foundation's log; its lines name their trace, and its errors are reported. */
  readonly log: Logger;
}

// A process holds 500 streams of one provider beside its other calls.
const CONNECTIONS_PER_ORIGIN_MAX = 1_024;
// What is lost is lost in bulk: a server that is away says nothing new each second.
const TELL_EVERY_MS = 60_000;

function seldom(clock: Clock, tell: (error: unknown) => void): (error: unknown) => void {
  let nextMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const nowMs = clock.monotonicMs();
    if (nowMs < nextMs) return;
    nextMs = nowMs + TELL_EVERY_MS;
    tell(error);
  };
}

/** Told on the foundation's own log, so that no report can lead to another. */
export async function openTelemetry(
  foundation: Foundation,
  { hostsFor }: Pick<EgressOptions, 'hostsFor'>,
): Promise<Watched> {
  const { settings, clock, closing, log } = foundation;
  const egress = createEgress({
    allowPrivateCidrs: settings.egressAllowPrivate.map(({ cidr }) => cidr),
    clock,
    connectionsPerOriginMax: CONNECTIONS_PER_ORIGIN_MAX,
    proxyUrl: settings.egressProxyUrl,
    hostsFor,
  });
  closing.push('egress', () => egress.close());
  const scrub = createScrubber(settings.secrets.values);
  const tracer = await createTracer({
    endpoint: settings.otlpEndpoint,
    version: VERSION,
    scrub,
    onLost: seldom(clock, (error) => log.warn('traces could not be delivered', { error })),
  });
  closing.push('traces', () => tracer.close());
  const errors = openErrorTracker(settings, { egress, clock, log, scrub });
  closing.push('reports of faults', () => errors.close());
  const watchedLog = observeLog(log, {
    fields: tracer.fields,
    onFault: (_level, message, { error, ...fields }) => errors.report(error ?? new Error(message), fields),
  });
  return { egress, tracer, errors, log: watchedLog };
}

function openErrorTracker(
  settings: Settings,
  more: { egress: Egress; clock: Clock; log: Logger; scrub: (text: string) => string },
): ErrorTracker {
  return createErrorTracker({
    dsn: settings.sentryDsn,
    environment: settings.sentryEnvironment,
    version: VERSION,
    ...more,
    onLost: seldom(more.clock, (error) =>
      more.log.warn('a fault could not be reported to the error tracker', { error }),
    ),
  });
}
