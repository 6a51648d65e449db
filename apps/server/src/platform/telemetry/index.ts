/** What the operator sees of a running process: log lines, metrics, traces, reports of faults. */

export { createTracer } from './create-tracer.ts';
export {
  askErrorTracker,
  createErrorTracker,
  type ErrorTracker,
  type ErrorTrackerOptions,
  noErrorTracker,
} from './error-tracker.ts';
export {
  createLogger,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  silentLogger,
} from './logger.ts';
export { createMetrics, type MetricSources, type Metrics } from './metrics.ts';
export { observeLog } from './observed-log.ts';
export { redactText } from './redact.ts';
export { createScrubber } from './scrub.ts';
export { noTracer, type OpenSpan, type Span, type SpanAttributes, type Tracer } from './tracer.ts';
