/** Spans: what took how long inside of what. Off, every call costs a function call and nothing else. */
import type { LogFields } from './logger.ts';

/** Names and counts, never contents: `guildhall.run_id`, `http.route`. Texts are cleaned as those of the log are. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Span {
  /** Undefined while tracing is off. */
  readonly traceId: string | undefined;
  /** More about it, learned on the way. */
  set(attributes: SpanAttributes): void;
}

export interface OpenSpan extends Span {
  /** Spans and log lines of `work` belong to this span. */
  within<T>(work: () => T): T;
  /** Once; later calls do nothing. With an error, or the name of one, the span is marked as failed. */
  end(error?: unknown): void;
}

export interface Tracer {
  /** Runs `work` within a span of this name and ends it with the work; what the work throws marks it and passes through. */
  span<T>(name: string, attributes: SpanAttributes, work: (span: Span) => Promise<T>): Promise<T>;
  /** A span that the caller ends. `traceparent` is the W3C header of whoever called us: its trace is continued. */
  begin(name: string, attributes: SpanAttributes, traceparent?: string): OpenSpan;
  /** Trace and span that the present work belongs to, for its log lines. */
  fields(): LogFields;
  /** The W3C header for a call to another service that is trusted with it; undefined outside of spans. */
  traceparent(): string | undefined;
  /** Sends what is left, for a few seconds at most. */
  close(): Promise<void>;
}

const NO_FIELDS: LogFields = Object.freeze({});
const NO_SPAN: OpenSpan = Object.freeze({
  traceId: undefined,
  set: () => {},
  within: <T>(work: () => T): T => work(),
  end: () => {},
});

/** Tracing that is off. */
export const noTracer: Tracer = Object.freeze({
  span: <T>(_name: string, _attributes: SpanAttributes, work: (span: Span) => Promise<T>) => work(NO_SPAN),
  begin: () => NO_SPAN,
  fields: () => NO_FIELDS,
  traceparent: () => undefined,
  close: async () => {},
});

export interface TracerOptions {
  /** The collector's address without `/v1/traces`; undefined turns tracing off. It is the operator's own, so it may be private. */
  readonly endpoint: string | undefined;
  readonly version: string;
  /** Takes out values that must not leave, whatever they look like; see `createScrubber`. */
  readonly scrub: (text: string) => string;
  /** Told when spans could not be delivered; tracing itself never throws. */
  readonly onLost: (error: unknown) => void;
}
