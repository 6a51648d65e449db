/** How an agent ends a run in a way its caller can understand. */
import type { FieldError } from './types.ts';

export interface AgentErrorOptions {
  /** What the caller can do now, in one sentence. */
  readonly advice?: string;
  /** Where in the input the trouble is (JSON Pointer) and what it is. */
  readonly errors?: readonly FieldError[];
  /** True only where the same input may succeed on a later attempt. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/**
 * A failure with a public code and sentence. Thrown inside a run it fails the run (which then costs nothing), unless `retryable`
 * and the step has attempts left. Any other error is shown to the caller as an internal fault without its text.
 */
export class AgentError extends Error {
  /** `reason` in kebab-case; the caller sees `agent.<reason>`. */
  readonly reason: string;
  readonly advice: string;
  readonly errors: readonly FieldError[];
  readonly retryable: boolean;
  constructor(reason: string, message: string, options: AgentErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'AgentError';
    this.reason = reason;
    this.advice = options.advice ?? 'Correct the input and start a new run.';
    this.errors = options.errors ?? [];
    this.retryable = options.retryable ?? false;
  }
}
