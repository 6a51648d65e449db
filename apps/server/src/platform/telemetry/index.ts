/** What the operator sees of a running process: log lines and metrics. */
export {
  createLogger,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  silentLogger,
} from './logger.ts';
export { createMetrics, type MetricSources, type Metrics } from './metrics.ts';
export { redactText } from './redact.ts';
